package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/r1ctl/r1ctl/internal/artifact"
	"github.com/r1ctl/r1ctl/internal/config"
	"github.com/r1ctl/r1ctl/internal/doctor"
	"github.com/r1ctl/r1ctl/internal/launch/slurm"
	"github.com/r1ctl/r1ctl/internal/trainerenv"
	"github.com/r1ctl/r1ctl/worker"
)

func (a *app) doctorCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "doctor",
		Short: "Check this machine and what is configured, with a remedy for each fault",
		Long: `This command looks at what r1ctl needs: Python, disk, memory, the trainer's
environment, the sandbox of programs, the state folder, the scheduler of the site, and Temporal and S3 where they are configured or
running. It starts nothing. Exit code 1 when something will not work.`,
		Example: "  r1ctl doctor\n  r1ctl doctor -o json",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := a.settings(cmd)
			if err != nil {
				return err
			}
			if err := cfg.CheckEngine(); err != nil {
				return err
			}
			deps, err := a.doctorDeps(cfg)
			if err != nil {
				return err
			}
			checks := doctor.Run(cmd.Context(), deps)
			if a.json() {
				err = a.printJSON(checks)
			} else {
				err = printChecks(a.out, checks)
			}
			if err == nil && doctor.Worst(checks) == doctor.Fail {
				return codeError(exitError)
			}
			return err
		},
	}
}

func (a *app) doctorDeps(cfg config.Config) (doctor.Deps, error) {
	options := a.trainerOptions(cfg)
	d := doctor.Deps{
		Python: func(ctx context.Context) (string, error) {
			p, err := trainerenv.Interpreter(ctx, options)
			if err != nil {
				return "", err
			}
			return p.Executable + " " + p.Version, nil
		},
		Trainer: func(context.Context) (string, error) {
			if len(cfg.Trainer.Command) > 0 {
				return "not used: trainer.command is " + strings.Join(cfg.Trainer.Command, " "), nil
			}
			env, ok, err := trainerenv.Find(options)
			if err != nil {
				return "", err
			}
			if !ok {
				return "", doctor.Warning("not built yet", "r1ctl setup")
			}
			return fmt.Sprintf("torch %s, transformers %s, device %s", env.Versions["torch"], env.Versions["transformers"], env.Versions["device"]), nil
		},
		Sandbox: sandboxProbe,
		Space:   []doctor.Space{{For: "state", Path: cfg.StateDir, Need: 2 << 30}},
	}
	if _, built, err := trainerenv.Find(options); err == nil && !built {
		d.Space = append(d.Space, doctor.Space{For: "trainer environment", Path: cfg.CacheDir, Need: trainerenv.Training().NeedBytes()})
	}
	if site := cfg.ChosenSite(); site.Launcher == config.LauncherSlurm {
		d.Launcher = slurmProbe(cfg, site)
	}
	up := true
	if cfg.Embedded() {
		var err error
		if up, err = a.engineDeps(&cfg, &d); err != nil {
			return d, err
		}
	}
	if up {
		d.Store = func(ctx context.Context) (string, error) {
			store, err := artifact.New(ctx, storeConfig(cfg))
			if err != nil {
				return "", err
			}
			return cfg.S3.Endpoint + " bucket " + cfg.S3.Bucket + ", conditional writes hold", store.Probe(ctx)
		}
		d.Temporal = func(ctx context.Context) (string, error) {
			c, err := worker.Dial(ctx, cfg.Temporal, slog.New(slog.NewTextHandler(io.Discard, nil)))
			if err != nil {
				return "", err
			}
			c.Close()
			return cfg.Temporal.Address + " namespace " + cfg.Temporal.Namespace, nil
		}
	}
	return d, nil
}

// slurmProbe asks a cluster whether it would take the site's jobs.
func slurmProbe(cfg config.Config, site config.NamedSite) doctor.Probe {
	return func(ctx context.Context) (string, error) {
		found, err := slurm.Check(ctx, worker.SlurmConfig(site), worker.Resources(site), site.Walltime, cfg.Site.StopGrace)
		if err != nil {
			return "", fmt.Errorf("site %s: %w", site.Name, err)
		}
		found = "slurm, site " + site.Name + ": " + found
		if cfg.Embedded() {
			return "", doctor.Warning(found+"; but S3 is the embedded one, which other machines cannot reach", "set temporal.address and s3.endpoint, unless all nodes are this machine")
		}
		return found, nil
	}
}

func printChecks(out io.Writer, checks []doctor.Check) error {
	w := tabwriter.NewWriter(out, 0, 4, 2, ' ', 0)
	for _, c := range checks {
		fmt.Fprintf(w, "%s\t%s\t%s\n", c.Status, c.Name, c.Detail)
		if c.Remedy != "" {
			fmt.Fprintf(w, "\t\ttry: %s\n", c.Remedy)
		}
	}
	return w.Flush()
}
