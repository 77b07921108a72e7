package main

import (
	"fmt"
	"io"
	"sort"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/r1ctl/r1ctl/internal/r1"
	"github.com/r1ctl/r1ctl/internal/runs"
)

func (a *app) statusCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "status [RUN]",
		Short: "Show a run with its stages, or list the runs",
		Example: `  r1ctl status
  r1ctl status full-r1-1123-k7q2
  r1ctl status full-r1-1123-k7q2 -o json`,
		Args:              cobra.MaximumNArgs(1),
		ValidArgsFunction: a.completeRuns,
		RunE: func(cmd *cobra.Command, args []string) error {
			s, err := a.open(cmd)
			if err != nil {
				return err
			}
			defer s.close()
			if len(args) == 0 {
				return a.listRuns(cmd, s)
			}
			run, err := s.load(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			st, err := s.status(cmd.Context(), runs.NewReader(s.store, run))
			if err != nil {
				return err
			}
			if a.json() {
				return a.printJSON(st)
			}
			printStatus(a.out, st)
			s.printWhere(a.out)
			return nil
		},
	}
}

func (a *app) listRuns(cmd *cobra.Command, s *session) error {
	list, err := runs.List(cmd.Context(), s.store)
	if err != nil {
		return err
	}
	type row struct {
		runs.Entry
		State   r1.RunState `json:"state"`
		Seconds float64     `json:"seconds"`
	}
	rows := make([]row, 0, len(list))
	for _, e := range list {
		run, err := runs.Load(cmd.Context(), s.store, e.Run)
		if err != nil {
			return err
		}
		st, err := s.status(cmd.Context(), runs.NewReader(s.store, run))
		if err != nil {
			return err
		}
		rows = append(rows, row{e, st.State, st.Seconds})
	}
	if a.json() {
		return a.printJSON(rows)
	}
	if len(rows) == 0 {
		fmt.Fprintln(a.out, "no runs yet; start one with: r1ctl start full-r1")
		return nil
	}
	w := tabwriter.NewWriter(a.out, 0, 4, 2, ' ', 0)
	fmt.Fprintln(w, "RUN\tRECIPE\tPROFILE\tSTATE\tTIME\tCREATED")
	for _, r := range rows {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\n", r.Run, r.Recipe, r.Profile, r.State, seconds(r.Seconds), r.Created.Local().Format(time.DateTime))
	}
	return w.Flush()
}

func printStatus(out io.Writer, st *runs.Status) {
	fmt.Fprintf(out, "run %s  recipe %s  profile %s  %s  %s\n", st.Run, st.Recipe, st.Profile, st.State, seconds(st.Seconds))
	w := tabwriter.NewWriter(out, 0, 4, 2, ' ', 0)
	fmt.Fprintln(w, "STAGE\tKIND\tSTATE\tATTEMPTS\tTIME\t")
	for _, s := range st.Stages {
		fmt.Fprintf(w, "%s\t%s\t%s\t%d\t%s\t%s\n", s.Name, s.Kind, s.State, s.Attempts, seconds(s.Seconds), note(s))
	}
	w.Flush()
	if st.Error != "" {
		fmt.Fprintf(out, "failed: %s\n", st.Error)
	}
	switch st.State {
	case r1.RunFailed, r1.RunInterrupted, r1.RunCancelled:
		fmt.Fprintf(out, "continue with: r1ctl resume %s\n", st.Run)
	}
}

// note is what matters most about a stage, in a few words.
func note(s runs.Stage) string {
	if s.Reused {
		return "reused from " + strings.SplitN(s.Jobs[0].ReusedFrom, "/", 2)[0]
	}
	if s.State == r1.RunRunning {
		if live := liveNote(s); live != "" {
			return live
		}
	}
	if s.State == r1.RunFailed {
		return firstLine(s.Error, 100)
	}
	if s.Kind == r1.KindCurate && len(s.Jobs) == 1 && s.Jobs[0].Funnel != nil {
		f := s.Jobs[0].Funnel
		return fmt.Sprintf("%d of %d rows kept", f.Kept, f.In)
	}
	return keyMetrics(s.Metrics)
}

func liveNote(s runs.Stage) string {
	var parts []string
	for _, j := range s.Jobs {
		if j.State != r1.RunRunning || j.Phase == "" {
			continue
		}
		text := j.Phase
		if j.Total > 0 {
			text = fmt.Sprintf("%s %d/%d", j.Phase, j.Step, j.Total)
		}
		if j.Name != r1.MainJob {
			text = j.Name + " " + text
		}
		if m := keyMetrics(j.Values); m != "" {
			text += "  " + m
		}
		parts = append(parts, text)
	}
	return strings.Join(parts, "; ")
}

// headline names the numbers worth a place in one line, in this order.
var headline = []string{"pass@1", "cons@k", "reward", "accuracy", "format", "tokens", "loss", "rows"}

func keyMetrics(m map[string]float64) string {
	var parts []string
	for _, name := range headline {
		if v, ok := m[name]; ok && len(parts) < 4 {
			parts = append(parts, fmt.Sprintf("%s %s", name, number(v)))
		}
	}
	if len(parts) == 0 {
		names := make([]string, 0, len(m))
		for name := range m {
			if strings.HasSuffix(name, ".loss") {
				names = append(names, name)
			}
		}
		sort.Strings(names)
		for _, name := range names {
			parts = append(parts, fmt.Sprintf("%s %s", name, number(m[name])))
		}
	}
	return strings.Join(parts, "  ")
}

func number(v float64) string {
	if v == float64(int64(v)) && v >= 10 {
		return fmt.Sprintf("%d", int64(v))
	}
	if v >= 100 {
		return fmt.Sprintf("%.0f", v)
	}
	return fmt.Sprintf("%.3g", v)
}

func seconds(s float64) string {
	if s == 0 {
		return "-"
	}
	d := time.Duration(s * float64(time.Second))
	if d < time.Minute {
		return d.Round(100 * time.Millisecond).String()
	}
	return d.Round(time.Second).String()
}

func firstLine(s string, limit int) string {
	s, _, _ = strings.Cut(s, "\n")
	if r := []rune(s); len(r) > limit {
		return string(r[:limit-1]) + "…"
	}
	return s
}

// printWhere says where to look next.
func (s *session) printWhere(out io.Writer) {
	if s.ui == "" {
		return
	}
	fmt.Fprintf(out, "Temporal UI  %s\n", s.ui)
	fmt.Fprintf(out, "S3           %s  bucket %s  (keys: %s)\n", s.cfg.S3.Endpoint, s.cfg.S3.Bucket, s.keysFile)
}

func (a *app) completeRuns(cmd *cobra.Command, _ []string, _ string) ([]string, cobra.ShellCompDirective) {
	s, err := a.open(cmd)
	if err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	defer s.close()
	list, err := runs.List(cmd.Context(), s.store)
	if err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	names := make([]string, 0, len(list))
	for _, e := range list {
		names = append(names, e.Run)
	}
	return names, cobra.ShellCompDirectiveNoFileComp
}
