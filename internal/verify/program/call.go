package program

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"time"

	_ "embed" // the harness

	"github.com/r1ctl/r1ctl/internal/verify/reward"
)

// harness calls a function of a program once for each test. What it prints is
// compared here, so a program that takes it over can only change its own results.
//
//go:embed harness.py
var harness string

// job is what the harness reads. It has no expected result.
type job struct {
	Code    string              `json:"code"`
	Name    string              `json:"name"`
	Calls   [][]json.RawMessage `json:"calls"`
	Seconds float64             `json:"seconds"`
	Mark    string              `json:"mark"`
}

// frame is a line that the harness writes after a call.
type frame struct {
	Mark  string          `json:"mark"`
	Call  *int            `json:"call"`
	Value json.RawMessage `json:"value"`
	Late  bool            `json:"late"`
}

// callsOf are the tests that are calls.
func callsOf(pr problem) (out []test) {
	for _, t := range pr.tests {
		if t.call != "" {
			out = append(out, t)
		}
	}
	return out
}

// calls runs all calls in one process, each in a child of it.
func (j *Judge) calls(ctx context.Context, tests []test, code string, how reward.ProgramOptions) []score {
	scores := make([]score, len(tests))
	for from := 0; from < len(tests); { // the functions of one problem are one, as a rule
		to := from + 1
		for to < len(tests) && tests[to].call == tests[from].call {
			to++
		}
		j.callSome(ctx, tests[from:to], code, scores[from:to])
		from = to
	}
	return scores
}

func (j *Judge) callSome(ctx context.Context, tests []test, code string, scores []score) {
	work, want := job{Code: code, Name: tests[0].call, Mark: rand.Text()}, 0
	for _, t := range tests {
		work.Calls = append(work.Calls, t.args)
		want += len(t.want) + len(work.Mark)
	}
	l := j.limits(want)
	work.Seconds = l.wall.Seconds()
	stdin, err := json.Marshal(work)
	exe, made := j.backend.prepare(ctx, "python", harness)
	if err != nil || made.state != ran {
		for i := range scores {
			scores[i].Fault = true
		}
		return
	}
	l.wall = min(l.wall*time.Duration(len(tests)+1), j.options.ItemTime)
	out := exe.run(ctx, stdin, l)
	values, late := frames(out.stdout, work.Mark, len(tests))
	for i, t := range tests {
		scores[i].timedOut = late[i] || out.state == timedOut && values[i] == nil
		switch {
		case out.state == faulted || out.state == unsupported:
			scores[i].Fault = true
		case values[i] != nil && sameResult(values[i], t.want, t.tolerance):
			scores[i].Points = 1
		}
	}
}

// frames are the results by call. A call with more than one result has none: a
// program that guesses does not get to choose.
func frames(stdout []byte, mark string, n int) (values []json.RawMessage, late []bool) {
	values, late = make([]json.RawMessage, n), make([]bool, n)
	seen := make([]int, n)
	for line := range bytes.Lines(stdout) {
		var f frame
		if json.Unmarshal(line, &f) != nil || f.Mark != mark || f.Call == nil || *f.Call < 0 || *f.Call >= n {
			continue
		}
		if f.Late {
			late[*f.Call] = true
			continue
		}
		seen[*f.Call]++
		values[*f.Call] = f.Value
	}
	for i := range values {
		if seen[i] != 1 {
			values[i] = nil
		}
	}
	return values, late
}
