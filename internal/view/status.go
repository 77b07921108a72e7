package view

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/r1ctl/r1ctl/internal/r1"
	"github.com/r1ctl/r1ctl/internal/runs"
)

// noteLength is how much of a failure stands in the table; the whole of it
// follows below.
const noteLength = 100

// Table writes a run with its stages as a table, and what went wrong.
func Table(out io.Writer, st *runs.Status, now time.Time) {
	fmt.Fprintf(out, "run %s  recipe %s  profile %s  %s  %s\n", st.Run, st.Recipe, st.Profile, st.State, Duration(st.Seconds))
	for _, line := range origin(st) {
		fmt.Fprintln(out, clean(line))
	}
	w := tabwriter.NewWriter(out, 0, 4, 2, ' ', 0)
	fmt.Fprintln(w, "STAGE\tKIND\tSTATE\tJOBS\tTIME\t")
	for i := range st.Stages {
		s := &st.Stages[i]
		text := note(s)
		if s.State == r1.RunRunning {
			text = ""
			for _, l := range running(&runs.Status{Stages: st.Stages[i : i+1]}, now) {
				if text != "" {
					text += "; "
				}
				if len(s.Jobs) > 1 && l.part == "" {
					text += l.name + " "
				}
				text += l.sentence()
			}
		}
		if again := attempts(s); again != "" {
			text = strings.TrimSuffix(again+"; "+text, "; ")
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\n", s.Name, s.Kind, s.State, jobs(s), Duration(s.Seconds), cut(text, noteLength))
	}
	_ = w.Flush() // the writes of out are not checked either
	for i := range st.Stages {
		s := &st.Stages[i]
		if s.State == r1.RunWaiting {
			fmt.Fprintf(out, "waiting: %s: %s\n  answer: %s\n", s.Name, clean(s.Question), clean(s.Remedy))
		}
		for _, j := range s.Jobs {
			for _, back := range j.Rollbacks {
				if back.Job == j.Name {
					fmt.Fprintf(out, "rolled back: %s: %s\n", s.Name, rollback(back))
				}
			}
			for _, w := range j.Warnings {
				fmt.Fprintf(out, "warning: %s: %s\n", s.Name, warned(w))
			}
		}
		if s.State != r1.RunFailed {
			continue
		}
		fmt.Fprintf(out, "failed: %s: %s\n", s.Name, named(s.ErrorName, clean(s.Error)))
		if s.Remedy != "" {
			fmt.Fprintf(out, "  try: %s\n", clean(s.Remedy))
		}
	}
	if st.Against != nil && st.Against.Total.Jobs > 0 {
		Against(out, st.Against)
	}
}

// jobs is how many jobs of a stage are committed, of how many.
func jobs(s *runs.Stage) string {
	done := 0
	for _, j := range s.Jobs {
		if j.State == r1.RunCompleted {
			done++
		}
	}
	return fmt.Sprintf("%d/%d", done, len(s.Jobs))
}

// attempts says how a stage's attempts ended, where a job needed more than one:
// "3 attempts (1 preempted, 1 infrastructure)".
func attempts(s *runs.Stage) string {
	if s.Retried == 0 {
		return ""
	}
	text := fmt.Sprintf("%d attempts", s.Attempts)
	if n := len(s.Jobs); n > 1 {
		text += fmt.Sprintf(" at %d jobs", n)
	}
	if ends := r1.EndsText(s.Ends); ends != "" {
		text += " (" + ends + ")"
	}
	return text
}
