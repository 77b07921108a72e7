package main

import (
	"context"
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
and the command waits until they are gone, also those of a workflow that was
terminated or lost. What is committed and saved stays, and the command names it;
resume continues the run from there.`,
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
		if err := s.awaitEnd(ctx, run); err != nil {
			return err
		}
	}
	st, err := s.status(ctx, runs.NewReader(s.store, run))
	if err != nil {
		return err
	}
	// Nothing drives the run (any more). Where its own end did not see to it that
	// nothing lives on, because it was terminated, say, that is done now.
	if !open || st.State == r1.RunInterrupted {
		record := r1.RunRecord{Run: run.ID, State: st.State, Started: st.Started, Ended: st.Ended, Error: st.Error, Retries: st.Retries}
		if st.State == r1.RunInterrupted {
			record.State = r1.RunCancelled
		}
		if _, err := s.reap(ctx, run, record); err != nil {
			return err
		}
		if st, err = s.status(ctx, runs.NewReader(s.store, run)); err != nil {
			return err
		}
	}
	saved, err := runs.Checkpoints(ctx, s.store, run)
	if err != nil {
		return err
	}
	if a.json() {
		return a.printJSON(struct {
			Run    string       `json:"run"`
			State  r1.RunState  `json:"state"`
			Notice string       `json:"notice,omitempty"`
			Saved  []runs.Saved `json:"saved"`
		}{run.ID, st.State, st.Notice, saved})
	}
	fmt.Fprintf(a.out, "run %s is %s\n", run.ID, st.State)
	if st.Notice != "" {
		fmt.Fprintln(a.out, "note:", st.Notice)
	}
	for _, c := range saved {
		what := "has saved nothing yet"
		if c.Step > 0 {
			what = fmt.Sprintf("goes on from step %d, which attempt %d saved", c.Step, c.Attempt)
		}
		fmt.Fprintf(a.out, "  %s/%s %s\n", c.Stage, c.Job, what)
	}
	if st.State != r1.RunCompleted {
		fmt.Fprintf(a.out, "continue with: %s\n", s.hint("resume", run.ID))
	}
	return nil
}

// reap stops what lives of a run that no workflow drives, and gives the run that
// record, unless it is empty. It says what may live on all the same.
func (s *session) reap(ctx context.Context, run *r1.Run, record r1.RunRecord) (notice string, err error) {
	w, err := s.temporal.ExecuteWorkflow(ctx, client.StartWorkflowOptions{
		ID:                    run.ID + "/reap",
		TaskQueue:             workflows.QueueControl,
		StaticSummary:         "Stop what still lives of " + run.ID,
		TypedSearchAttributes: temporal.NewSearchAttributes(runAttributes(run)...),
	}, workflows.ReapName, workflows.ReapRunInput{
		RunRef: tasks.RunRef{Recipe: run.Recipe, Run: run.ID}, Budgets: budgets(s.cfg.Site, run.Plan.Retries), Record: record,
	})
	if err != nil {
		return "", fmt.Errorf("reap run %s: %w", run.ID, err)
	}
	var result workflows.ReapResult
	if err := w.Get(ctx, &result); err != nil {
		return "", fmt.Errorf("reap run %s: %w", run.ID, err)
	}
	return result.Notice, nil
}
