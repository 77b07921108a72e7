package activities

import (
	"context"
	"errors"
	"fmt"
	"path"

	"github.com/r1ctl/r1ctl/internal/r1"
	"github.com/r1ctl/r1ctl/internal/tasks"
)

// doubt asks of a success what its agent should have asked already: all outputs
// are there, the trainer began where the spec says, its place in the data is beyond
// that of earlier attempts, and its steps rose. It returns what is not proven.
func doubt(spec *r1.Spec, job *r1.PlannedJob, res r1.Result) *r1.Error {
	for _, o := range job.Outputs {
		if _, ok := res.Outputs[o.Name]; !ok {
			return &r1.Error{Name: "output-missing", Detail: fmt.Sprintf("the result lacks the declared output %q", o.Name),
				Remedy: "run the same r1ctl version on the machines and in the controller"}
		}
	}
	if res.Began != nil {
		if problem := r1.ProveBeginning(spec, *res.Began); problem != nil {
			return problem
		}
	}
	return r1.ProveProgress(spec, res.Began, res.Step, res.Total)
}

// beginnings is where attempts began, as far as they did. An attempt that left no
// result may have left a heartbeat.
func (a *Activities) beginnings(ctx context.Context, ref tasks.JobRef, attempts []int) ([]r1.Beginning, error) {
	var found []r1.Beginning
	for _, n := range attempts {
		key := ref.Key().Attempt(n)
		res, err := a.result(ctx, ref.Layout(), key)
		if errors.Is(err, r1.ErrNotFound) {
			var beat r1.Heartbeat
			err = a.Store.GetJSON(ctx, path.Join(ref.Layout().Attempt(key), r1.HeartbeatFile), &beat)
			res.Began = beat.Began
		}
		if err != nil && !errors.Is(err, r1.ErrNotFound) {
			return nil, fmt.Errorf("read where attempt %d of %s began: %w", n, ref.Key(), err)
		}
		if res.Began != nil && !misled(res.Name) {
			found = append(found, *res.Began)
		}
	}
	return found, nil
}

// misled says whether an attempt that failed by this name had trained something
// else than its job: nothing it says of the data, and no checkpoint of it, counts.
func misled(name string) bool {
	switch name {
	case "nothing-to-resume", "start-step-mismatch", "resume-ignored", "resume-step-mismatch", "cursor-stalled":
		return true
	}
	return false
}
