package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/r1ctl/r1ctl/internal/verify"
	"github.com/r1ctl/r1ctl/internal/verify/reward"
)

func (a *app) rewardsCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "rewards",
		Short:   "List rewards, and serve them to any trainer",
		Example: "  r1ctl rewards list\n  r1ctl rewards serve --listen 127.0.0.1:8900",
	}
	cmd.AddCommand(a.rewardsListCommand(), a.rewardsServeCommand())
	return cmd
}

func (a *app) rewardsListCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "list",
		Short:   "List the rewards",
		Example: "  r1ctl rewards list",
		Args:    cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			type entry struct {
				Name    string   `json:"name"`
				Doc     string   `json:"doc"`
				Range   string   `json:"range"`
				Version int      `json:"version"`
				Params  []string `json:"params"`
			}
			list := []entry{}
			for _, d := range reward.Definitions() {
				e := entry{d.Name, d.Doc, d.Range, d.Version, []string{}}
				for _, p := range d.Params {
					e.Params = append(e.Params, p.Name)
				}
				list = append(list, e)
			}
			if a.json() {
				return a.printJSON(list)
			}
			table := tabwriter.NewWriter(a.out, 0, 0, 2, ' ', 0)
			for _, e := range list {
				fmt.Fprintf(table, "%s\t%s\t%s\n", e.Name, e.Range, e.Doc)
			}
			return table.Flush()
		},
	}
}

// serveFlags are those of a verifier service.
type serveFlags struct {
	listen, python, verifier, provider string
	remote                             bool
	environ, rewards, paths            []string
}

func (f *serveFlags) add(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.listen, "listen", "127.0.0.1:0", "address to serve on")
	cmd.Flags().BoolVar(&f.remote, "allow-remote", false, "permit an address that other machines can reach")
	cmd.Flags().StringVar(&f.provider, "code-provider", "", "service that runs programs, in place of a sandbox here (docs/sandbox.md)")
	cmd.Flags().StringVar(&f.python, "python", "", "interpreter of the second opinion, of puzzles and of python rewards")
	cmd.Flags().StringArrayVar(&f.environ, "python-env", nil, "KEY=VALUE in its environment (repeatable)")
	cmd.Flags().StringArrayVar(&f.paths, "python-path", nil, "folder with modules of python rewards (repeatable); PYTHONPATH counts too")
}

func (a *app) rewardsServeCommand() *cobra.Command {
	var f serveFlags
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Serve verdicts and rewards over HTTP to any trainer",
		Long: `This command serves the verifier alone: POST /v1/score, and adapters for other
trainers: POST /run_code (SandboxFusion), POST /openrlhf/get_reward (OpenRLHF) and
POST /slime (slime); GET /metrics (Prometheus) and GET /healthz. docs/verifiers.md
has an example of each.

The adapters give the sum of the rewards named with --reward. A sample without a
verdict gets an HTTP error, never 0. Where other machines can reach the service,
requests cannot name functions or addresses of their own; --reward still can.`,
		Example: `  r1ctl rewards serve --listen 127.0.0.1:8900
  r1ctl rewards serve --reward accuracy --reward format,style=answer
  r1ctl rewards serve --listen 0.0.0.0:8900 --allow-remote`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := a.settings(cmd)
			if err != nil {
				return err
			}
			if f.python == "" {
				py, err := a.builtPython(cmd.Context(), cfg)
				if err != nil {
					return err
				}
				f.python, f.environ = py.path, py.environ
			}
			if f.provider == "" {
				f.provider = cfg.Site.CodeProvider
			}
			f.paths = append(f.paths, cfg.Trainer.PythonPath...)
			if f.python == "" {
				fmt.Fprintln(a.err, "note: without the trainer's environment (r1ctl setup) there is no second opinion on mathematics, and no puzzles")
			}
			return a.serveVerdicts(cmd, f, verify.Config{AnnounceTo: announcer{a}})
		},
	}
	f.add(cmd)
	cmd.Flags().StringArrayVar(&f.rewards, "reward", nil, "NAME or NAME,PARAM=VALUE,…: a reward of the adapters (repeatable; default accuracy)")
	cmd.Flags().StringVar(&f.verifier, "verifier", verify.Math, "verifier of items that name none and whose domain implies none")
	return cmd
}

// announcer tells people or programs where the service is.
type announcer struct{ *app }

func (w announcer) Write(line []byte) (int, error) {
	if w.json() {
		return w.out.Write(line)
	}
	var said struct {
		URL string `json:"url"`
	}
	if err := json.Unmarshal(bytes.TrimSpace(line), &said); err != nil {
		return 0, fmt.Errorf("announce the service: %w", err)
	}
	if _, err := fmt.Fprintf(w.out, "verdicts and rewards are served at %s\n", said.URL); err != nil {
		return 0, err
	}
	return len(line), nil
}

// serveVerdicts serves until the command's context ends, or its parent does.
func (a *app) serveVerdicts(cmd *cobra.Command, f serveFlags, cfg verify.Config) error {
	if f.verifier != "" && !verify.Known(f.verifier) {
		return usageError{fmt.Errorf("--verifier is %q, expected one of %s", f.verifier, strings.Join(verify.Verifiers(), ", "))}
	}
	rewards, err := namedRewards(f.rewards)
	if err != nil {
		return err
	}
	py := python{f.python, f.environ}
	j, err := newJudging(py, f.provider, verify.Options{Default: f.verifier}, a.err)
	if err != nil {
		return err
	}
	defer j.close()
	own := newOutsideRewards(py, f.paths, a.err, !f.remote, rewards)
	defer own.Close()
	cfg.Listen, cfg.AllowRemote = f.listen, f.remote
	cfg.Handler = verify.Service{
		Scorer: verify.Scorer{Judge: j.Judge, Outside: own.find}, Metrics: j.metrics, Programs: j.programs, Rewards: rewards,
	}.Handler()
	return verify.Serve(cmd.Context(), cfg)
}

// namedRewards reads rewards as --reward has them.
func namedRewards(list []string) ([]verify.Wanted, error) {
	var out []verify.Wanted
	for _, text := range list {
		name, params, _ := strings.Cut(text, ",")
		def, err := reward.Lookup(name)
		if err != nil {
			return nil, err
		}
		var pairs []string
		if params != "" {
			pairs = strings.Split(params, ",")
		}
		values, err := def.Parse(pairs)
		if err != nil {
			return nil, err
		}
		w, err := verify.NewWanted(name, values, nil)
		if err != nil {
			return nil, usageError{err}
		}
		out = append(out, w)
	}
	return out, nil
}

var _ io.Writer = announcer{}
