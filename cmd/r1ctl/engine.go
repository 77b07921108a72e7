//go:build !noembed

package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/http"
	"os"

	"github.com/spf13/cobra"

	"github.com/r1ctl/r1ctl/internal/config"
	"github.com/r1ctl/r1ctl/internal/doctor"
	"github.com/r1ctl/r1ctl/internal/embedded/server"
	"github.com/r1ctl/r1ctl/internal/embedded/statedir"
)

// ensureEngine starts the embedded server when it is not up, points cfg at it,
// and until release keeps it from ending as idle.
func (a *app) ensureEngine(ctx context.Context, cfg *config.Config) (engine, error) {
	self, err := os.Executable()
	if err != nil {
		return engine{}, fmt.Errorf("find this binary: %w", err)
	}
	command := []string{self, "server", "--state-dir", cfg.StateDir}
	if cfg.File != "" {
		command = append(command, "--config", cfg.File)
	}
	ep, err := server.Ensure(ctx, server.EnsureOptions{
		StateDir: cfg.StateDir,
		Command:  command,
		Progress: func(step string) { fmt.Fprintln(a.err, "embedded engine:", step) },
	})
	if err != nil {
		return engine{}, err
	}
	pointAt(cfg, ep)
	alive, release := context.WithCancel(ctx)
	go func() { _ = server.KeepAlive(alive, cfg.StateDir) }() // a missed touch only brings the idle end nearer
	return engine{ui: ep.UIURL, report: ep.ReportURL, keysFile: ep.CredentialsFile, release: release}, nil
}

func pointAt(cfg *config.Config, ep server.Endpoints) {
	cfg.Temporal.Address, cfg.Temporal.Namespace = ep.TemporalAddress, ep.Namespace
	cfg.S3.Endpoint, cfg.S3.Region, cfg.S3.Bucket, cfg.S3.PathStyle = ep.S3Endpoint, ep.S3Region, ep.Bucket, true
	cfg.S3.AccessKey, cfg.S3.SecretKey, cfg.S3.Embedded = ep.AccessKey, ep.SecretKey, true
}

func (a *app) engineCommands() []*cobra.Command {
	return []*cobra.Command{a.serverCommand(), a.s3ServerCommand()}
}

func (a *app) serverCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "server",
		Short: "Run the embedded engine in the foreground (commands start it by themselves)",
		Long: `This command runs Temporal, its web UI, the S3 server, the pages that show runs
(r1ctl report) and a worker, on loopback ports that are kept in the state dir. Other commands start it, detached, when it
is needed; it ends by itself when nothing runs and nobody asks.`,
		Example: "  r1ctl server\n  r1ctl server info\n  r1ctl server stop",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := a.settings(cmd)
			if err != nil {
				return err
			}
			return a.serve(cmd.Context(), cfg)
		},
	}
	cmd.Flags().Duration("idle-timeout", 0, "end after so long without a run and without a client")
	info := a.serverInfoCommand()
	info.Flags().Bool("aws", false, "print it as shell exports for the AWS CLI")
	cmd.AddCommand(a.serverStopCommand(), info)
	return cmd
}

func (a *app) serve(ctx context.Context, cfg config.Config) error {
	self, err := os.Executable()
	if err != nil {
		return fmt.Errorf("find this binary: %w", err)
	}
	return server.Run(ctx, server.RunOptions{
		StateDir:    cfg.StateDir,
		Version:     versionString(),
		S3Command:   []string{self, "s3-server", "--state-dir", cfg.StateDir},
		IdleTimeout: cfg.Server.IdleTimeout,
		Pages: func(ctx context.Context, ep server.Endpoints) (http.Handler, error) {
			local := cfg
			pointAt(&local, ep)
			return reportPages(ctx, local, slog.New(slog.NewTextHandler(a.err, &slog.HandlerOptions{Level: slog.LevelWarn})))
		},
		RunWorker: func(ctx context.Context, ep server.Endpoints, ready func()) error {
			local := cfg
			pointAt(&local, ep)
			return a.work(ctx, local, ep.CredentialsFile, ready)
		},
	})
}

func (a *app) serverStopCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "stop",
		Short: "End the embedded engine; jobs that run go on",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := a.settings(cmd)
			if err != nil {
				return err
			}
			was, err := server.Stop(cmd.Context(), cfg.StateDir)
			if err != nil {
				return err
			}
			if a.json() {
				return a.printJSON(map[string]bool{"stopped": was})
			}
			if was {
				fmt.Fprintln(a.out, "the embedded engine has ended")
			} else {
				fmt.Fprintln(a.out, "the embedded engine was not running")
			}
			return nil
		},
	}
}

func (a *app) serverInfoCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "info",
		Short:   "Say where the embedded engine is, and how an S3 client reaches it",
		Example: "  eval \"$(r1ctl server info --aws)\"   # then: aws s3 ls s3://r1ctl/",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := a.settings(cmd)
			if err != nil {
				return err
			}
			st, err := server.Probe(cfg.StateDir)
			if err != nil {
				return err
			}
			aws, _ := cmd.Flags().GetBool("aws")
			switch {
			case aws && st.State == server.StateReady:
				e := st.Endpoints
				fmt.Fprintf(a.out, "export AWS_ENDPOINT_URL=%s AWS_REGION=%s AWS_SHARED_CREDENTIALS_FILE=%s\n", e.S3Endpoint, e.S3Region, e.CredentialsFile)
			case a.json():
				return a.printJSON(map[string]any{"state": st.State, "endpoints": st.Endpoints})
			case st.State != server.StateReady:
				fmt.Fprintf(a.out, "the embedded engine is %s (state dir %s)\n", st.State, cfg.StateDir)
			default:
				e := st.Endpoints
				fmt.Fprintf(a.out, "reports      %s\nTemporal     %s  namespace %s\nTemporal UI  %s\nS3           %s  bucket %s  region %s\nS3 keys      %s\nstate dir    %s\npid          %d\n",
					e.ReportURL, e.TemporalAddress, e.Namespace, e.UIURL, e.S3Endpoint, e.Bucket, e.S3Region, e.CredentialsFile, e.StateDir, e.PID)
			}
			return nil
		},
	}
}

// s3ServerCommand is the process that serves S3 for the embedded engine.
func (a *app) s3ServerCommand() *cobra.Command {
	return &cobra.Command{
		Use:    "s3-server",
		Hidden: true,
		Short:  "Serve S3 for the embedded engine (the engine starts it)",
		Args:   cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := a.settings(cmd)
			if err != nil {
				return err
			}
			return server.RunS3(cmd.Context(), cfg.StateDir)
		},
	}
}

// engineDeps adds what doctor should look at for the embedded engine, and says
// whether it is up: then cfg points at it.
func (a *app) engineDeps(cfg *config.Config, d *doctor.Deps) (bool, error) {
	st, err := server.Probe(cfg.StateDir)
	if err != nil {
		return false, err
	}
	d.State = func(context.Context) (string, error) {
		if _, err := os.Stat(cfg.StateDir); errors.Is(err, fs.ErrNotExist) {
			return cfg.StateDir + ", to be made", nil
		}
		if _, err := statedir.Open(cfg.StateDir); err != nil {
			return "", err
		}
		return cfg.StateDir + ", engine " + st.State, nil
	}
	if st.State == server.StateReady {
		pointAt(cfg, st.Endpoints)
		return true, nil
	}
	return false, nil
}
