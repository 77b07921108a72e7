package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/r1ctl/r1ctl/internal/launch/childenv"
	"github.com/r1ctl/r1ctl/internal/r1"
	"github.com/r1ctl/r1ctl/internal/trainerenv"
	"github.com/r1ctl/r1ctl/internal/verify"
	"github.com/r1ctl/r1ctl/internal/verify/reward"
	"github.com/r1ctl/r1ctl/internal/verify/reward/lines"
	"github.com/r1ctl/r1ctl/internal/verify/reward/outside"
)

// scoreFlags are those of the score command.
type scoreFlags struct {
	reward, compat, python string
	params                 []string
	batch                  int
}

func (a *app) scoreCommand() *cobra.Command {
	var f scoreFlags
	cmd := &cobra.Command{
		Use:   "score --reward NAME IN.jsonl|-",
		Short: "Compute a reward of every row of a file",
		Long: `This command reads rows, one JSON object a line, from a file or standard input
(-), and writes for each, in order, a line with its id and its reward:

  {"id": …, "reward": 0.75}
  {"id": …, "reward": null, "reason": "gold-unparsable"}

A reward that cannot be computed is null, never 0. A row has

  completion   a string or chat messages (also called response); needed
  prompt       a string or chat messages
  gold         what a right answer is (also called solution)
  tokens       how many the completion has (or completion_ids, a list of them)
  group        rows that the reward length compares; default the same prompt,
               and all rows together where there is neither

and whatever else a reward wants to know. docs/rewards.md lists rewards and
parameters. With --compat open-r1 a reward follows open-r1's rule as it is.

A line that is no row is told on standard error with its number and answered by
null, and so are rows a reward of your own failed on; the others are scored.
Rewards that compare rows (length) are written when the input has ended.

Exit status: 0, also where rewards are null; 1 where lines were no rows, or
something went wrong; 2 for a wrong reward or parameter.`,
		Example: `  r1ctl score --reward format samples.jsonl
  r1ctl score --reward cosine --param max_len=4000 --param min_value_correct=0.2 samples.jsonl
  r1ctl score --reward repetition_penalty --compat open-r1 - < samples.jsonl
  r1ctl score --reward python --param python=mypkg.rewards:my_reward samples.jsonl
  r1ctl score --reward url --param url=http://127.0.0.1:8900/score samples.jsonl`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			r, err := f.resolve()
			if err != nil {
				return err
			}
			in, err := openRows(cmd, args[0])
			if err != nil {
				return err
			}
			defer in.Close()
			return a.score(cmd, r, f, in)
		},
	}
	cmd.Flags().StringVar(&f.reward, "reward", "", "name of the reward")
	cmd.Flags().StringArrayVar(&f.params, "param", nil, "NAME=VALUE: a parameter of the reward (repeatable)")
	cmd.Flags().StringVar(&f.compat, "compat", "", "open-r1: its rule as it is, defects included")
	cmd.Flags().StringVar(&f.python, "python", "", "interpreter of a python reward (default: that of the trainer's environment)")
	cmd.Flags().IntVar(&f.batch, "batch", 256, "rows scored at once, and given to a reward of your own in one call")
	_ = cmd.RegisterFlagCompletionFunc("reward", cobra.FixedCompletions(reward.Names(), cobra.ShellCompDirectiveNoFileComp))
	_ = cmd.RegisterFlagCompletionFunc("compat", cobra.FixedCompletions([]string{reward.OpenR1}, cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

// resolve checks the reward and its parameters.
func (f scoreFlags) resolve() (*reward.Reward, error) {
	if f.batch < 1 {
		return nil, usageError{fmt.Errorf("--batch is %d, expected at least 1", f.batch)}
	}
	if f.reward == "" {
		return nil, usageError{fmt.Errorf("--reward is missing; one of: %s", strings.Join(reward.Names(), ", "))}
	}
	def, err := reward.Lookup(f.reward)
	if err != nil {
		return nil, err
	}
	if def.Name == reward.Preference {
		return nil, usageError{errors.New("a preference is the score of a reward model, which only a run has: it cannot be computed from rows")}
	}
	values, err := def.Parse(f.params)
	if err != nil {
		return nil, err
	}
	if f.compat != "" {
		values[reward.Compat] = f.compat
	}
	return reward.New(f.reward, values)
}

func (a *app) score(cmd *cobra.Command, r *reward.Reward, f scoreFlags, in io.Reader) error {
	ctx := cmd.Context()
	stream := lines.Stream{
		In: in, Out: a.out, Batch: f.batch,
		Bad: func(line int, err error) { fmt.Fprintf(a.err, "line %d: %v\n", line, err) },
	}
	cfg, err := a.settings(cmd)
	if err != nil {
		return err
	}
	py, err := a.builtPython(cmd.Context(), cfg)
	if err != nil {
		return err
	}
	// Rows that say nothing of their answers hold mathematics, as upstream's do.
	j, err := newJudging(py, cfg.Site.CodeProvider, verify.Options{Default: verify.Math}, a.err)
	if err != nil {
		return err
	}
	defer j.close()
	var sum lines.Summary
	switch {
	case r.Name == reward.Python:
		function, failed := a.rewardFunction(cmd, r, f.python)
		if failed != nil {
			return failed
		}
		defer function.Close()
		sum, err = stream.Score(ctx, always{function})
	case r.Name == reward.URL:
		sum, err = stream.Score(ctx, always{outside.NewEndpoint(r.Params)})
	case r.Grouped():
		sum, err = stream.ScoreGroups(ctx, judged{r, j.Judge})
	default:
		sum, err = stream.Score(ctx, judged{r, j.Judge})
	}
	if err != nil {
		return err
	}
	if n := sum.Unknown - sum.Bad; n > 0 {
		fmt.Fprintf(a.err, "note: %d of %d rows have no reward; their lines say why\n", n, sum.Rows)
	}
	if sum.Bad > 0 {
		return &r1.Error{
			Name: "bad-rows", Detail: fmt.Sprintf("%d of %d lines are no rows; the others have been scored", sum.Bad, sum.Rows),
			Remedy: "correct the lines named above; r1ctl score --help says what a row has",
		}
	}
	return nil
}

// rewardFunction starts a Python function of the user's.
func (a *app) rewardFunction(cmd *cobra.Command, r *reward.Reward, python string) (*outside.Function, error) {
	options := outside.Options{Python: python, Log: a.err}
	paths := []string{os.Getenv("PYTHONPATH")}
	var environ []string
	if python == "" {
		cfg, err := a.settings(cmd)
		if err != nil {
			return nil, err
		}
		env, err := trainerenv.Ensure(cmd.Context(), a.trainerOptions(cfg))
		if err != nil {
			return nil, err
		}
		options.Python, environ, paths = env.Python, env.Environ, append(paths, env.SourceDir)
	}
	options.Environ = append(childenv.Clean(environ...), "PYTHONPATH="+strings.Trim(strings.Join(paths, ":"), ":"))
	function := outside.NewFunction(r.Params, options)
	if err := function.Start(cmd.Context()); err != nil {
		function.Close()
		return nil, err
	}
	return function, nil
}

// always is a reward of the user's: its trouble is in its values.
type always struct {
	from interface {
		Score(ctx context.Context, items []reward.Item) []reward.Value
	}
}

func (s always) Score(ctx context.Context, items []reward.Item) ([]reward.Value, error) {
	return s.from.Score(ctx, items), ctx.Err()
}

// judged is a reward of r1ctl's own, with the one judge.
type judged struct {
	*reward.Reward
	judge *verify.Judge
}

func (s judged) Score(ctx context.Context, items []reward.Item) ([]reward.Value, error) {
	return s.Reward.Score(ctx, items, s.judge)
}

func (s judged) Measure(ctx context.Context, items []reward.Item) ([]reward.Measure, error) {
	return s.Reward.Measure(ctx, items, s.judge)
}
