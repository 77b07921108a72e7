package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"

	"github.com/r1ctl/r1ctl/internal/r1"
	"github.com/r1ctl/r1ctl/internal/runs"
	"github.com/r1ctl/r1ctl/internal/tasks"
	"github.com/r1ctl/r1ctl/workflows"
)

func (a *app) cancelCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "cancel RUN",
		Short: "Stop a run and every job of it that lives",
		Long: `This command cancels a run: trainers get SIGTERM and time to save a checkpoint,
and the command waits until they are gone. What is committed stays; resume
continues the run from there.`,
		Example:           "  r1ctl cancel full-r1-1123-k7q2",
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: a.completeRuns,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withRun(cmd, args, a.cancel)
		},
	}
}

func (a *app) cancel(ctx context.Context, s *session, run *r1.Run) error {
	open, err := s.isOpen(ctx, run.ID)
	if err != nil {
		return err
	}
	if open {
		if err := s.temporal.CancelWorkflow(ctx, run.ID, ""); err != nil {
			return fmt.Errorf("cancel run %s: %w", run.ID, err)
		}
		fmt.Fprintf(a.err, "stopping the jobs of run %s; they may save a checkpoint first\n", run.ID)
		err := s.temporal.GetWorkflow(ctx, run.ID, "").Get(ctx, nil)
		if err != nil && ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil && !temporal.IsCanceledError(err) && !errors.As(err, new(*temporal.WorkflowExecutionError)) {
			return fmt.Errorf("wait for run %s to stop: %w", run.ID, err)
		}
	} else {
		st, err := s.status(ctx, runs.NewReader(s.store, run))
		if err != nil {
			return err
		}
		if st.State == r1.RunInterrupted {
			if err := a.reap(ctx, s, run); err != nil {
				return err
			}
		}
	}
	st, err := s.status(ctx, runs.NewReader(s.store, run))
	if err != nil {
		return err
	}
	if a.json() {
		return a.printJSON(map[string]any{"run": run.ID, "state": st.State})
	}
	fmt.Fprintf(a.out, "run %s is %s\n", run.ID, st.State)
	if st.State != r1.RunCompleted {
		fmt.Fprintf(a.out, "continue with: %s\n", s.hint("resume", run.ID))
	}
	return nil
}

// reap stops what lives of a run that no workflow drives.
func (a *app) reap(ctx context.Context, s *session, run *r1.Run) error {
	w, err := s.temporal.ExecuteWorkflow(ctx, client.StartWorkflowOptions{
		ID:                    run.ID + "/reap",
		TaskQueue:             workflows.QueueControl,
		StaticSummary:         "Stop what still lives of " + run.ID,
		TypedSearchAttributes: temporal.NewSearchAttributes(runAttributes(run)...),
	}, workflows.ReapName, tasks.ReapInput{Recipe: run.Recipe, Run: run.ID})
	if err != nil {
		return fmt.Errorf("reap run %s: %w", run.ID, err)
	}
	var stopped int
	if err := w.Get(ctx, &stopped); err != nil {
		return fmt.Errorf("reap run %s: %w", run.ID, err)
	}
	fmt.Fprintf(a.err, "stopped %d live attempts of run %s\n", stopped, run.ID)
	return nil
}
