package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/r1ctl/r1ctl/internal/r1"
	"github.com/r1ctl/r1ctl/internal/runs"
)

func (a *app) resumeCommand() *cobra.Command {
	var detach bool
	cmd := &cobra.Command{
		Use:   "resume RUN",
		Short: "Continue a run that failed, was cancelled, or lost its engine",
		Long: `This command continues a run from what is committed in S3. Committed jobs never
run again, a job that still lives is followed and not doubled, and a job that was
cut off continues from its newest complete checkpoint. A run that is being driven
already is only watched.`,
		Example:           "  r1ctl resume full-r1-1123-k7q2",
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: a.completeRuns,
		RunE: func(cmd *cobra.Command, args []string) error {
			cfg, err := a.settings(cmd)
			if err != nil {
				return err
			}
			if cfg.Embedded() {
				if err := a.ensureTrainer(cmd.Context(), cfg); err != nil {
					return err
				}
			}
			return a.withRun(cmd, args, func(ctx context.Context, s *session, run *r1.Run) error {
				st, err := s.status(ctx, runs.NewReader(s.store, run))
				if err != nil {
					return err
				}
				switch st.State {
				case r1.RunCompleted:
					fmt.Fprintf(a.err, "run %s is complete; nothing to resume\n", run.ID)
				case r1.RunRunning, r1.RunPending:
					fmt.Fprintf(a.err, "run %s is being driven already\n", run.ID)
				default:
					if err := s.drive(ctx, run); err != nil {
						return err
					}
				}
				if detach {
					return nil
				}
				return a.follow(ctx, s, run)
			})
		},
	}
	cmd.Flags().BoolVarP(&detach, "detach", "d", false, "return as soon as the run is driven again")
	return cmd
}
