package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/r1ctl/r1ctl/internal/agent"
	"github.com/r1ctl/r1ctl/internal/artifact"
	"github.com/r1ctl/r1ctl/internal/config"
	"github.com/r1ctl/r1ctl/internal/launch/local"
	"github.com/r1ctl/r1ctl/internal/launch/slurm"
	"github.com/r1ctl/r1ctl/internal/r1"
	"github.com/r1ctl/r1ctl/internal/trainerenv"
	"github.com/r1ctl/r1ctl/internal/verify"
)

func (a *app) agentCommand() *cobra.Command {
	var spec string
	cmd := &cobra.Command{
		Use:   "agent --spec KEY",
		Short: "Run one attempt of a job beside its trainer (launchers start it)",
		Long: `This command is what a launcher starts on a machine: it fetches a job's inputs,
starts the trainer and the verifier, uploads checkpoints, metrics and logs while
the trainer runs, and writes the result last. People do not call it.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := a.settings(cmd)
			if err != nil {
				return err
			}
			begin := local.Main
			if slurm.Launched() {
				begin = slurm.Main
			}
			code := begin(func() int { return a.runAgent(cmd, cfg, spec) })
			if code != exitOK {
				return codeError(code)
			}
			return nil
		},
	}
	cmd.Flags().StringVar(&spec, "spec", "", "S3 key of the attempt's spec")
	cmd.Flags().String("bucket", "", "bucket of the spec")
	cmd.Flags().Duration("interval", 0, "pace of heartbeats and uploads (default 3s)")
	_ = cmd.MarkFlagRequired("spec")
	return cmd
}

func (a *app) runAgent(cmd *cobra.Command, cfg config.Config, spec string) int {
	log := slog.New(slog.NewTextHandler(a.err, nil))
	c, err := a.agentConfig(cmd, cfg, spec, log)
	if err != nil {
		return report(a.err, err)
	}
	res, err := agent.Run(cmd.Context(), c)
	if err != nil {
		report(a.err, err)
	}
	return agent.ExitCode(res, err)
}

func (a *app) agentConfig(cmd *cobra.Command, cfg config.Config, spec string, log *slog.Logger) (agent.Config, error) {
	ctx := cmd.Context()
	// The AWS client reads the launcher's credentials file by itself.
	if file := os.Getenv("R1CTL_CREDENTIALS_FILE"); file != "" {
		if err := os.Setenv("AWS_SHARED_CREDENTIALS_FILE", file); err != nil {
			return agent.Config{}, fmt.Errorf("set the credentials file: %w", err)
		}
	}
	storeCfg := storeConfig(cfg)
	if bucket := cmd.Flag("bucket").Value.String(); bucket != "" {
		storeCfg.Bucket = bucket
	}
	store, err := artifact.New(ctx, storeCfg)
	if err != nil {
		return agent.Config{}, err
	}
	self, err := os.Executable()
	if err != nil {
		return agent.Config{}, fmt.Errorf("find this binary: %w", err)
	}
	maker, err := makerOf(cfg)
	if err != nil {
		return agent.Config{}, err
	}
	other := a.trainerFor(ctx, cfg, self, log)
	trainer, trainerEnv, options, err := a.trainerOf(ctx, cfg, store, spec, other)
	if err != nil {
		return agent.Config{}, err
	}
	a.describe(&maker, cfg, options)
	interval, err := cmd.Flags().GetDuration("interval")
	if err != nil {
		return agent.Config{}, err
	}
	here, err := os.Getwd()
	if err != nil {
		return agent.Config{}, fmt.Errorf("find the working folder: %w", err)
	}
	return agent.Config{
		Store:      store,
		SpecKey:    spec,
		WorkDir:    filepath.Join(here, "work"),
		CacheDir:   filepath.Join(cfg.StateDir, "cache"),
		Trainer:    trainer,
		TrainerEnv: trainerEnv,
		TrainerFor: other,
		Maker:      &maker,
		Verifier:   a.verifierFor(ctx, cfg, self),
		Interval:   interval,
		Grace:      cfg.Site.StopGrace / 2, // the launcher kills at StopGrace: half to save, half to upload
		Stall:      cfg.Site.Stall,
		Logger:     log,
	}, nil
}

// describe adds to a maker what people may want to know of it later. Where the trainer's
// environment is not there, nothing of it was used.
func (a *app) describe(m *r1.Maker, cfg config.Config, options trainerenv.Options) {
	m.Command = cfg.Trainer.Command
	if len(m.Command) > 0 {
		return
	}
	if env, ok, err := trainerenv.Find(options); err == nil && ok {
		m.Lock, m.Versions = env.Lock, env.Versions
	}
}

// trainerOf is the trainer's command, and which environment of Python it runs in. A job
// that has another one needs none; one whose spec cannot be read now may need it.
func (a *app) trainerOf(ctx context.Context, cfg config.Config, store *artifact.Store, key string, other func(r1.Spec) (command, environ []string)) (
	command, environ []string, options trainerenv.Options, err error,
) {
	options = a.trainerOptions(cfg)
	var spec r1.Spec
	if store.GetJSON(ctx, key, &spec) == nil {
		if needsVLLM(cfg, spec) {
			options = a.vllmOptions(cfg)
			command, environ, err = a.vllmCommand(ctx, cfg)
			return command, environ, options, err
		}
		if command, environ = other(spec); len(command) > 0 {
			return command, environ, options, nil
		}
	}
	command, environ, err = a.trainerCommand(ctx, cfg)
	return command, environ, options, err
}

// trainerCommand is the program that trains, and its environment.
func (a *app) trainerCommand(ctx context.Context, cfg config.Config) (command, environ []string, err error) {
	if len(cfg.Trainer.Command) > 0 {
		return cfg.Trainer.Command, nil, nil
	}
	env, err := trainerenv.Ensure(ctx, a.trainerOptions(cfg))
	if err != nil {
		return nil, nil, err
	}
	return []string{env.Python, "-m", "r1trainer"}, env.Environ, nil
}

// verifierFor is the command of the verifier service, with the Python of its second
// opinion where there is one.
func (a *app) verifierFor(ctx context.Context, cfg config.Config, self string) []string {
	command := []string{self, "verifier"}
	if cfg.Site.CodeProvider != "" {
		command = append(command, "--code-provider", cfg.Site.CodeProvider)
	}
	py, err := a.builtPython(ctx, cfg)
	if err != nil || py.path == "" { // then what needs it is unverified, and says so
		return command
	}
	command = append(command, "--python", py.path)
	for _, pair := range py.environ {
		command = append(command, "--python-env", pair)
	}
	for _, dir := range cfg.Trainer.PythonPath {
		command = append(command, "--python-path", dir)
	}
	return command
}

func (a *app) verifierCommand() *cobra.Command {
	var f serveFlags
	cmd := &cobra.Command{
		Use:   "verifier",
		Short: "Serve verdicts and rewards over HTTP (agents start it)",
		Long: `This command serves the verifier on loopback: POST /v1/score judges responses
(docs/verifiers.md). It prints its address as one line of JSON and ends when
its standard input closes.`,
		Example: "  r1ctl verifier --listen 127.0.0.1:8900",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.serveVerdicts(cmd, f, verify.Config{AnnounceTo: a.out, Parent: os.Stdin})
		},
	}
	f.add(cmd)
	return cmd
}
