package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/r1ctl/r1ctl/internal/config"
)

// app is what every command shares: streams, settings and the output form.
type app struct {
	out, err io.Writer
	flags    struct {
		config, output string
	}
}

func run(ctx context.Context, args []string, out, errw io.Writer) int {
	a := &app{out: out, err: errw}
	root := a.root()
	root.SetArgs(args)
	root.SetOut(out)
	root.SetErr(errw)
	return report(errw, root.ExecuteContext(ctx))
}

func (a *app) root() *cobra.Command {
	root := &cobra.Command{
		Use:   "r1ctl",
		Short: "Run the whole DeepSeek-R1 recipe, durably, on your machines",
		Long: `r1ctl runs the DeepSeek-R1 recipe (cold-start SFT, reasoning RL, rejection
sampling, combined SFT, final RL, distillation, R1-Zero) as durable workflows.

With nothing configured, the first command starts an embedded engine (Temporal,
its web UI and an S3 server) on this machine; it ends by itself when idle.`,
		Example:       "  r1ctl start recipes/full-r1.yaml\n  r1ctl status\n  r1ctl watch full-r1-1123-k7q2",
		SilenceUsage:  true,
		SilenceErrors: true,
		PersistentPreRunE: func(*cobra.Command, []string) error {
			if a.flags.output != "text" && a.flags.output != "json" {
				return usageError{fmt.Errorf("--output is %q, expected text or json", a.flags.output)}
			}
			return nil
		},
	}
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return usageError{err} })
	pf := root.PersistentFlags()
	pf.StringVar(&a.flags.config, "config", "", "config file (default: r1ctl.yaml here, then in the user's config folder)")
	pf.StringVarP(&a.flags.output, "output", "o", "text", "text or json")
	pf.String("state-dir", "", "everything of the embedded engine lives here (R1CTL_STATE_DIR)")
	pf.String("temporal-address", "", "use this Temporal instead of the embedded one (R1CTL_TEMPORAL_ADDRESS)")
	pf.String("s3-endpoint", "", "use this S3 instead of the embedded one (R1CTL_S3_ENDPOINT)")
	_ = root.RegisterFlagCompletionFunc("output", cobra.FixedCompletions([]string{"text", "json"}, cobra.ShellCompDirectiveNoFileComp))

	root.AddCommand(
		a.setupCommand(), a.startCommand(), a.statusCommand(), a.watchCommand(), a.resumeCommand(),
		a.pauseCommand(), a.unpauseCommand(), a.retryCommand(), a.approveCommand(), a.reviewCommand(),
		a.logsCommand(), a.cancelCommand(), a.compareCommand(), a.reportCommand(), a.workerCommand(), a.doctorCommand(), a.versionCommand(),
		a.initCommand(), a.lintCommand(), a.planCommand(), a.explainCommand(), a.diffCommand(), a.schemaCommand(), a.scoreCommand(),
		a.verifyCommand(), a.rewardsCommand(), a.curateCommand(), a.behavioursCommand(), a.funnelCommand(), a.traceCommand(), a.dataCommand(),
		a.agentCommand(), a.verifierCommand(), a.generateCommand(), a.adoptCommand(), a.artifactsCommand(), a.testsCommand(),
	)
	root.AddCommand(a.engineCommands()...)
	namedArgs(root)
	return root
}

// namedArgs makes a wrong number of arguments a usage error that shows the usage.
func namedArgs(cmd *cobra.Command) {
	for _, sub := range cmd.Commands() {
		namedArgs(sub)
	}
	check := cmd.Args
	if check == nil {
		return
	}
	cmd.Args = func(cmd *cobra.Command, args []string) error {
		if err := check(cmd, args); err != nil {
			return usageError{fmt.Errorf("%s: %w\nusage: %s\nfor more: %s --help", cmd.CommandPath(), err, cmd.UseLine(), cmd.CommandPath())}
		}
		return nil
	}
}

// settings reads the config with the flags of this call over it.
func (a *app) settings(cmd *cobra.Command) (config.Config, error) {
	over := map[string]any{}
	for flag, key := range map[string]string{
		"state-dir": "state_dir", "temporal-address": "temporal.address", "s3-endpoint": "s3.endpoint",
		"wheel-dir": "trainer.wheel_dir", "slots": "site.slots", "idle-timeout": "server.idle_timeout",
	} {
		if f := cmd.Flags().Lookup(flag); f != nil && f.Changed {
			over[key] = f.Value.String()
		}
	}
	return config.Load(a.flags.config, over)
}

func (a *app) json() bool { return a.flags.output == "json" }

func (a *app) printJSON(v any) error {
	enc := json.NewEncoder(a.out)
	enc.SetIndent("", "  ")
	if err := enc.Encode(v); err != nil {
		return fmt.Errorf("write output: %w", err)
	}
	return nil
}
