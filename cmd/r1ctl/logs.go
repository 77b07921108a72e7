package main

import (
	"context"
	"fmt"
	"path"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/r1ctl/r1ctl/internal/agent/stream"
	"github.com/r1ctl/r1ctl/internal/r1"
	"github.com/r1ctl/r1ctl/internal/runs"
	"github.com/r1ctl/r1ctl/internal/suggest"
)

func (a *app) logsCommand() *cobra.Command {
	var job string
	var attempt int
	var follow, list bool
	cmd := &cobra.Command{
		Use:   "logs RUN STAGE",
		Short: "Print what a stage's trainer wrote",
		Long: `This command prints the log of the newest attempt of a stage, or of the job and
attempt you name. Logs are in S3: they outlive the machine the trainer ran on.`,
		Example: `  r1ctl logs full-r1-1123-k7q2 zero
  r1ctl logs full-r1-1123-k7q2 zero --job phase-02 --attempt 1
  r1ctl logs full-r1-1123-k7q2 zero --follow
  r1ctl logs full-r1-1123-k7q2 distill --list`,
		Args:              cobra.ExactArgs(2),
		ValidArgsFunction: a.completeRuns,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withRun(cmd, args, func(ctx context.Context, s *session, run *r1.Run) error {
				logs, err := findLogs(ctx, s, run, args[1])
				if err != nil {
					return err
				}
				if list || a.json() {
					return a.listLogs(logs)
				}
				chosen, err := chooseLog(logs, args[1], job, attempt)
				if err != nil {
					return err
				}
				return a.printLog(ctx, s, run, chosen, follow)
			})
		},
	}
	f := cmd.Flags()
	f.StringVar(&job, "job", "", "job of the stage, such as phase-02 (default: the newest)")
	f.IntVar(&attempt, "attempt", 0, "attempt of the job (default: the newest)")
	f.BoolVarP(&follow, "follow", "f", false, "go on until the run ends")
	f.BoolVar(&list, "list", false, "list the attempts that have logs")
	return cmd
}

// attemptLog is an attempt with the prefix of its log's pieces.
type attemptLog struct {
	Job     string `json:"job"`
	Attempt int    `json:"attempt"`
	Bytes   int64  `json:"bytes"`
	Prefix  string `json:"prefix"`
}

// findLogs lists the attempts of a stage, in the order they ran.
func findLogs(ctx context.Context, s *session, run *r1.Run, stageName string) ([]attemptLog, error) {
	stage := run.Plan.Stage(stageName)
	if stage == nil {
		var names []string
		for _, st := range run.Plan.Stages {
			names = append(names, st.Name)
		}
		e := &r1.Error{Name: "unknown-stage", Detail: fmt.Sprintf("run %s has no stage %q", run.ID, stageName), Remedy: "r1ctl status " + run.ID}
		if near := suggest.Nearest(stageName, names); near != "" {
			e.Detail += fmt.Sprintf("; did you mean %q?", near)
		}
		return nil, e
	}
	l := r1.Layout{Recipe: run.Recipe, Run: run.ID}
	var logs []attemptLog
	for _, j := range stage.Jobs {
		key := r1.JobKey{Run: run.ID, Stage: stage.Name, Job: j.Name}
		for prefix, err := range s.store.ListPrefixes(ctx, l.Job(key)+"/") {
			if err != nil {
				return nil, fmt.Errorf("list the attempts of %s: %w", key, err)
			}
			n, err := strconv.Atoi(path.Base(strings.TrimSuffix(prefix, "/")))
			if err != nil {
				continue
			}
			log := attemptLog{Job: j.Name, Attempt: n, Prefix: path.Join(l.Attempt(key.Attempt(n)), r1.LogDir) + "/"}
			for o, err := range s.store.List(ctx, log.Prefix) {
				if err != nil {
					return nil, fmt.Errorf("list the log of %s: %w", key.Attempt(n), err)
				}
				log.Bytes += o.Size
			}
			logs = append(logs, log)
		}
	}
	return logs, nil
}

func (a *app) listLogs(logs []attemptLog) error {
	if a.json() {
		return a.printJSON(logs)
	}
	for _, l := range logs {
		fmt.Fprintf(a.out, "%-16s attempt %d  %d bytes\n", l.Job, l.Attempt, l.Bytes)
	}
	return nil
}

func chooseLog(logs []attemptLog, stage, job string, attempt int) (attemptLog, error) {
	for i := len(logs) - 1; i >= 0; i-- {
		if (job == "" || logs[i].Job == job) && (attempt == 0 || logs[i].Attempt == attempt) {
			return logs[i], nil
		}
	}
	return attemptLog{}, &r1.Error{
		Name:   "no-log",
		Detail: fmt.Sprintf("stage %s has no such attempt (jobs that were computed or reused have no log)", stage),
		Remedy: "list what there is with --list",
	}
}

// printLog writes a log from its start; with follow, until the run ends.
func (a *app) printLog(ctx context.Context, s *session, run *r1.Run, l attemptLog, follow bool) error {
	var offset int64
	reader := runs.NewReader(s.store, run)
	for {
		over := true
		if follow {
			st, err := s.status(ctx, reader)
			if err != nil {
				return err
			}
			over = st.State.Ended()
		}
		next, err := stream.Read(ctx, s.store, strings.TrimSuffix(l.Prefix, "/"), offset, a.out)
		if err != nil {
			return fmt.Errorf("read the log: %w", err)
		}
		offset = next
		if over {
			return nil
		}
		select {
		case <-time.After(time.Second):
		case <-ctx.Done():
			return nil
		}
	}
}
