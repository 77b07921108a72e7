package main

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/r1ctl/r1ctl/internal/r1"
	"github.com/r1ctl/r1ctl/internal/runs"
	"github.com/r1ctl/r1ctl/recipes"
)

func (a *app) resumeCommand() *cobra.Command {
	var detach bool
	var set []string
	cmd := &cobra.Command{
		Use:   "resume RUN",
		Short: "Continue a run that failed, was cancelled, or lost its engine",
		Long: `This command continues a run from what is committed in S3. Committed jobs never
run again, a job that still lives is followed and not doubled, and a job that was
cut off continues from its newest complete checkpoint. A run that is being driven
already is only watched.

--set changes parameters of stages that are not committed, from now on; the run
keeps a record of it. Where that changes the result, the stage begins anew.`,
		Example: `  r1ctl resume full-r1-1123-k7q2
  r1ctl resume full-r1-1123-k7q2 --set zero.params.learning_rate=5e-7`,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: a.completeRuns,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := a.prepareMachine(cmd); err != nil {
				return err
			}
			return a.withRun(cmd, args, func(ctx context.Context, s *session, run *r1.Run) error {
				run, err := a.resume(ctx, s, run, set)
				if err != nil || detach {
					return err
				}
				return a.follow(ctx, s, run)
			})
		},
	}
	cmd.Flags().StringArrayVar(&set, "set", nil, "change a parameter of a stage that is not committed, such as zero.params.steps=80 (repeatable)")
	cmd.Flags().BoolVarP(&detach, "detach", "d", false, "return as soon as the run is driven again")
	return cmd
}

// resume drives a run again, with parameters changed first where that is asked.
func (a *app) resume(ctx context.Context, s *session, run *r1.Run, set []string) (*r1.Run, error) {
	st, err := s.status(ctx, runs.NewReader(s.store, run))
	if err != nil {
		return nil, err
	}
	if len(set) > 0 {
		if !st.State.Ended() {
			return nil, &r1.Error{
				Name:   "run-open",
				Detail: fmt.Sprintf("run %s is %s: its parameters cannot change while it is driven", run.ID, st.State),
				Remedy: s.hint("cancel", run.ID) + ", which keeps what is saved; then the same command again",
			}
		}
		if run, err = a.amend(ctx, s, run, set); err != nil {
			return nil, err
		}
	}
	switch st.State {
	case r1.RunCompleted:
		fmt.Fprintf(a.err, "run %s is complete; nothing to resume\n", run.ID)
		return run, nil
	case r1.RunPaused:
		fmt.Fprintf(a.err, "run %s is paused%s; continue with: %s\n", run.ID, since(st.Paused), s.hint("unpause", run.ID))
		return run, nil
	case r1.RunRunning, r1.RunPending, r1.RunWaiting:
		fmt.Fprintf(a.err, "run %s is being driven already\n", run.ID)
		return run, nil
	}
	if st.Paused != nil {
		fmt.Fprintf(a.err, "run %s is still paused%s; let it go on with: %s\n", run.ID, since(st.Paused), s.hint("unpause", run.ID))
	}
	return run, s.drive(ctx, run, driveOptions{paused: st.Paused})
}

// amend changes parameters of a run that nothing drives.
func (a *app) amend(ctx context.Context, s *session, run *r1.Run, set []string) (*r1.Run, error) {
	plan, changes, err := recipes.Amend(run, set, recipes.PlanOptions{SourceDigest: sourceDigest})
	if err != nil {
		return nil, err
	}
	if len(changes) == 0 {
		fmt.Fprintf(a.err, "run %s has these parameters already\n", run.ID)
		return run, nil
	}
	amendment := r1.Amendment{
		Created: time.Now().UTC(), By: userName(), R1ctl: versionString(), Changes: changes, Set: set, Plan: plan,
	}
	if err := runs.MayAmend(ctx, s.store, run, amendment); err != nil {
		return nil, err
	}
	// An attempt with the old parameters must not live beside one with the new ones.
	notice, err := s.reap(ctx, run, r1.RunRecord{})
	if err != nil {
		return nil, err
	}
	if notice != "" {
		return nil, &r1.Error{
			Name:   "attempts-unreachable",
			Detail: "attempts with the old parameters cannot be stopped: " + notice,
			Remedy: "bring that machine's worker back, or make sure that the attempt is gone and resume without --set",
		}
	}
	if run, err = runs.Amend(ctx, s.store, run, amendment); err != nil {
		return nil, err
	}
	for _, c := range changes {
		fmt.Fprintf(a.err, "amendment %d: %s\n", len(run.Amendments), changeText(c))
	}
	return run, nil
}

func changeText(c r1.Change) string { return fmt.Sprintf("%s from %s to %s", c.Field, c.From, c.To) }
