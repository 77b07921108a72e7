package program

import (
	"context"
	"errors"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/r1ctl/r1ctl/internal/r1"
	"github.com/r1ctl/r1ctl/internal/sandbox"
	"github.com/r1ctl/r1ctl/internal/verify/reward"
)

// Version names the verifier in verdicts. It changes when verdicts do.
const Version = "code/1"

// The reasons of a verdict and of a program that is unverified. They are stable.
const (
	ReasonNoProgram   = "no-answer"            // wrong
	ReasonNotCompiled = "not-compiled"         // wrong
	ReasonFailed      = "test-failed"          // wrong
	ReasonFault       = "sandbox-fault"        // unverified
	ReasonUnavailable = "sandbox-unavailable"  // unverified: there is nothing to run programs in
	ReasonLanguage    = "language-unsupported" // unverified
	ReasonMalformed   = "tests-malformed"      // unverified: the row's tests are not what docs/sandbox.md says
	ReasonChecker     = "checker-unsupported"  // unverified: the row wants its outputs judged by a program
)

// Runner runs untrusted programs. internal/sandbox has it.
type Runner interface {
	Run(ctx context.Context, spec sandbox.Spec) sandbox.Result
	Python() string   // path of the interpreter inside
	Compiler() string // path of the C++ compiler inside, or ""
	Parallel() int    // programs that run at once
}

// Options are how programs are run. Without Runner and Provider every program
// is unverified.
type Options struct {
	Runner   Runner
	Provider string        // of a service, instead of Runner: sandboxfusion+http://…, piston+https://…
	Time     time.Duration // CPU time of one test; default 5 s. The wall clock has four times as much
	ItemTime time.Duration // CPU time of all tests of one program; default 2 min. Tests beyond it fail
	Memory   int64         // bytes of one test; default 512 MiB
	Parallel int           // requests at once to a Provider; default 8
}

// Judge judges programs. It is safe for concurrent use.
type Judge struct {
	options  Options
	backend  backend
	parallel int
}

// New makes a Judge. The error, provider-invalid, is a Provider that cannot be used.
func New(o Options) (*Judge, error) {
	if o.Time <= 0 {
		o.Time = 5 * time.Second
	}
	if o.ItemTime <= 0 {
		o.ItemTime = 2 * time.Minute
	}
	if o.Memory <= 0 {
		o.Memory = 512 << 20
	}
	if o.Parallel <= 0 {
		o.Parallel = 8
	}
	j := &Judge{options: o, parallel: o.Parallel}
	switch {
	case o.Provider != "":
		b, err := openProvider(o)
		if err != nil {
			return nil, err
		}
		j.backend = b
	case o.Runner != nil:
		j.backend, j.parallel = &local{runner: o.Runner}, o.Runner.Parallel()
	}
	return j, nil
}

// Programs runs the program of each item against the tests of its problem: one
// result an item, in order.
func (j *Judge) Programs(ctx context.Context, items []reward.Item, how reward.ProgramOptions) []reward.Program {
	out := make([]reward.Program, len(items))
	var group errgroup.Group
	group.SetLimit(2 * j.parallel) // the runner has a queue of its own
	for i, it := range items {
		group.Go(func() error {
			out[i] = j.one(ctx, it, how)
			return nil
		})
	}
	_ = group.Wait() // they give none
	return out
}

// Verdict says whether the program of an item passes all its tests.
func (j *Judge) Verdict(ctx context.Context, it reward.Item) r1.Verdict {
	p := j.one(ctx, it, reward.ProgramOptions{BatchSize: max(j.parallel, 1), StopEarly: true})
	v := r1.Verdict{Label: r1.Unverified, Reason: p.Reason, Verifier: Version}
	switch p.State {
	case reward.ProgramAbsent:
		v.Label, v.Reason = r1.Wrong, ReasonNoProgram
	case reward.ProgramNotCompiled:
		v.Label, v.Reason = r1.Wrong, ReasonNotCompiled
	case reward.ProgramUntested:
		v.Reason = reward.ReasonNoTests
	case reward.ProgramRan:
		switch {
		case slices.ContainsFunc(p.Tests, func(t reward.Test) bool { return !t.Fault && t.Points < 1 }):
			v.Label, v.Reason = r1.Wrong, ReasonFailed // whatever the others would have said
		case slices.ContainsFunc(p.Tests, func(t reward.Test) bool { return t.Fault }):
			v.Reason = ReasonFault
		default:
			v.Label, v.Reason = r1.Correct, ""
		}
	}
	return v
}

func unverified(reason string) reward.Program {
	return reward.Program{State: reward.ProgramUnverified, Reason: reason}
}

// one judges one item.
func (j *Judge) one(ctx context.Context, it reward.Item, how reward.ProgramOptions) reward.Program {
	pr, err := readProblem(it, how.Language)
	switch {
	case errors.Is(err, errNoTests):
		return reward.Program{State: reward.ProgramUntested}
	case errors.Is(err, errChecker):
		return unverified(ReasonChecker)
	case err != nil:
		return unverified(ReasonMalformed)
	}
	code, ok := extract(it.Text(), pr.language, how.Prefix)
	if !ok {
		return reward.Program{State: reward.ProgramAbsent}
	}
	if j.backend == nil {
		return unverified(ReasonUnavailable)
	}
	if how.Patch {
		code = patch(code, pr.language)
	}
	return j.test(ctx, pr, code, how)
}
