package main

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/r1ctl/r1ctl/internal/r1"
	"github.com/r1ctl/r1ctl/internal/runs"
	"github.com/r1ctl/r1ctl/workflows"
)

func (a *app) retryCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "retry RUN STAGE",
		Short: "Run a failed stage again",
		Long: `This command runs a failed stage again, with fresh retry budgets, also while other
stages run; what was skipped behind it comes back. In a run that has ended it
continues the run with that stage and what hangs on it, and leaves other stages alone.`,
		Example:           "  r1ctl retry full-r1-1123-k7q2 zero",
		Args:              cobra.ExactArgs(2),
		ValidArgsFunction: a.completeStages,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := a.prepareMachine(cmd); err != nil {
				return err
			}
			return a.withRun(cmd, args, func(ctx context.Context, s *session, run *r1.Run) error {
				return a.retry(ctx, s, run, args[1])
			})
		},
	}
}

// prepareMachine makes sure that jobs can run here, where they would.
func (a *app) prepareMachine(cmd *cobra.Command) error {
	cfg, err := a.settings(cmd)
	if err != nil || !cfg.Embedded() {
		return err
	}
	return a.ensureTrainer(cmd.Context(), cfg)
}

func (a *app) retry(ctx context.Context, s *session, run *r1.Run, stage string) error {
	var answer workflows.RetryAnswer
	err := s.update(ctx, run, workflows.UpdateRetry, workflows.StageRequest{Stage: stage, By: userName()}, &answer)
	if isNamed(err, "run-ended") || isNamed(err, "run-interrupted") {
		if err := s.awaitEnd(ctx, run); err != nil {
			return err
		}
		answer, err = s.retryEnded(ctx, run, stage)
	}
	if err != nil {
		return err
	}
	if a.json() {
		return a.printJSON(struct {
			Run string `json:"run"`
			workflows.RetryAnswer
		}{run.ID, answer})
	}
	behind := ""
	if len(answer.Again) > 1 {
		behind = ", and then " + strings.Join(answer.Again[1:], ", ")
	}
	fmt.Fprintf(a.out, "stage %s of run %s runs again%s\n  %s\n", stage, run.ID, behind, s.hint("watch", run.ID))
	return nil
}

// retryEnded drives a run that has ended: one stage, and what hangs on it. An
// interrupted one is driven whole: its other stages may have attempts that live.
func (s *session) retryEnded(ctx context.Context, run *r1.Run, stage string) (workflows.RetryAnswer, error) {
	st, err := s.status(ctx, runs.NewReader(s.store, run))
	if err != nil {
		return workflows.RetryAnswer{}, err
	}
	answer, left, err := retryPlan(run, st, stage)
	if err != nil {
		return answer, err
	}
	o := driveOptions{left: left}
	if st.State == r1.RunInterrupted {
		o = driveOptions{paused: st.Paused}
	}
	return answer, s.drive(ctx, run, o)
}

// retryPlan says what a retry in a run that has ended runs again, and what it
// leaves as it is.
func retryPlan(run *r1.Run, st *runs.Status, stage string) (workflows.RetryAnswer, []workflows.LeftStage, error) {
	answer := workflows.RetryAnswer{Stage: stage, Retry: 1}
	index := slices.IndexFunc(st.Stages, func(x runs.Stage) bool { return x.Name == stage })
	if index < 0 {
		names := make([]string, 0, len(st.Stages))
		for _, x := range st.Stages {
			names = append(names, x.Name)
		}
		return answer, nil, &r1.Error{
			Name:   "unknown-stage",
			Detail: fmt.Sprintf("run %s has no stage %q", run.ID, stage),
			Remedy: "name one of: " + strings.Join(names, ", "),
		}
	}
	if state := st.Stages[index].State; state != r1.RunFailed && state != r1.RunCancelled {
		return answer, nil, &r1.Error{
			Name:   "not-failed",
			Detail: fmt.Sprintf("stage %s of run %s has not failed: it is %s", stage, run.ID, state),
			Remedy: "see what has: r1ctl status " + run.ID,
		}
	}
	// Stages are in an order in which they can run: what hangs on the stage comes after it.
	again := map[string]bool{stage: true}
	var left []workflows.LeftStage
	for i, p := range run.Plan.Stages {
		if slices.ContainsFunc(p.Needs, func(n string) bool { return again[n] }) {
			again[p.Name] = true
		}
		now := &st.Stages[i]
		switch {
		case again[p.Name]:
			answer.Again = append(answer.Again, p.Name)
		case now.State != r1.RunCompleted:
			one := workflows.LeftStage{Stage: p.Name, State: now.State}
			if now.Error != "" {
				one.Error = &workflows.Failure{Name: now.ErrorName, Detail: now.Error, Remedy: now.Remedy}
			}
			left = append(left, one)
		}
	}
	return answer, left, nil
}
