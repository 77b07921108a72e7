package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"regexp"
	"strings"
	"time"

	"github.com/spf13/cobra"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"

	"github.com/r1ctl/r1ctl/internal/artifact"
	"github.com/r1ctl/r1ctl/internal/config"
	"github.com/r1ctl/r1ctl/internal/r1"
	"github.com/r1ctl/r1ctl/internal/runs"
	"github.com/r1ctl/r1ctl/worker"
)

// session is a command's connection to storage and Temporal: of the embedded
// engine, which is started when it is not up, or of what the config names.
type session struct {
	cfg      config.Config
	store    *artifact.Store
	storeCfg artifact.Config
	temporal client.Client
	ui       string // address of the web UI; empty when it is not ours
	report   string // base address of the live report; likewise
	keysFile string // where the embedded S3 server's keys are
	flags    string // the connection flags of this call, for hints
	closers  []func()
}

// engine is what a session keeps of the embedded server.
type engine struct {
	ui       string
	report   string
	keysFile string
	release  func()
}

func (s *session) close() {
	for _, c := range s.closers {
		c()
	}
}

// open connects. It starts the embedded engine when nothing else is configured.
func (a *app) open(cmd *cobra.Command) (*session, error) {
	cfg, err := a.settings(cmd)
	if err != nil {
		return nil, err
	}
	if err := cfg.CheckEngine(); err != nil {
		return nil, err
	}
	ctx := cmd.Context()
	s := &session{cfg: cfg, flags: connectionFlags(cmd)}
	if cfg.Embedded() {
		e, err := a.ensureEngine(ctx, &cfg)
		if err != nil {
			return nil, err
		}
		s.cfg, s.ui, s.report, s.keysFile = cfg, e.ui, e.report, e.keysFile
		s.closers = append(s.closers, e.release)
	}
	s.storeCfg = storeConfig(s.cfg)
	if s.store, err = artifact.New(ctx, s.storeCfg); err != nil {
		s.close()
		return nil, err
	}
	if s.temporal, err = worker.Dial(ctx, s.cfg.Temporal, slog.New(slog.NewTextHandler(io.Discard, nil))); err != nil {
		s.close()
		return nil, &r1.Error{
			Name:   "temporal-unreachable",
			Detail: "Temporal does not answer at " + s.cfg.Temporal.Address,
			Remedy: "check temporal.address, temporal.namespace and the service; see: r1ctl doctor",
			Err:    err,
		}
	}
	s.closers = append(s.closers, s.temporal.Close)
	return s, nil
}

func storeConfig(cfg config.Config) artifact.Config {
	return artifact.Config{
		Endpoint: cfg.S3.Endpoint, Region: cfg.S3.Region, Bucket: cfg.S3.Bucket,
		AccessKey: cfg.S3.AccessKey, SecretKey: cfg.S3.SecretKey, PathStyle: cfg.S3.PathStyle,
		Embedded: cfg.S3.Embedded,
	}
}

// connectionFlags repeats the flags that say which engine a call is about.
func connectionFlags(cmd *cobra.Command) string {
	var b strings.Builder
	for _, name := range []string{"config", "state-dir", "temporal-address", "s3-endpoint"} {
		if f := cmd.Flags().Lookup(name); f != nil && f.Changed {
			value := f.Value.String()
			if !plainWord.MatchString(value) {
				value = "'" + strings.ReplaceAll(value, "'", `'\''`) + "'"
			}
			fmt.Fprintf(&b, " --%s %s", name, value)
		}
	}
	return b.String()
}

// plainWord needs no quotes in a shell.
var plainWord = regexp.MustCompile(`^[A-Za-z0-9_./:@%+=-]+$`)

// hint is a command line that reaches the same engine as this call.
func (s *session) hint(command, run string) string {
	return "r1ctl " + command + " " + run + s.flags
}

// withRun opens a session, finds the run that the first argument names (the
// newest one without), and closes the session after do.
func (a *app) withRun(cmd *cobra.Command, args []string, do func(ctx context.Context, s *session, run *r1.Run) error) error {
	s, err := a.open(cmd)
	if err != nil {
		return err
	}
	defer s.close()
	id := ""
	if len(args) > 0 {
		id = args[0]
	}
	run, err := s.load(cmd.Context(), id)
	if err != nil {
		return err
	}
	return do(cmd.Context(), s, run)
}

// load finds a run: by id, or the newest one when id is empty.
func (s *session) load(ctx context.Context, id string) (*r1.Run, error) {
	if id == "" {
		list, err := runs.List(ctx, s.store)
		if err != nil {
			return nil, err
		}
		if len(list) == 0 {
			return nil, &r1.Error{Name: "unknown-run", Detail: "there is no run yet", Remedy: "r1ctl start full-r1"}
		}
		id = list[0].Run
	}
	return runs.Load(ctx, s.store, id)
}

// isOpen asks Temporal whether a workflow of the run is open. A run that
// Temporal has never heard of, or has forgotten, is not.
func (s *session) isOpen(ctx context.Context, run string) (bool, error) {
	d, err := s.temporal.DescribeWorkflowExecution(ctx, run, "")
	if errors.As(err, new(*serviceerror.NotFound)) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("ask Temporal about run %s: %w", run, err)
	}
	return d.GetWorkflowExecutionInfo().GetStatus() == enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING, nil
}

// status reads the run's status and sets its record against what Temporal
// says: a run whose record says running but that no workflow drives is
// interrupted; one that a workflow drives again after it ended is running.
func (s *session) status(ctx context.Context, r *runs.Reader) (*runs.Status, error) {
	st, err := r.Status(ctx)
	if err != nil || st.State == r1.RunCompleted {
		return st, err
	}
	open, err := s.isOpen(ctx, st.Run)
	if err != nil {
		return nil, err
	}
	switch {
	case open && st.State.Ended():
		st.State, st.Ended, st.Error, st.Notice, st.Against = r1.RunRunning, time.Time{}, "", "", nil
	case !open && !st.State.Ended():
		// The workflow may have ended between the two looks: read again.
		if st, err = r.Status(ctx); err != nil {
			return nil, err
		}
		if !st.State.Ended() {
			st.State = r1.RunInterrupted
		}
	}
	return st, nil
}
