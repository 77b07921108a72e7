package main

import (
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/r1ctl/r1ctl/internal/r1"
	"github.com/r1ctl/r1ctl/internal/trail"
)

func (a *app) traceCommand() *cobra.Command {
	var forward, full, all bool
	cmd := &cobra.Command{
		Use:   "trace RUN ROW | RUN STAGE --all",
		Short: "Follow a row back to its sample, verdict, model and source",
		Long: `This command walks a row of any data set of a run back to where it comes from:
through each stage that kept or changed it, to the sample with its verdict and the
model that gave it, and to the line of the source that the prompt stands in. With
--forward it also says what later stages did with the row.

ROW is ID, ID:SAMPLE (the number of a sample), STAGE:ID, STAGE:ID:SAMPLE or STAGE:LINE.
A stage that trains stands for the data that it trains on. Without a stage the last
data set that holds the row is meant. r1ctl data show lists rows with their ids.

With --all every row of a stage's data is followed, and counted: by the source that it
comes from and by the model that gave it. Exit status 1 where one cannot be followed.

It reads the data sets on the way, from S3: a pass over each.`,
		Example: `  r1ctl trace full-r1-1123-k7q2 distill:12
  r1ctl trace full-r1-1123-k7q2 sft-data:1f0c94d2a7b1e633:3
  r1ctl trace full-r1-1123-k7q2 1f0c94d2a7b1e633 --forward -o json
  r1ctl trace full-r1-1123-k7q2 distill --all`,
		Args:              cobra.ExactArgs(2),
		ValidArgsFunction: a.completeStages,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withRun(cmd, args, func(ctx context.Context, s *session, run *r1.Run) error {
				if all {
					stages, err := stagesNamed(run, args[1:])
					if err != nil {
						return err
					}
					return a.traceAll(ctx, trail.Open(s.store, run), stages[0])
				}
				return a.trace(ctx, trail.Open(s.store, run), run, args[1], forward, full)
			})
		},
	}
	cmd.Flags().BoolVar(&forward, "forward", false, "say too what later stages did with the row")
	cmd.Flags().BoolVar(&all, "all", false, "follow every row of a stage's data, and count")
	cmd.Flags().BoolVar(&full, "full", false, "print texts whole")
	return cmd
}

// traced is what trace says, for programs.
type traced struct {
	Run   string       `json:"run"`
	Back  []trail.Step `json:"back"`
	After []trail.Fate `json:"forward,omitempty"`
}

func (a *app) trace(ctx context.Context, t *trail.Run, run *r1.Run, name string, forward, full bool) error {
	n, err := trail.ParseName(name, &run.Plan)
	if err != nil {
		return err
	}
	row, err := t.Find(ctx, n)
	if err != nil {
		return err
	}
	out := traced{Run: run.ID}
	if out.Back, err = t.Back(ctx, row); err != nil {
		return err
	}
	if forward {
		if out.After, err = t.Forward(ctx, row); err != nil {
			return err
		}
	}
	if a.json() {
		return a.printJSON(out)
	}
	width := 300
	if full {
		width = 0
	}
	for i, s := range out.Back {
		var before *trail.Row
		if i+1 < len(out.Back) {
			before = &out.Back[i+1].Row
		}
		printStep(a.out, s, before, width)
	}
	for _, f := range out.After {
		fmt.Fprintf(a.out, "then %s (%s): %s\n", f.Stage, f.Kind, fateOf(f))
	}
	return nil
}

// traceAll follows every row of a stage's data.
func (a *app) traceAll(ctx context.Context, t *trail.Run, stage *r1.PlannedStage) error {
	c, err := t.All(ctx, stage)
	if err != nil {
		return err
	}
	if a.json() {
		if err := a.printJSON(c); err != nil {
			return err
		}
	} else {
		fmt.Fprintf(a.out, "%s: %d rows, %d traced back to a source\n", c.Stage, c.Rows, c.Traced)
		for _, name := range slices.Sorted(maps.Keys(c.Models)) {
			fmt.Fprintf(a.out, "  %d sampled from the model of %s\n", c.Models[name], name)
		}
		for _, name := range slices.Sorted(maps.Keys(c.Sources)) {
			fmt.Fprintf(a.out, "  %d from %s\n", c.Sources[name], name)
		}
		for _, line := range c.First {
			fmt.Fprintf(a.out, "  broken: %s\n", line)
		}
	}
	if c.Broken > 0 {
		return &r1.Error{Name: "broken-trail", Detail: fmt.Sprintf("%d of %d rows cannot be followed", c.Broken, c.Rows), Remedy: "r1ctl trace RUN " + stage.Name + ":LINE says more of one"}
	}
	return nil
}

