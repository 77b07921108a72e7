package agent

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"sync"
	"syscall"
	"time"

	"github.com/r1ctl/r1ctl/internal/agent/stream"
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
		if err := writeJSON(a.path(endedFile), res); err != nil {
			a.cfg.Logger.Warn("cannot note the end; a restarted agent would not know it", "error", err)
		}
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
	res = a.result(time.Now().UTC())
	res.Outcome, res.Class, res.Name = r1.Failed, r1.ClassInfrastructure, "agent-died"
	res.Error = "the agent died, and the trainer with it"
	return &res, nil
}

// result is a result that says nothing yet about the outcome.
func (a *agent) result(started time.Time) r1.Result {
	p := a.progress.now()
	res := r1.Result{Version: 1, Key: a.spec.Key, Started: started, Ended: time.Now().UTC(), Step: p.Step, Metrics: p.Summary}
	if p.First != nil && p.First.Type == "resume" {
		res.ResumedFrom = &p.First.Step
	}
	return res
}

// attempt prepares and runs the trainer and says how it ended. It never fails
// otherwise than by its result.
func (a *agent) attempt(ctx context.Context) r1.Result {
	started := time.Now().UTC()
	e, err := a.train(ctx)
	a.live.set(func(l *live) { l.phase, l.pid = phaseUpload, 0 })
	var j judgement
	switch {
	case err == nil:
		j = judge(&a.spec, e)
	case ctx.Err() != nil:
		j = judgement{r1.Preempted, r1.ClassPreempted, "preempted", "stopped from outside before the training began"}
	default:
		j = failed(r1.ClassInfrastructure, errorName(err, "agent-failed"), "%v", err)
	}
	res := a.result(started)
	res.Outcome, res.Class, res.Name, res.Error, res.ExitCode = j.outcome, j.class, j.name, j.text, e.code
	a.cfg.Logger.Info("attempt ended", "outcome", res.Outcome, "class", res.Class, "name", res.Name, "error", res.Error, "exit_code", res.ExitCode)
	return res
}

// train fetches what the trainer needs, runs it, and tells how it ended.
func (a *agent) train(ctx context.Context) (ending, error) {
	if err := a.fetch(ctx); err != nil {
		return ending{}, err
	}
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
	a.live.set(func(l *live) { l.phase, l.pid = phaseTrain, trainer.pid })
	e := ending{why: a.supervise(ctx, trainer, v.ended())}
	if err := a.progress.scan(); err != nil {
		a.cfg.Logger.Warn("cannot read the metrics", "error", err)
	}
	e.code, e.oomKills, e.metrics = trainer.code, oomKills()-kills, a.progress.now()
	e.missing = a.missingOutputs()
	e.reported = a.trainerError()
	e.logTail = tail(a.path(trainerLog))
	return e, nil
}

// supervise waits for the trainer's end and brings it about where it must.
func (a *agent) supervise(ctx context.Context, trainer *child, verifierGone <-chan struct{}) reason {
	why := itself
	var kill, walltimeOver <-chan time.Time
	end := func(r reason, grace time.Duration) {
		if why != itself {
			return
		}
		why = r
		a.live.set(func(l *live) { l.phase = phaseStopping })
		trainer.signal(syscall.SIGTERM)
		kill = time.After(grace)
	}
	if d := a.deadline(); d != nil {
		timer := time.NewTimer(time.Until(*d))
		defer timer.Stop()
		walltimeOver = timer.C
	}
	scan := time.NewTicker(min(a.cfg.Interval, time.Second))
	defer scan.Stop()
	stop := ctx.Done()
	for {
		select {
		case <-trainer.done:
			return why
		case <-stop:
			stop = nil
			end(stopping, a.cfg.Grace)
		case <-walltimeOver:
			end(walltime, a.cfg.Grace)
		case <-verifierGone:
			verifierGone = nil
			end(noVerifier, a.cfg.Grace)
		case <-kill:
			trainer.signal(syscall.SIGKILL)
		case <-scan.C:
			if err := a.progress.scan(); err != nil {
				a.cfg.Logger.Warn("cannot read the metrics", "error", err)
			}
			if p := a.progress.now(); p.resumeProblem(a.spec.Resume) != "" {
				end(badResume, 0) // every further step is a waste
			}
		}
	}
}

// clean removes the working folder. What cannot be removed costs disk space and
// nothing else.
func (a *agent) clean() {
	if err := os.RemoveAll(a.cfg.WorkDir); err != nil {
		a.cfg.Logger.Warn("cannot remove the working folder", "error", err)
	}
}
