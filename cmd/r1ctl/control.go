package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"

	"github.com/r1ctl/r1ctl/internal/r1"
	"github.com/r1ctl/r1ctl/internal/runs"
)

// update sends an update to the workflow of a run, and fills answer. A refusal
// is an r1.Error; a run that no workflow drives refuses everything.
func (s *session) update(ctx context.Context, run *r1.Run, name string, request, answer any) error {
	open, err := s.isOpen(ctx, run.ID)
	if err != nil {
		return err
	}
	if !open {
		return s.notOpen(ctx, run)
	}
	handle, err := s.temporal.UpdateWorkflow(ctx, client.UpdateWorkflowOptions{
		WorkflowID: run.ID, UpdateName: name, Args: []any{request}, WaitForStage: client.WorkflowUpdateStageCompleted,
	})
	if err == nil {
		err = handle.Get(ctx, answer)
	}
	if errors.As(err, new(*serviceerror.NotFound)) { // it has ended since we asked
		return s.notOpen(ctx, run)
	}
	if err != nil {
		return fmt.Errorf("%s run %s: %w", name, run.ID, refusal(err))
	}
	return nil
}

// refusal reads a workflow's refusal back.
func refusal(err error) error {
	var app *temporal.ApplicationError
	if !errors.As(err, &app) || app.Type() == "" || strings.ToLower(app.Type()) != app.Type() {
		return err
	}
	e := &r1.Error{Name: app.Type(), Detail: app.Message()}
	if app.HasDetails() && app.Details(&e.Remedy) != nil {
		e.Remedy = ""
	}
	return e
}

// notOpen says why a run takes no update.
func (s *session) notOpen(ctx context.Context, run *r1.Run) error {
	st, err := s.status(ctx, runs.NewReader(s.store, run))
	if err != nil {
		return err
	}
	switch st.State {
	case r1.RunInterrupted:
		return &r1.Error{Name: "run-interrupted", Detail: fmt.Sprintf("run %s is driven by no workflow", run.ID), Remedy: s.hint("resume", run.ID) + "; then the same command again"}
	case r1.RunCompleted:
		return &r1.Error{Name: "run-ended", Detail: fmt.Sprintf("run %s is completed", run.ID), Remedy: "there is nothing left to do in it; see it with: " + s.hint("status", run.ID)}
	default:
		return &r1.Error{Name: "run-ended", Detail: fmt.Sprintf("run %s is %s", run.ID, st.State), Remedy: s.hint("resume", run.ID)}
	}
}

// awaitEnd waits until no workflow drives a run that comes to its end.
func (s *session) awaitEnd(ctx context.Context, run *r1.Run) error {
	err := s.temporal.GetWorkflow(ctx, run.ID, "").Get(ctx, nil)
	if err != nil && ctx.Err() != nil {
		return ctx.Err()
	}
	if err != nil && !temporal.IsCanceledError(err) && !errors.As(err, new(*temporal.WorkflowExecutionError)) && !errors.As(err, new(*serviceerror.NotFound)) {
		return fmt.Errorf("wait for the end of run %s: %w", run.ID, err)
	}
	return nil
}

// isNamed says whether err is the user's error of that name.
func isNamed(err error, name string) bool {
	e, ok := r1.AsError(err)
	return ok && e.Name == name
}
