package main

import (
	"context"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/r1ctl/r1ctl/internal/config"
	"github.com/r1ctl/r1ctl/internal/r1"
	"github.com/r1ctl/r1ctl/internal/trainerenv"
	"github.com/r1ctl/r1ctl/trainer"
)

func (a *app) setupCommand() *cobra.Command {
	var generator string
	cmd := &cobra.Command{
		Use:   "setup",
		Short: "Build the trainer's Python environment, once",
		Long: `This command builds the environment that trainers run in (PyTorch, Transformers,
TRL, pinned and checked by hash) under the user's cache. It does nothing when the
environment is there already. start does the same when it is needed.

With --generator vllm it is the environment of stages that sample with vLLM, on a
machine with NVIDIA GPUs; agents build it there when a job needs it.`,
		Example: "  r1ctl setup\n  r1ctl setup --wheel-dir /mnt/wheels\n  r1ctl setup --generator vllm",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := a.settings(cmd)
			if err != nil {
				return err
			}
			if len(cfg.Trainer.Command) > 0 {
				fmt.Fprintf(a.err, "note: jobs do not use this environment, as trainer.command is %s\n", cfg.Trainer.Command[0])
			}
			options := a.trainerOptions(cfg)
			switch generator {
			case "", "transformers":
			case r1.VLLM:
				options = a.vllmOptions(cfg)
			default:
				return usageError{fmt.Errorf("--generator %s is not known: expected transformers or vllm", generator)}
			}
			env, err := trainerenv.Ensure(cmd.Context(), options)
			if err != nil {
				return err
			}
			if a.json() {
				return a.printJSON(map[string]any{"python": env.Python, "source": env.SourceDir, "versions": env.Versions})
			}
			vllm := ""
			if v := env.Versions["vllm"]; v != "" {
				vllm = ", vllm " + v
			}
			fmt.Fprintf(a.out, "the trainer's environment is ready: python %s, torch %s, transformers %s%s, device %s\n",
				env.Versions["python"], env.Versions["torch"], env.Versions["transformers"], vllm, env.Versions["device"])
			return nil
		},
	}
	cmd.Flags().StringVar(&generator, "generator", "", "whose environment: transformers (the default) or vllm")
	_ = cmd.RegisterFlagCompletionFunc("generator", cobra.FixedCompletions([]string{"transformers", r1.VLLM}, cobra.ShellCompDirectiveNoFileComp))
	cmd.Flags().String("wheel-dir", "", "install from this folder of wheels, without a network")
	return cmd
}

// ensureTrainer is setup as other commands need it: silent when there is
// nothing to do, as where jobs run another program.
func (a *app) ensureTrainer(ctx context.Context, cfg config.Config) error {
	if len(cfg.Trainer.Command) > 0 {
		return nil
	}
	if _, ok, err := trainerenv.Find(a.trainerOptions(cfg)); err != nil || ok {
		return err
	}
	fmt.Fprintln(a.err, "building the trainer's environment (once; several GB because of CUDA):")
	_, err := trainerenv.Ensure(ctx, a.trainerOptions(cfg))
	return err
}

func (a *app) trainerOptions(cfg config.Config) trainerenv.Options {
	return trainerenv.Options{
		Source:   trainer.Source,
		CacheDir: cfg.CacheDir,
		WheelDir: cfg.Trainer.WheelDir,
		Python:   cfg.Trainer.Python,
		Progress: a.setupProgress(),
	}
}

// setupProgress redraws one line on a terminal, and elsewhere prints what is
// new without repeating a download's progress.
func (a *app) setupProgress() func(trainerenv.Event) {
	f, ok := a.err.(*os.File)
	tty := ok && term.IsTerminal(int(f.Fd()))
	last := ""
	return func(e trainerenv.Event) {
		text := e.String()
		switch {
		case tty && e.Phase == trainerenv.PhaseDone:
			fmt.Fprintf(a.err, "\r\x1b[K%s\n", text)
		case tty:
			fmt.Fprintf(a.err, "\r\x1b[K%s", firstLine(text, 100))
		case e.Phase == trainerenv.PhaseDownload && e.Bytes > 0 && e.Bytes < e.Size, text == last:
		default:
			fmt.Fprintln(a.err, " ", text)
		}
		last = text
	}
}

func firstLine(s string, limit int) string {
	s, _, _ = strings.Cut(s, "\n")
	if r := []rune(s); len(r) > limit {
		return string(r[:limit-1]) + "…"
	}
	return s
}
