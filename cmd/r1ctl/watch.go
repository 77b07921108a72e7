package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/r1ctl/r1ctl/internal/artifact"
	"github.com/r1ctl/r1ctl/internal/r1"
	"github.com/r1ctl/r1ctl/internal/runs"
	"github.com/r1ctl/r1ctl/internal/view"
)

func (a *app) watchCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "watch [RUN]",
		Short: "Follow a run until it ends (the newest one by default)",
		Long: `This command shows what a run does, stage by stage, until the run ends. Ctrl-C
leaves the run alone. On a terminal it draws the whole window; elsewhere, and
with TERM=dumb, it prints lines. NO_COLOR turns colour off.`,
		Example:           "  r1ctl watch full-r1-1123-k7q2",
		Args:              cobra.MaximumNArgs(1),
		ValidArgsFunction: a.completeRuns,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withRun(cmd, args, a.follow)
		},
	}
}

// follow shows a run until it ends; when ctx ends first it detaches. Its error
// carries the exit code of the run's outcome.
func (a *app) follow(ctx context.Context, s *session, run *r1.Run) error {
	out := a.out
	if a.json() {
		out = a.err
	}
	v := view.New(out, view.Options{Links: s.links(run.ID), Getenv: os.Getenv})
	defer v.Close() // also when something here panics
	v.Begin(run)
	reader := runs.NewReader(s.store, run)
	for {
		st, err := s.status(ctx, reader)
		switch {
		case ctx.Err() != nil:
			v.Freeze()
			fmt.Fprintf(out, "detached; run %s goes on. Watch it again with: %s\n", run.ID, s.hint("watch", run.ID))
			return nil
		case err != nil && (artifact.IsUnavailable(err) || errors.Is(err, context.DeadlineExceeded)):
			v.Show(nil, "storage does not answer; waiting: "+err.Error())
		case err != nil:
			return err
		case st.State.Ended():
			v.Show(st, "")
			v.Close()
			return a.finish(s, st)
		default:
			v.Show(st, "")
		}
		select {
		case <-time.After(time.Second):
		case <-ctx.Done():
		}
	}
}

func (a *app) finish(s *session, st *runs.Status) error {
	if a.json() {
		if err := a.printJSON(st); err != nil {
			return err
		}
	} else {
		fmt.Fprintln(a.out)
		s.printStatus(a.out, st)
	}
	switch st.State {
	case r1.RunCompleted:
		return nil
	case r1.RunCancelled:
		return codeError(exitCancelled)
	default:
		return codeError(exitRunFailed)
	}
}
