package agent

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"sync"
	"time"

	"github.com/r1ctl/r1ctl/internal/agent/stream"
	"github.com/r1ctl/r1ctl/internal/fault"
	"github.com/r1ctl/r1ctl/internal/r1"
)

// Exit codes of the agent's process.
const (
	ExitSucceeded = 0
	ExitFailed    = 1   // result.json says why
	ExitNoResult  = 3   // there is no result.json: the error was logged
	ExitStopped   = 143 // preempted, stopped or out of walltime; result.json says which
)

// ExitCode is the code the agent's process exits with after Run.
func ExitCode(res r1.Result, err error) int {
	switch {
	case err != nil:
		return ExitNoResult
	case res.Outcome == r1.Succeeded:
		return ExitSucceeded
	case res.Class == r1.ClassPreempted:
		return ExitStopped
	default:
		return ExitFailed
	}
}

// agent is one run of Run.
type agent struct {
	cfg    Config
	spec   r1.Spec
	layout r1.Layout
	prefix string // of the attempt in S3
	host   string

	progress *progress
	live     live
	beating  sync.Mutex
	shipping sync.Mutex // guards the two streams
	metrics  *stream.Writer
	log      *stream.Writer
}

// Run runs the attempt to its end and returns its result, which is in S3 then.
// An error means that there is no result. When ctx ends (SIGTERM), the trainer
// gets Config.Grace to save, and what it saved is uploaded.
func Run(ctx context.Context, cfg Config) (r1.Result, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return r1.Result{}, err
	}
	a := &agent{cfg: cfg}
	err = a.retry(ctx, "read the spec", func(ctx context.Context) error { return cfg.Store.GetJSON(ctx, cfg.SpecKey, &a.spec) })
	if err != nil {
		return r1.Result{}, err
	}
	if a.spec.Version != 1 {
		return r1.Result{}, &r1.Error{Name: "spec-version", Detail: fmt.Sprintf("the spec %s has version %d, this agent knows version 1", cfg.SpecKey, a.spec.Version),
			Remedy: "run the same r1ctl version on the machines and in the controller"}
	}
	a.layout = r1.Layout{Recipe: a.spec.Recipe, Run: a.spec.Key.Run}
	a.prefix = a.layout.Attempt(a.spec.Key)
	if a.host, err = os.Hostname(); err != nil {
		return r1.Result{}, fmt.Errorf("name this machine: %w", err)
	}

	var earlier r1.Result
	err = a.retry(ctx, "look for a result", func(ctx context.Context) error {
		return cfg.Store.GetJSON(ctx, path.Join(a.prefix, r1.ResultFile), &earlier)
	})
	if err == nil {
		a.clean() // an agent before this one had everything done but this
		return earlier, nil
	}
	if !errors.Is(err, r1.ErrNotFound) {
		return r1.Result{}, err
	}
	if err := os.MkdirAll(cfg.WorkDir, 0o700); err != nil {
		return r1.Result{}, fmt.Errorf("make the working folder: %w", err)
	}
	return a.run(ctx)
}

func (a *agent) run(ctx context.Context) (r1.Result, error) {
	a.progress = newProgress(a.path(r1.MetricsFile))
	a.metrics = stream.NewWriter(a.cfg.Store, a.path(r1.MetricsFile), path.Join(a.prefix, r1.MetricsDir), ".jsonl")
	a.log = stream.NewWriter(a.cfg.Store, a.path(trainerLog), path.Join(a.prefix, r1.LogDir), ".log")
	a.live.phase = phaseDownload

	// SIGTERM ends the training, not what the agent has to tell of it.
	background := context.WithoutCancel(ctx)
	stopReports := inBackground(background, a.report)
	defer stopReports()
	keeper := newKeeper(a)

	res, err := a.recall()
	if err != nil {
		return r1.Result{}, err
	}
	if res == nil {
		stopKeeping := inBackground(background, keeper.run)
		ended := a.attempt(ctx)
		stopKeeping()
		res = &ended
		fault.Point(fault.AgentTrained, a.spec.Key.String())
		if err := writeJSON(a.path(endedFile), res); err != nil {
			a.cfg.Logger.Warn("cannot note the end; a restarted agent would not know it", "error", err)
		}
		fault.Point(fault.AgentEnded, a.spec.Key.String())
	}
	return a.finish(ctx, *res, keeper, stopReports)
}

// inBackground runs fn until the returned function is called, which waits for
// its end and may be called again.
func inBackground(ctx context.Context, fn func(context.Context)) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() { defer close(done); fn(ctx) }()
	return func() { cancel(); <-done }
}

// recall says what an agent before this one left: nil is nothing that matters.
func (a *agent) recall() (*r1.Result, error) {
	var res r1.Result
	if ended, err := readJSON(a.path(endedFile), &res); ended || err != nil {
		return &res, err
	}
	if _, err := os.Stat(a.path(jobFile)); errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err := a.progress.scan(); err != nil {
		return nil, err
	}
	res = a.result(fault.Now().UTC())
	settle(&res, failed(r1.ClassInfrastructure, &r1.Error{Name: "agent-died", Detail: "the agent died, and the trainer with it",
		Remedy: "nothing to do, unless it happens again: then see the launcher's own log of the attempt"}))
	return &res, nil
}

