package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"sync"
	"time"

	"github.com/r1ctl/r1ctl/internal/config"
	"github.com/r1ctl/r1ctl/internal/launch/childenv"
	"github.com/r1ctl/r1ctl/internal/r1"
	"github.com/r1ctl/r1ctl/internal/sandbox"
	"github.com/r1ctl/r1ctl/internal/trainerenv"
	"github.com/r1ctl/r1ctl/internal/verify"
	"github.com/r1ctl/r1ctl/internal/verify/pool"
	"github.com/r1ctl/r1ctl/internal/verify/program"
	"github.com/r1ctl/r1ctl/internal/verify/reward"
)

// python is where the Python parts of verifiers run: an interpreter, and what it needs
// in its environment. The zero value is none.
type python struct {
	path    string
	environ []string
}

// builtPython is the trainer's environment where it has been built, else none.
func (a *app) builtPython(ctx context.Context, cfg config.Config) (python, error) {
	options := a.trainerOptions(cfg)
	env, ok, err := trainerenv.Find(options)
	if err != nil || !ok {
		return python{}, err
	}
	if _, err := os.Stat(env.SourceDir); err != nil { // this binary's own sources are not there yet
		options.Python = env.Python // the packages are: nothing is to be built
		if env, err = trainerenv.Ensure(ctx, options); err != nil {
			return python{}, err
		}
	}
	return python{env.Python, env.Environ}, nil
}

// judging is the one judge with its parts, none of which runs before it is needed.
type judging struct {
	*verify.Judge
	programs *programs
	metrics  *verify.Metrics
	close    func()
}

// newJudging makes the judge; provider is a service that runs programs, or "".
func newJudging(py python, provider string, o verify.Options, log io.Writer) (judging, error) {
	j := judging{programs: &programs{}, metrics: verify.NewMetrics()}
	if provider != "" {
		var err error
		if j.programs.judge, err = program.New(program.Options{Provider: provider}); err != nil {
			return j, err
		}
	}
	o.Programs, o.Metrics, o.Log = j.programs, j.metrics, slog.New(slog.NewTextHandler(log, nil))
	j.close = j.programs.Close
	if py.path != "" {
		p := pool.New(pool.Options{Python: py.path, Environ: childenv.Clean(py.environ...), Log: log})
		o.Formulas, o.Puzzles = p, p
		j.close = func() {
			j.programs.Close()
			_ = p.Close() // its processes are gone
		}
	}
	j.Judge = verify.New(o)
	return j, nil
}

// retrySandbox is how long a sandbox that does not work here is not tried again.
const retrySandbox = time.Minute

// programs makes the sandbox when the first program comes. It is not made under the
// context of that program, which it outlives.
type programs struct {
	mu    sync.Mutex
	box   *sandbox.Sandbox
	judge *program.Judge
	err   error
	tried time.Time
}

func (p *programs) open() (*program.Judge, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.judge != nil || p.err != nil && time.Since(p.tried) < retrySandbox {
		return p.judge, p.err
	}
	p.tried = time.Now()
	if p.box, p.err = sandbox.New(context.Background(), sandbox.Options{}); p.err == nil {
		p.judge, p.err = program.New(program.Options{Runner: p.box})
	}
	return p.judge, p.err
}

// Close ends the sandbox.
func (p *programs) Close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.box != nil {
		p.box.Close()
		p.box, p.judge = nil, nil
	}
}

func (p *programs) Programs(ctx context.Context, items []reward.Item, how reward.ProgramOptions) []reward.Program {
	j, err := p.open()
	if err == nil {
		return j.Programs(ctx, items, how)
	}
	out := make([]reward.Program, len(items))
	for i := range out {
		out[i] = reward.Program{State: reward.ProgramUnverified, Reason: program.ReasonUnavailable}
	}
	return out
}

func (p *programs) Verdict(ctx context.Context, it reward.Item) r1.Verdict {
	j, err := p.open()
	if err == nil {
		return j.Verdict(ctx, it)
	}
	return r1.Verdict{Label: r1.Unverified, Reason: program.ReasonUnavailable, Verifier: program.Version}
}

// RunCode serves SandboxFusion's /run_code.
func (p *programs) RunCode(ctx context.Context, q program.RunCodeRequest) program.RunCodeResult {
	j, err := p.open()
	if err == nil {
		return j.RunCode(ctx, q)
	}
	return program.RunCodeResult{Status: "SandboxError", Message: fmt.Sprint(err)}
}

// why is the error of a sandbox that does not work here, or nil.
func (p *programs) why() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.err
}
