package main

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/r1ctl/r1ctl/internal/behaviours"
)

// printBehaviours prints the summary of a file.
func (a *app) printBehaviours(s behaviours.Summary) error {
	if a.json() {
		return a.printJSON(s)
	}
	w := groupTable(a.out, "ROWS OF")
	groupRow(w, "all", s.Group)
	if len(s.Domains) > 1 {
		for _, name := range slices.Sorted(maps.Keys(s.Domains)) {
			groupRow(w, name, s.Domains[name])
		}
	}
	for _, step := range s.Steps {
		groupRow(w, fmt.Sprintf("step %d", step.Step), step.Group)
	}
	if err := w.Flush(); err != nil {
		return fmt.Errorf("write output: %w", err)
	}
	var words []string
	for _, word := range behaviours.Words() {
		if n := s.Words[word]; n > 0 {
			words = append(words, fmt.Sprintf("%s %.2f", word, n))
		}
	}
	if len(words) > 0 {
		fmt.Fprintln(a.out, "words a row:", strings.Join(words, ", "))
	}
	if s.Judge != nil {
		return printJudge(a.out, *s.Judge)
	}
	return nil
}

// printStages prints the summaries of a run's stages.
func printStages(out io.Writer, all []stageBehaviours) error {
	w := groupTable(out, "STAGE")
	for _, s := range all {
		groupRow(w, s.Stage, s.Group)
	}
	if err := w.Flush(); err != nil {
		return fmt.Errorf("write output: %w", err)
	}
	for _, s := range all {
		if s.Judge == nil {
			continue
		}
		fmt.Fprintln(out, s.Stage)
		if err := printJudge(out, *s.Judge); err != nil {
			return err
		}
	}
	return nil
}

// groupTable begins a table: of each behaviour the share of rows that show it, and
// the mean number in a row.
func groupTable(out io.Writer, first string) *tabwriter.Writer {
	w := tabwriter.NewWriter(out, 0, 4, 2, ' ', 0)
	fmt.Fprintf(w, "%s\tROWS\tACCURACY", first)
	for _, name := range behaviours.Names() {
		fmt.Fprintf(w, "\t%s", strings.ToUpper(name))
	}
	fmt.Fprintln(w, "\tREFLECTIVE WORDS")
	return w
}

func groupRow(w io.Writer, name string, g behaviours.Group) {
	accuracy := "-"
	if g.Accuracy != nil {
		accuracy = fmt.Sprintf("%.3f", *g.Accuracy)
	}
	fmt.Fprintf(w, "%s\t%d\t%s", name, g.Rows, accuracy)
	for _, name := range behaviours.Names() {
		m := g.Behaviours[name]
		fmt.Fprintf(w, "\t%.0f %%, %.2f", 100*m.Share, m.Mean)
	}
	fmt.Fprintf(w, "\t%.2f\n", g.Reflective)
}

// printJudge prints how far rules and judge agree.
func printJudge(out io.Writer, a behaviours.Agreement) error {
	w := tabwriter.NewWriter(out, 0, 4, 2, ' ', 0)
	fmt.Fprintln(w, "RULES AND JUDGE\tROWS\tAGREE\tKAPPA\tBOTH\tRULES ONLY\tJUDGE ONLY\tNEITHER")
	number := func(v *float64) string {
		if v == nil {
			return "-"
		}
		return fmt.Sprintf("%.2f", *v)
	}
	for _, name := range behaviours.Names() {
		b := a.Behaviours[name]
		fmt.Fprintf(w, "%s\t%d\t%s\t%s\t%d\t%d\t%d\t%d\n", name, b.Rows, number(b.Agreement), number(b.Kappa), b.Both, b.Rules, b.Judge, b.Neither)
	}
	if err := w.Flush(); err != nil {
		return fmt.Errorf("write output: %w", err)
	}
	if a.Unlabelled > 0 {
		fmt.Fprintf(out, "%d rows have no labels of the judge that can be read\n", a.Unlabelled)
	}
	return nil
}
