package main

import (
	"context"
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/r1ctl/r1ctl/internal/r1"
	"github.com/r1ctl/r1ctl/internal/runs"
	"github.com/r1ctl/r1ctl/internal/view"
	"github.com/r1ctl/r1ctl/workflows"
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
			if len(args) == 0 {
				s, err := a.open(cmd)
				if err != nil {
					return err
				}
				defer s.close()
				return a.listRuns(cmd.Context(), s)
			}
			return a.withRun(cmd, args, func(ctx context.Context, s *session, run *r1.Run) error {
				st, err := s.status(ctx, runs.NewReader(s.store, run))
				if err != nil {
					return err
				}
				if a.json() {
					return a.printJSON(st)
				}
				s.printStatus(a.out, st)
				return nil
			})
		},
	}
}

func (a *app) listRuns(ctx context.Context, s *session) error {
	list, err := runs.List(ctx, s.store)
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
		run, err := runs.Load(ctx, s.store, e.Run)
		if err != nil {
			return err
		}
		st, err := s.status(ctx, runs.NewReader(s.store, run))
		if err != nil {
			return err
		}
		rows = append(rows, row{e, st.State, st.Seconds})
	}
	if a.json() {
		return a.printJSON(rows)
	}
	if len(rows) == 0 {
		fmt.Fprintf(a.out, "no runs yet; start one with: %s\n", s.hint("start", "full-r1"))
		return nil
	}
	w := tabwriter.NewWriter(a.out, 0, 4, 2, ' ', 0)
	fmt.Fprintln(w, "RUN\tRECIPE\tPROFILE\tSTATE\tTIME\tCREATED")
	for _, r := range rows {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\n", r.Run, r.Recipe, r.Profile, r.State, view.Duration(r.Seconds), r.Created.Local().Format(time.DateTime))
	}
	return w.Flush()
}

// printStatus shows a run, how to go on with it, and where to look next.
func (s *session) printStatus(out io.Writer, st *runs.Status) {
	view.Table(out, st, time.Now())
	for _, am := range st.Amendments {
		for _, c := range am.Changes {
			fmt.Fprintf(out, "amendment %d (%s, %s): %s\n", am.Number, am.By, am.Created.Local().Format(time.DateTime), changeText(c))
		}
	}
	if st.Notice != "" {
		fmt.Fprintln(out, "note:", st.Notice)
	}
	switch st.State {
	case r1.RunPaused:
		fmt.Fprintf(out, "paused%s; continue with: %s\n", since(st.Paused), s.hint("unpause", st.Run))
	case r1.RunFailed, r1.RunInterrupted, r1.RunCancelled:
		fmt.Fprintf(out, "continue with: %s\n", s.hint("resume", st.Run))
	}
	for _, link := range s.links(st.Run) {
		fmt.Fprintln(out, link)
	}
	if s.keysFile != "" {
		fmt.Fprintf(out, "S3  %s  bucket %s  (keys: %s)\n", s.cfg.S3.Endpoint, s.cfg.S3.Bucket, s.keysFile)
	}
}

// links are the pages that show a run.
func (s *session) links(run string) []string {
	var links []string
	if s.report != "" {
		links = append(links, "Report  "+workflows.Links{Report: s.report}.Run(run))
	}
	if s.ui != "" {
		links = append(links, fmt.Sprintf("Temporal UI  %s/namespaces/%s/workflows/%s", s.ui, s.cfg.Temporal.Namespace, run))
	}
	return links
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
