package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/r1ctl/r1ctl/internal/behaviours"
	"github.com/r1ctl/r1ctl/internal/curate"
	"github.com/r1ctl/r1ctl/internal/r1"
)

// behavioursFlags are those of the behaviours command.
type behavioursFlags struct {
	run, judge string
	rows       bool
}

func (a *app) behavioursCommand() *cobra.Command {
	var f behavioursFlags
	cmd := &cobra.Command{
		Use:   "behaviours IN|- | --run RUN [STAGE]",
		Short: "Count how traces reason: verification, backtracking, subgoals, backward chaining, reflective words",
		Long: `This command counts, by rules, the cognitive behaviours that responses show and
the reflective words that they say, and prints the share of rows that show each and
the mean number in a row: of all rows, and by domain, and by step where rows
have a field step. docs/behaviours.md defines each and says how well the rules do.

IN is a file of rows (JSON lines: plain, .gz or .zst; .parquet), a folder of such
files, or - for standard input. A row has a response (or completion), and may have
domain, step, verdict, and for countdown its numbers and target. With --run it
reads the samples, reports and data sets of a run's stages, or of one of them.

With --judge-field F each row's field F holds a judge's labels: an object (or text
that holds one) with verification, backtracking, subgoals and backward-chaining,
each true or false or a count. Agreement and Cohen's kappa are printed for each.

With --rows it prints a line for each row instead: id, sample, the counts.

Exit status: 0; 1 where lines were no rows, or something went wrong; 2 for a wrong call.`,
		Example: `  r1ctl behaviours traces.jsonl
  r1ctl behaviours samples.jsonl.zst -o json
  r1ctl behaviours --rows - < traces.jsonl
  r1ctl behaviours --judge-field judge labelled.jsonl
  r1ctl behaviours --run four-habits-1123-k7q2
  r1ctl behaviours --run four-habits-1123-k7q2 eval-rl-search -o json`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if f.run != "" {
				return a.behavioursOfRun(cmd, f, args)
			}
			if len(args) == 0 {
				return usageError{errors.New("give a file of rows, - for standard input, or --run RUN")}
			}
			source, err := rowsSource(cmd, args[0])
			if err != nil {
				return err
			}
			c := counting{flags: f, counter: behaviours.New(), tally: behaviours.NewTally(), out: a.out, err: a.err}
			if err := c.read(cmd.Context(), source); err != nil {
				return err
			}
			if !f.rows {
				if err := a.printBehaviours(c.tally.Summary()); err != nil {
					return err
				}
			}
			return c.complaint()
		},
	}
	cmd.Flags().StringVar(&f.run, "run", "", "a run, whose stages' rows are read")
	cmd.Flags().StringVar(&f.judge, "judge-field", "", "field of the rows that holds a judge's labels")
	cmd.Flags().BoolVar(&f.rows, "rows", false, "print a line for each row instead of a summary")
	_ = cmd.RegisterFlagCompletionFunc("run", a.completeRuns)
	return cmd
}

// rowsSource opens a file or folder of rows, or standard input.
func rowsSource(cmd *cobra.Command, name string) (curate.Source, error) {
	if name != "-" {
		return curate.Path(name)
	}
	return curate.Stream("stdin.jsonl", func(ctx context.Context) (io.ReadCloser, error) {
		return io.NopCloser(&interruptible{ctx: ctx, from: cmd.InOrStdin()}), nil
	}), nil
}

// counting reads rows into a tally, and remembers the lines that are none.
type counting struct {
	flags    behavioursFlags
	counter  *behaviours.Counter
	tally    *behaviours.Tally
	stage    string // of rows that are printed; "" from a file
	out, err io.Writer
	lenient  bool // rows without a response are no mistake
	rows     int
	bad      int
}

// rowCounts is a line of --rows.
type rowCounts struct {
	Stage      string          `json:"stage,omitempty"`
	ID         json.RawMessage `json:"id,omitempty"`
	Sample     *int            `json:"sample,omitempty"`
	Behaviours map[string]int  `json:"behaviours"`
	Reflective int             `json:"reflective"`
	Words      map[string]int  `json:"words,omitempty"`
}

func (c *counting) read(ctx context.Context, source curate.Source) error {
	lines := json.NewEncoder(c.out)
	lines.SetEscapeHTML(false)
	for line, err := range source.Rows(ctx) {
		if err != nil {
			return fmt.Errorf("read the rows: %w", err)
		}
		trace, err := behaviours.ReadTrace(line.Raw)
		if errors.Is(err, behaviours.ErrNoResponse) && c.lenient {
			continue
		}
		c.rows++
		if err != nil {
			c.bad++
			fmt.Fprintf(c.err, "%s line %d: %v\n", line.File, line.Number, err)
			continue
		}
		counts := c.counter.Row(trace.Row)
		if c.flags.rows {
			if err := lines.Encode(c.line(trace, counts)); err != nil {
				return fmt.Errorf("write a row: %w", err)
			}
			continue
		}
		c.tally.Add(trace.Entry(counts))
		if c.flags.judge != "" {
			labels, ok := behaviours.ParseLabels(behaviours.Field(line.Raw, c.flags.judge))
			c.tally.AddLabels(counts, labels, ok)
		}
	}
	return ctx.Err()
}

func (c *counting) line(t behaviours.Trace, counts behaviours.Counts) rowCounts {
	row := rowCounts{
		Stage: c.stage, ID: t.ID, Sample: t.Sample, Behaviours: counts.ByName(), Reflective: counts.Reflective(), Words: map[string]int{},
	}
	for i, word := range behaviours.Words() {
		if counts.Said[i] > 0 {
			row.Words[word] = counts.Said[i]
		}
	}
	return row
}

// complaint is the error of lines that were no rows, and of none at all.
func (c *counting) complaint() error {
	switch {
	case c.bad > 0:
		return &r1.Error{
			Name: "bad-rows", Detail: fmt.Sprintf("%d of %d lines are no rows with a response; the others have been counted", c.bad, c.rows),
			Remedy: "correct the lines named above; r1ctl behaviours --help says what a row has",
		}
	case c.rows == 0 && !c.lenient:
		return &r1.Error{Name: "bad-rows", Detail: "there are no rows to count", Remedy: "give a file of rows with a response each"}
	}
	return nil
}
