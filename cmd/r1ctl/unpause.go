package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/r1ctl/r1ctl/internal/r1"
	"github.com/r1ctl/r1ctl/workflows"
)

func (a *app) unpauseCommand() *cobra.Command {
	return &cobra.Command{
		Use:               "unpause RUN",
		Short:             "Let a paused run go on",
		Long:              `This command ends a pause: stages start again, and attempts that the pause stopped go on from what they saved.`,
		Example:           "  r1ctl unpause full-r1-1123-k7q2",
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: a.completeRuns,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withRun(cmd, args, a.unpause)
		},
	}
}

func (a *app) unpause(ctx context.Context, s *session, run *r1.Run) error {
	var answer workflows.UnpauseAnswer
	if err := s.update(ctx, run, workflows.UpdateUnpause, workflows.UnpauseRequest{By: userName()}, &answer); err != nil {
		return err
	}
	if a.json() {
		return a.printJSON(struct {
			Run string `json:"run"`
			workflows.UnpauseAnswer
		}{run.ID, answer})
	}
	text := "goes on"
	if answer.Already {
		text = "was not paused; it goes on"
	}
	fmt.Fprintf(a.out, "run %s %s\n  %s\n", run.ID, text, s.hint("watch", run.ID))
	return nil
}
