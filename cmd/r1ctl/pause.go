package main

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/r1ctl/r1ctl/internal/r1"
	"github.com/r1ctl/r1ctl/workflows"
)

func (a *app) pauseCommand() *cobra.Command {
	var stop bool
	cmd := &cobra.Command{
		Use:   "pause RUN",
		Short: "Start nothing new in a run, until unpause",
		Long: `This command pauses a run: no stage, job or attempt of it starts. What runs goes
on to its end; with --stop it is stopped, saves a checkpoint, and goes on from
there after unpause, at the cost of no retry budget. A pause lasts through restarts of everything.`,
		Example:           "  r1ctl pause full-r1-1123-k7q2\n  r1ctl pause full-r1-1123-k7q2 --stop   # and free the machines",
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: a.completeRuns,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withRun(cmd, args, func(ctx context.Context, s *session, run *r1.Run) error {
				return a.pause(ctx, s, run, stop)
			})
		},
	}
	cmd.Flags().BoolVar(&stop, "stop", false, "also stop what runs; it saves first and goes on later")
	return cmd
}

func (a *app) pause(ctx context.Context, s *session, run *r1.Run, stop bool) error {
	var answer workflows.PauseAnswer
	if err := s.update(ctx, run, workflows.UpdatePause, workflows.PauseRequest{By: userName(), Stop: stop}, &answer); err != nil {
		return err
	}
	if a.json() {
		return a.printJSON(struct {
			Run   string      `json:"run"`
			State r1.RunState `json:"state"`
			workflows.PauseAnswer
		}{run.ID, r1.RunPaused, answer})
	}
	was := "is paused"
	if answer.Already {
		was = "was paused already" + since(&answer.Pause)
	}
	what := "what runs goes on to its end"
	if answer.Stop {
		what = "what runs is stopped, and saves first"
	}
	fmt.Fprintf(a.out, "run %s %s; %s\ncontinue with: %s\n", run.ID, was, what, s.hint("unpause", run.ID))
	return nil
}

// since says who paused a run, and when.
func since(p *r1.Pause) string {
	if p == nil {
		return ""
	}
	text := ""
	if p.By != "" {
		text = " by " + p.By
	}
	return text + " since " + p.At.Local().Format(time.DateTime)
}
