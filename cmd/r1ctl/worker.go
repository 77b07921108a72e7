package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"

	"github.com/spf13/cobra"

	"github.com/r1ctl/r1ctl/internal/artifact"
	"github.com/r1ctl/r1ctl/internal/config"
	"github.com/r1ctl/r1ctl/worker"
)

func (a *app) workerCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "worker",
		Short: "Serve runs of your own Temporal from this machine",
		Long: `This command runs a worker for the Temporal and S3 that are configured. Its jobs
run on this machine, or at the site that site.name chooses. Start as many as you like;
stopping one leaves its jobs running, and another one finds them again: those of a cluster from any
machine, others only on the same one.`,
		Example: "  r1ctl worker --temporal-address temporal.example:7233 --s3-endpoint https://s3.example",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := a.settings(cmd)
			if err != nil {
				return err
			}
			if err := cfg.CheckEngine(); err != nil {
				return err
			}
			if cfg.Embedded() {
				return usageError{fmt.Errorf("no temporal.address is configured; the embedded engine has a worker of its own")}
			}
			if err := a.ensureTrainer(cmd.Context(), cfg); err != nil {
				return err
			}
			return a.work(cmd.Context(), cfg, "", nil)
		},
	}
	cmd.Flags().Int("slots", 0, "how many jobs may run side by side (default: one a core)")
	cmd.Flags().String("wheel-dir", "", "install the trainer's environment from this folder of wheels")
	return cmd
}

// work runs a worker with the launcher of the configured site until ctx ends, and calls ready
// once it serves.
func (a *app) work(ctx context.Context, cfg config.Config, credentials string, ready func()) error {
	log := slog.New(slog.NewTextHandler(a.err, &slog.HandlerOptions{Level: slog.LevelWarn}))
	storeCfg := storeConfig(cfg)
	store, err := artifact.New(ctx, storeCfg)
	if err != nil {
		return err
	}
	self, err := os.Executable()
	if err != nil {
		return fmt.Errorf("find this binary: %w", err)
	}
	acts, err := worker.Assemble(worker.Local{Config: cfg, Store: store, StoreConfig: storeCfg, Self: self, Version: versionString(), CredentialsFile: credentials, Log: log})
	if err != nil {
		return err
	}
	c, err := worker.Dial(ctx, cfg.Temporal, log)
	if err != nil {
		return err
	}
	defer c.Close()
	return worker.Run(ctx, worker.Options{Client: c, Activities: acts, Slots: cfg.ChosenSite().Slots, Ready: ready, Log: log})
}