func fateOf(f trail.Fate) string {
	switch f.Did {
	case trail.Dropped:
		return fmt.Sprintf("dropped by %s: %s", f.Step, f.Reason)
	case trail.Asked:
		return fmt.Sprintf("asked; %d responses", f.Samples)
	case trail.TrainedOn:
		return "trained on"
	}
	return fmt.Sprintf("%s, at %s:%d", f.Did, f.At.File, f.At.Line)
}

// printStep writes one station. Texts are written where they differ from those of
// the row before.
func printStep(out io.Writer, s trail.Step, before *trail.Row, width int) {
	did := s.Did
	switch s.Did {
	case trail.Changed:
		did = "changed " + strings.Join(s.Changed, ", ")
	case trail.Sampled:
		did = "sampled from " + modelOfRow(s.Model)
	case trail.ReadIn:
		did = "read from " + sourceOfRow(s.Source)
	}
	r := s.Row
	id := r.ID
	if r.Sample != nil {
		id += fmt.Sprintf(":%d", *r.Sample)
	} else if r.Origin.Sample != nil {
		id += fmt.Sprintf(":%d", *r.Origin.Sample)
	}
	fmt.Fprintf(out, "%s (%s)  %s:%d  row %s\n  %s\n", s.Stage, s.Kind, s.At.File, s.At.Line, id, did)
	if s.Did == trail.Sampled {
		printVerdict(out, r)
	}
	if before == nil {
		before = &trail.Row{}
	}
	for _, t := range []struct{ name, text, was string }{
		{"domain", r.Domain, before.Domain}, {"prompt", r.Prompt, before.Prompt}, {"gold", string(r.Gold), string(before.Gold)}, {"response", r.Response, before.Response},
		{"chosen", r.Chosen, before.Chosen}, {"rejected", r.Rejected, before.Rejected},
	} {
		if t.text != "" && t.text != t.was {
			fmt.Fprintf(out, "  %s: %s\n", t.name, shorten(t.text, width))
		}
	}
}

func printVerdict(out io.Writer, r trail.Row) {
	if v := r.Verdict; v != nil {
		fmt.Fprintf(out, "  verdict: %s%s by %s", v.Label, bracketed(v.Reason), v.Verifier)
		if strings.HasPrefix(v.Verifier, "math/") {
			fmt.Fprintf(out, ", tier %d", v.Tier)
		}
		if v.Answer != "" {
			fmt.Fprintf(out, ", answer %s", shorten(v.Answer, 80))
		}
		fmt.Fprintln(out)
	}
	if r.Tokens > 0 {
		fmt.Fprintf(out, "  %d tokens, finish %s\n", r.Tokens, r.Finish)
	}
}

func bracketed(s string) string {
	if s == "" {
		return ""
	}
	return " (" + s + ")"
}

func modelOfRow(m *trail.Model) string {
	var parts []string
	switch {
	case m.Stage != "":
		parts = append(parts, "the model of "+m.Stage)
	case m.Name != "":
		parts = append(parts, m.Name)
	}
	if m.Steps > 0 {
		parts = append(parts, fmt.Sprintf("at step %d", m.Steps))
	}
	if m.Run != "" {
		parts = append(parts, "trained by run "+m.Run)
	}
	if m.SHA256 != "" {
		same := ""
		if m.Weights == m.SHA256 {
			same = ", as committed"
		}
		parts = append(parts, fmt.Sprintf("weights %.16s%s", m.SHA256, same))
	}
	return strings.Join(parts, ", ")
}

func sourceOfRow(s *trail.Source) string {
	text := s.Name
	if s.Address != "" {
		text += ", " + s.Address
	}
	if s.Line > 0 {
		text += fmt.Sprintf(", line %d", s.Line)
	}
	return text
}

// shorten cuts a text for people to one line; width 0 cuts nothing.
func shorten(s string, width int) string {
	if width == 0 {
		return s
	}
	s = strings.Join(strings.Fields(s), " ")
	if r := []rune(s); len(r) > width {
		return string(r[:width]) + " …"
	}
	return s
}
