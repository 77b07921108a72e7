package workflows

import (
	"errors"
	"fmt"
	"strings"

	"go.temporal.io/sdk/temporal"

	"github.com/r1ctl/r1ctl/internal/r1"
	"github.com/r1ctl/r1ctl/internal/tasks"
)

// jobError is how a job failed for good: with the name and the remedy of its
// last attempt. Where the budget of attempts ended and not hope, a resume is the
// remedy.
func jobError(ref tasks.AttemptRef, end tasks.AttemptEnd) *r1.Error {
	detail := fmt.Sprintf("%s/%s failed (%s) in attempt %d: %s", ref.Stage, ref.Job, end.Class, ref.Attempt, reason(end))
	e := &r1.Error{Name: end.Name, Detail: detail, Remedy: end.Remedy}
	if end.Name == "" {
		e = &r1.Error{Name: "job-failed", Detail: detail, Remedy: fmt.Sprintf("read what the trainer wrote: r1ctl logs %s %s", ref.Run, ref.Stage)}
	}
	switch end.Class {
	case r1.ClassPreempted, r1.ClassInfrastructure, r1.ClassCapacity:
		e.Remedy = fmt.Sprintf("see that machines, network and storage are well and free, then: r1ctl resume %s; the job goes on from its newest checkpoint", ref.Run)
	}
	return e
}

// reason is an attempt's error without its class, which some launchers put first.
func reason(end tasks.AttemptEnd) string {
	return strings.TrimPrefix(end.Error, string(end.Class)+": ")
}

// fail makes an error that nothing retries; its remedy travels with it.
func fail(e *r1.Error) error {
	return temporal.NewNonRetryableApplicationError(e.Detail, e.Name, nil, e.Remedy)
}

// explain reads an error back: what happened, without the layers it went
// through, and its name and remedy where it has them.
func explain(err error) *r1.Error {
	out := &r1.Error{Detail: err.Error()}
	for e := err; e != nil; e = errors.Unwrap(e) {
		var app *temporal.ApplicationError
		if !errors.As(e, &app) {
			break
		}
		e = app
		out.Detail, out.Name, out.Remedy = app.Message(), "", ""
		// Go errors without a name carry their type, such as wrapError.
		if name := app.Type(); strings.ToLower(name) == name {
			out.Name = name
		}
		if app.HasDetails() && app.Details(&out.Remedy) != nil {
			out.Remedy = ""
		}
	}
	return out
}

// several gives one error for many: all that happened, under the name and with
// the remedy of the first.
func several(errs []error) *r1.Error {
	one := explain(errs[0])
	for _, err := range errs[1:] {
		one.Detail += "; " + explain(err).Detail
	}
	return one
}
