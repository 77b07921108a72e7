package main

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/r1ctl/r1ctl/internal/r1"
	"github.com/r1ctl/r1ctl/workflows"
)

func (a *app) approveCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "approve RUN STAGE",
		Short: "Open the gate of a stage that asks for an approval",
		Long: `This command answers the question of a stage's gate: the stage begins when what it
needs is there. Who approved, and when, is kept with the run.`,
		Example:           "  r1ctl approve full-r1-1123-k7q2 r1",
		Args:              cobra.ExactArgs(2),
		ValidArgsFunction: a.completeStages,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withRun(cmd, args, func(ctx context.Context, s *session, run *r1.Run) error {
				return a.approve(ctx, s, run, args[1])
			})
		},
	}
}

func (a *app) approve(ctx context.Context, s *session, run *r1.Run, stage string) error {
	var answer workflows.ApproveAnswer
	if err := s.update(ctx, run, workflows.UpdateApprove, workflows.StageRequest{Stage: stage, By: userName()}, &answer); err != nil {
		return err
	}
	if a.json() {
		return a.printJSON(struct {
			Run string `json:"run"`
			workflows.ApproveAnswer
		}{run.ID, answer})
	}
	text := "is approved"
	if answer.Already {
		text = "was approved already"
		if answer.By != "" {
			text += " by " + answer.By
		}
		text += " at " + answer.At.Local().Format(time.DateTime)
	}
	fmt.Fprintf(a.out, "stage %s of run %s %s: %s\n", stage, run.ID, text, answer.Question)
	return nil
}

// completeStages completes a run, and then a stage of it.
func (a *app) completeStages(cmd *cobra.Command, args []string, start string) ([]string, cobra.ShellCompDirective) {
	if len(args) == 0 {
		return a.completeRuns(cmd, args, start)
	}
	var names []string
	err := a.withRun(cmd, args[:1], func(_ context.Context, _ *session, run *r1.Run) error {
		for _, s := range run.Plan.Stages {
			names = append(names, s.Name)
		}
		return nil
	})
	if err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	return names, cobra.ShellCompDirectiveNoFileComp
}