// result is a result that says nothing yet about the outcome.
func (a *agent) result(started time.Time) r1.Result {
	p := a.progress.now()
	res := r1.Result{Version: 1, Key: a.spec.Key, Started: started, Ended: fault.Now().UTC(), Step: p.Step, Total: p.Total, Began: p.began(), Metrics: p.Summary, Warnings: p.Warnings,
		Maker: a.cfg.Maker}
	if b := res.Began; b != nil && b.Resumed {
		res.ResumedFrom = &b.Step
	}
	return res
}

// settle puts a judgement into a result.
func settle(res *r1.Result, j judgement) {
	res.Outcome, res.Class, res.Name, res.Error, res.Remedy = j.outcome, j.class, "", "", ""
	if j.err != nil {
		res.Name, res.Error, res.Remedy = j.err.Name, j.err.Detail, j.err.Remedy
	}
}

// attempt prepares and runs the trainer and says how it ended. It never fails
// otherwise than by its result.
func (a *agent) attempt(ctx context.Context) r1.Result {
	started := fault.Now().UTC()
	e, err := a.train(ctx)
	a.live.set(func(l *live) { l.phase, l.pid, l.meter = phaseUpload, 0, nil })
	var j judgement
	switch {
	case err == nil:
		j = judge(&a.spec, e)
	case ctx.Err() != nil:
		j = preempted("stopped from outside before the training began")
	default:
		j = failed(r1.ClassInfrastructure, named(err, &r1.Error{Name: "agent-failed", Detail: "the agent could not have the job trained", Remedy: "see the launcher's own log of the attempt"}))
	}
	res := a.result(started)
	settle(&res, j)
	res.ExitCode = e.code
	if res.Class == r1.ClassDiverged && e.reported != nil {
		res.LastGoodStep = e.reported.LastGoodStep
	}
	res.Timing, res.Usage = timing(started, e.fetched, e.metrics.Began, res.Ended), e.usage
	a.cfg.Logger.Info("attempt ended", "outcome", res.Outcome, "class", res.Class, "name", res.Name, "error", res.Error, "exit_code", res.ExitCode)
	return res
}

// timing tells where the time up to the trainer's end went. A time that is zero was not reached.
func timing(started, fetched, began, ended time.Time) *r1.Timing {
	if fetched.IsZero() {
		return &r1.Timing{Download: ended.Sub(started).Seconds()}
	}
	if began.Before(fetched) { // never, or by a clock that was set back
		began = ended
	}
	return &r1.Timing{Download: fetched.Sub(started).Seconds(), Startup: began.Sub(fetched).Seconds(), Train: ended.Sub(began).Seconds()}
}

// train fetches what the trainer needs, runs it, and tells how it ended.
func (a *agent) train(ctx context.Context) (ending, error) {
	if err := a.fetch(ctx); err != nil {
		return ending{}, err
	}
	fault.Point(fault.AgentFetched, a.spec.Key.String())
	fetched := time.Now()
	log, err := os.OpenFile(a.path(trainerLog), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return ending{}, err
	}
	defer log.Close()
	rewardURL := a.spec.VerifierURL
	var v *verifier
	if a.spec.Verifier && rewardURL == "" {
		if v, err = a.startVerifier(ctx, log); err != nil {
			return ending{}, err
		}
		rewardURL = v.url
	}
	defer func() { v.stop() }()
	if err := a.writeJob(rewardURL); err != nil {
		return ending{}, err
	}
	kills := oomKills()
	trainer, err := a.startTrainer(log)
	if err != nil {
		return ending{}, &r1.Error{Name: "trainer-start", Detail: "the trainer cannot be started", Remedy: "check the trainer command, and run r1ctl setup", Err: err}
	}
	fault.Point(fault.AgentTraining, a.spec.Key.String())
	meter := newMeter(trainer.PID())
	a.live.set(func(l *live) { l.phase, l.pid, l.meter = phaseTrain, trainer.PID(), meter })
	e := ending{why: a.supervise(ctx, trainer, v.ended()), fetched: fetched}
	if err := a.endStragglers(); err != nil {
		a.cfg.Logger.Warn("cannot end what the trainer left behind", "error", err)
	}
	if err := a.progress.scan(); err != nil {
		a.cfg.Logger.Warn("cannot read the metrics", "error", err)
	}
	e.code, e.oomKills, e.metrics, e.usage = trainer.Code, oomKills()-kills, a.progress.now(), meter.total(trainer.Usage)
	e.diskFull = isFull(a.cfg.WorkDir)
	e.missing = a.missingOutputs()
	e.reported = a.trainerError()
	e.cause = rootCause(a.path(trainerLog))
	return e, nil
}

// clean removes the working folder. What cannot be removed costs disk space and
// nothing else.
func (a *agent) clean() {
	if err := os.RemoveAll(a.cfg.WorkDir); err != nil {
		a.cfg.Logger.Warn("cannot remove the working folder", "error", err)
	}
	a.trimCache()
}
