package program

import (
	"context"
	"sync"
	"time"

	"github.com/r1ctl/r1ctl/internal/verify/reward"
)

// backend is a way to run programs.
type backend interface {
	// prepare makes a program ready. Where it is not, the outcome says why.
	prepare(ctx context.Context, language, code string) (executable, outcome)
}

// executable is a program that can be run any number of times.
type executable interface {
	run(ctx context.Context, stdin []byte, l limits) outcome
}

type limits struct {
	cpu, wall      time.Duration
	memory, output int64
}

// state says how far a program came.
type state int

const (
	ran state = iota
	timedOut
	failed      // a limit, a signal, an exit code other than 0
	notCompiled // the compiler refused it
	unsupported // the language is not to be had
	faulted     // the sandbox, not the program
)

type outcome struct {
	state    state
	stdout   []byte
	stderr   []byte
	exitCode int           // below 0 is the signal that killed it, for a limit as well
	cpu      time.Duration // 0 where nobody says
	wall     time.Duration
	err      error // of faulted
}

// score is what became of a test.
type score struct {
	reward.Test
	timedOut bool
}

// limits are those of a program that should print want bytes.
func (j *Judge) limits(want int) limits {
	const usual = 4 << 20
	return limits{cpu: j.options.Time, wall: 4 * j.options.Time, memory: j.options.Memory, output: usual + 2*int64(want)}
}

// cost is what a run takes of the time of all tests. A busy machine makes the
// clock run, not the program.
func (j *Judge) cost(out outcome) time.Duration {
	switch {
	case out.state == timedOut:
		return j.options.Time
	case out.cpu > 0:
		return out.cpu
	}
	return out.wall
}

// test runs a program against the tests of its problem.
func (j *Judge) test(ctx context.Context, pr problem, code string, how reward.ProgramOptions) reward.Program {
	exe, made := j.backend.prepare(ctx, pr.language, code)
	switch made.state {
	case notCompiled:
		return reward.Program{State: reward.ProgramNotCompiled}
	case unsupported:
		return unverified(ReasonLanguage)
	case faulted:
		return unverified(ReasonFault)
	}
	var scores []score
	compiled := true
	if calls := callsOf(pr); len(calls) > 0 {
		if pr.language != "python" {
			return unverified(ReasonLanguage) // calls are of Python functions
		}
		if len(calls) != len(pr.tests) {
			return unverified(ReasonMalformed)
		}
		scores = j.calls(ctx, calls, code, how)
	} else {
		scores, compiled = j.runs(ctx, exe, pr.tests, how)
	}
	if !compiled {
		return reward.Program{State: reward.ProgramNotCompiled}
	}
	return summed(scores, how)
}

// summed is the program of its tests' scores.
func summed(scores []score, how reward.ProgramOptions) reward.Program {
	p := reward.Program{State: reward.ProgramRan}
	late := false
	for _, s := range scores {
		late = late || s.timedOut
		if p.Tests = append(p.Tests, s.Test); s.Fault {
			p.Reason = ReasonFault
		}
		if how.StopEarly && !s.Fault && s.Points < 1 {
			break
		}
	}
	if how.Prefix && late {
		for i := range p.Tests {
			p.Tests[i].Points = 0
		}
	}
	return p
}

// runs runs tests by input and output, a batch at a time. compiled is false
// where a service found out only now that the program does not compile.
func (j *Judge) runs(ctx context.Context, exe executable, tests []test, how reward.ProgramOptions) (scores []score, compiled bool) {
	batch := how.BatchSize
	switch {
	case batch < 0:
		batch = len(tests)
	case batch == 0:
		batch = 1
	}
	var used time.Duration
	for from := 0; from < len(tests); from += batch {
		part := tests[from:min(from+batch, len(tests))]
		if used > j.options.ItemTime {
			for range part {
				scores = append(scores, score{timedOut: true})
			}
			continue
		}
		outs := make([]outcome, len(part))
		var group sync.WaitGroup
		for i, t := range part {
			group.Go(func() { outs[i] = exe.run(ctx, []byte(t.stdin), j.limits(len(t.stdout))) })
		}
		group.Wait()
		stop := false
		for i, out := range outs {
			if out.state == notCompiled {
				return nil, false
			}
			used += j.cost(out)
			s := judge(out, part[i], how)
			stop = stop || !s.Fault && s.Points < 1
			scores = append(scores, s)
		}
		if stop && how.StopEarly {
			break
		}
	}
	return scores, true
}

// judge compares the output of a test.
func judge(out outcome, t test, how reward.ProgramOptions) score {
	s := score{timedOut: out.state == timedOut}
	switch {
	case out.state == faulted || out.state == unsupported:
		s.Fault = true
	case out.state != ran:
	case how.Prefix && samePrefix(string(out.stdout), t.stdout), !how.Prefix && sameOutput(string(out.stdout), t.stdout, t.tolerance):
		s.Points = 1
	}
	return s
}
