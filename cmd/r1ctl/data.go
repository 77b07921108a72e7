package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"

	"github.com/spf13/cobra"

	"github.com/r1ctl/r1ctl/internal/r1"
	"github.com/r1ctl/r1ctl/internal/trail"
)

// dataFlags are those of data show.
type dataFlags struct {
	dropped, domain, verdict string
	count, offset            int
	seed                     uint64
	random, full             bool
}

func (a *app) dataCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "data", Short: "Look at the rows of a run",
		Example: "  r1ctl data show full-r1-1123-k7q2 sft-data\n  r1ctl data show full-r1-1123-k7q2 cold-start --dropped",
	}
	cmd.AddCommand(a.dataShowCommand())
	return cmd
}

func (a *app) dataShowCommand() *cobra.Command {
	var f dataFlags
	cmd := &cobra.Command{
		Use:   "show RUN STAGE",
		Short: "Page real rows of a stage's data, or those that it dropped",
		Long: `This command prints rows of a stage's data set or report: by page (-n, --offset),
or at random (--random, the same for the same --seed). With --dropped it prints rows
that the stage dropped, with the step and the reason, and the text as it was before
the stage; --dropped=REASON only those with that step or reason.

A stage that trains stands for the data that it trains on.`,
		Example: `  r1ctl data show full-r1-1123-k7q2 sft-data
  r1ctl data show full-r1-1123-k7q2 cold-start --dropped
  r1ctl data show full-r1-1123-k7q2 cold-start --dropped=repetition -n 20
  r1ctl data show full-r1-1123-k7q2 rejection-samples --domain math --verdict wrong --random
  r1ctl data show full-r1-1123-k7q2 sft-data -n 100 --offset 200 -o json`,
		Args:              cobra.ExactArgs(2),
		ValidArgsFunction: a.completeStages,
		RunE: func(cmd *cobra.Command, args []string) error {
			if f.count < 1 || f.offset < 0 {
				return usageError{errors.New("-n must be at least 1, and --offset 0")}
			}
			return a.withRun(cmd, args, func(ctx context.Context, s *session, run *r1.Run) error {
				stages, err := stagesNamed(run, args[1:])
				if err != nil {
					return err
				}
				t := trail.Open(s.store, run)
				if cmd.Flags().Changed("dropped") {
					return a.showDropped(ctx, t, stages[0], f)
				}
				return a.showRows(ctx, t, stages[0], f)
			})
		},
	}
	cmd.Flags().StringVar(&f.dropped, "dropped", "", "rows that were dropped; with a value by this step or reason")
	cmd.Flags().Lookup("dropped").NoOptDefVal = "*"
	cmd.Flags().StringVar(&f.domain, "domain", "", "rows of this domain")
	cmd.Flags().StringVar(&f.verdict, "verdict", "", "samples with this verdict: correct, wrong or unverified")
	cmd.Flags().IntVarP(&f.count, "count", "n", 5, "how many rows")
	cmd.Flags().IntVar(&f.offset, "offset", 0, "how many to pass over first")
	cmd.Flags().BoolVar(&f.random, "random", false, "random rows")
	cmd.Flags().Uint64Var(&f.seed, "seed", 0, "of --random")
	cmd.Flags().BoolVar(&f.full, "full", false, "print texts whole")
	return cmd
}

// page takes the rows that are asked for out of all: a window, or a random choice
// (by reservoir, in the order of the rows).
type page[T any] struct {
	flags  dataFlags
	random *rand.Rand
	seen   int
	taken  []numbered[T]
}

type numbered[T any] struct {
	number int
	value  T
}

func newPage[T any](f dataFlags) *page[T] {
	return &page[T]{flags: f, random: rand.New(rand.NewPCG(f.seed, 0))}
}

// add says whether more rows are wanted.
func (p *page[T]) add(v T) bool {
	n := p.seen
	p.seen++
	switch {
	case !p.flags.random:
		if n >= p.flags.offset {
			p.taken = append(p.taken, numbered[T]{n, v})
		}
		return len(p.taken) < p.flags.count
	case len(p.taken) < p.flags.count:
		p.taken = append(p.taken, numbered[T]{n, v})
	default:
		if i := p.random.IntN(p.seen); i < p.flags.count {
			p.taken[i] = numbered[T]{n, v}
		}
	}
	return true
}

func (p *page[T]) rows() []T {
	slices.SortFunc(p.taken, func(a, b numbered[T]) int { return a.number - b.number })
	out := make([]T, len(p.taken))
	for i, t := range p.taken {
		out[i] = t.value
	}
	return out
}

func (a *app) showRows(ctx context.Context, t *trail.Run, stage *r1.PlannedStage, f dataFlags) error {
	p := newPage[trail.Row](f)
	for row, err := range t.DataOf(ctx, stage) {
		if err != nil {
			return err
		}
		if f.domain != "" && row.Domain != f.domain || f.verdict != "" && (row.Verdict == nil || string(row.Verdict.Label) != f.verdict) {
			continue
		}
		if !p.add(row) {
			break
		}
	}
	rows := p.rows()
	if a.json() {
		raw := make([]json.RawMessage, len(rows))
		for i, row := range rows {
			raw[i] = row.Raw
		}
		return a.printJSON(raw)
	}
	for _, row := range rows {
		printStep(a.out, trail.Step{Stage: row.At.Stage, Kind: stage.Kind, At: row.At, Row: row, Did: "…"}, nil, f.width())
	}
	if len(rows) == 0 {
		fmt.Fprintln(a.err, "no such rows")
	}
	return nil
}

func (f dataFlags) width() int {
	if f.full {
		return 0
	}
	return 600
}

// droppedRow is a dropped row with its text as it was before.
type droppedRow struct {
	trail.Drop
	Row json.RawMessage `json:"row,omitempty"` // as it was before the stage
}

func (a *app) showDropped(ctx context.Context, t *trail.Run, stage *r1.PlannedStage, f dataFlags) error {
	if stage.Kind != r1.KindCurate {
		return usageError{fmt.Errorf("stage %s drops no rows: it is no curate stage", stage.Name)}
	}
	p := newPage[trail.Drop](f)
	for d, err := range t.Dropped(ctx, stage, "") {
		if err != nil {
			return err
		}
		if f.dropped != "*" && d.Step != f.dropped && d.Reason != f.dropped || f.domain != "" && d.Domain != f.domain {
			continue
		}
		if !p.add(d) {
			break
		}
	}
	var out []droppedRow
	for _, d := range p.rows() {
		row, err := t.Before(ctx, stage, d)
		if err != nil {
			return err
		}
		one := droppedRow{Drop: d}
		if row != nil {
			one.Row = row.Raw
		}
		out = append(out, one)
		if !a.json() {
			a.printDropped(d, row, f.width())
		}
	}
	if a.json() {
		return a.printJSON(out)
	}
	if len(out) == 0 {
		fmt.Fprintln(a.err, "no such rows")
	}
	return nil
}

func (a *app) printDropped(d trail.Drop, row *trail.Row, width int) {
	fmt.Fprintf(a.out, "%s: %s  (%s, %s:%d)\n", d.Step, d.Reason, d.Source, d.File, d.Line)
	switch {
	case row != nil:
		printStep(a.out, trail.Step{Stage: row.At.Stage, At: row.At, Row: *row, Did: "as it was before"}, nil, width)
	case d.Text != "":
		fmt.Fprintf(a.out, "  %s\n", shorten(d.Text, width))
	default:
		fmt.Fprintln(a.out, "  its text is in the source, outside of the run")
	}
}
