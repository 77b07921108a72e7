package testcases

import (
	"context"
	"fmt"
	"strings"

	"github.com/r1ctl/r1ctl/internal/r1"
	"github.com/r1ctl/r1ctl/internal/verify/program"
)

// Runner runs a program in a sandbox.
type Runner interface {
	RunCode(ctx context.Context, q program.RunCodeRequest) program.RunCodeResult
}

// Program is source code.
type Program struct{ Language, Code string }

// Problem is a problem with the programs that make its tests.
type Problem struct {
	ID         string
	Generators []Program // each prints one input
	Right      []Program // solutions
	Wrong      []Program
}

// Options are bounds.
type Options struct {
	Runs     int     // of each generator, with seeds 0, 1, …
	Right    int     // programs that have to agree, at least
	Most     int     // tests a problem
	Seconds  float64 // wall clock of a run
	Uncaught bool    // keep inputs that catch no wrong program
}

// Defaults are those of r1ctl tests.
func Defaults() Options { return Options{Runs: 3, Right: 2, Most: 20, Seconds: 10} }

// Case is a test.
type Case struct {
	Input  string `json:"input"`
	Output string `json:"output"`
	Type   string `json:"type"` // stdin_stdout
}

// Made is what became of a problem.
type Made struct {
	Cases  []Case `json:"-"`
	Reason string `json:"-"`      // why it has none
	Inputs int    `json:"inputs"` // different ones that generators printed
	Agreed int    `json:"agreed"` // of these, those on which the right programs agree
	Wrong  int    `json:"wrong"`  // programs
	Caught int    `json:"caught"` // of these, those that a kept test catches
	Faults int    `json:"faults"` // runs of which the sandbox could say nothing
}

// The reasons of a problem without tests.
const (
	NoGenerator = "no-generator"
	FewRight    = "few-right-programs"
	NoWrong     = "no-wrong-program"
	NoInput     = "no-input"       // no generator printed one
	NoAgreement = "no-agreement"   // right programs fail or differ on each input
	NoneCaught  = "nothing-caught" // wrong programs pass on every input
	Fault       = "sandbox-fault"  // of all that it was about, nothing is known
)

const (
	largestInput = 1 << 20
	mostFaults   = 8 // of one problem
)

// Make makes the tests of a problem. The error is a sandbox that does not work.
func Make(ctx context.Context, box Runner, p Problem, o Options) (Made, error) {
	m := maker{box: box, o: o, made: Made{Wrong: len(p.Wrong)}}
	switch {
	case len(p.Generators) == 0:
		m.made.Reason = NoGenerator
	case len(p.Right) < o.Right || len(p.Right) == 0:
		m.made.Reason = FewRight
	case len(p.Wrong) == 0 && !o.Uncaught:
		m.made.Reason = NoWrong
	}
	if m.made.Reason != "" {
		return m.made, nil
	}
	inputs, err := m.inputs(ctx, p.Generators)
	if err != nil {
		return m.made, err
	}
	if m.made.Inputs = len(inputs); len(inputs) == 0 {
		m.made.Reason = m.unless(NoInput)
		return m.made, nil
	}
	var tests []candidate
	for _, input := range inputs {
		c, err := m.candidate(ctx, p, input)
		if err != nil {
			return m.made, err
		}
		if c.agreed {
			tests = append(tests, c)
		}
	}
	m.made.Agreed = len(tests)
	m.choose(tests)
	switch {
	case m.made.Agreed == 0:
		m.made.Reason = m.unless(NoAgreement)
	case len(m.made.Cases) == 0:
		m.made.Reason = m.unless(NoneCaught)
	}
	return m.made, nil
}

// maker is a problem on its way.
type maker struct {
	box  Runner
	o    Options
	made Made
}

// unless says a reason, unless the sandbox had a part in it.
func (m *maker) unless(reason string) string {
	if m.made.Faults > 0 {
		return Fault
	}
	return reason
}

// ending is how a run ended.
type ending int

const (
	printed ending = iota
	broke          // it failed, or took too long
	unknown        // the sandbox failed
)

func (m *maker) run(ctx context.Context, p Program, stdin string) (string, ending, error) {
	res := m.box.RunCode(ctx, program.RunCodeRequest{Code: p.Code, Language: p.Language, Stdin: stdin, RunTimeout: m.o.Seconds})
	switch {
	case ctx.Err() != nil:
		return "", unknown, ctx.Err()
	case res.Status == "SandboxError":
		m.made.Faults++
		if m.made.Faults > mostFaults {
			return "", unknown, &r1.Error{
				Name: "sandbox-failing", Detail: "the sandbox fails again and again: " + res.Message,
				Remedy: "see what is wrong with it: r1ctl doctor",
			}
		}
		return "", unknown, nil
	case res.Status != "Success" || res.RunResult == nil || res.RunResult.Stdout == nil:
		return "", broke, nil
	}
	return *res.RunResult.Stdout, printed, nil
}

// inputs are the different ones that the generators print, in their order.
func (m *maker) inputs(ctx context.Context, generators []Program) ([]string, error) {
	seen := map[string]bool{}
	var out []string
	for _, g := range generators {
		for n := range m.o.Runs {
			text, end, err := m.run(ctx, seeded(g, n), "")
			if err != nil {
				return nil, err
			}
			if end == printed && strings.TrimSpace(text) != "" && len(text) <= largestInput && !seen[text] {
				seen[text] = true
				out = append(out, text)
			}
		}
	}
	return out, nil
}

// seeded lets a generator print the same whenever it is run.
func seeded(g Program, n int) Program {
	if strings.Contains(g.Code, "from __future__") { // which has to come first
		return g
	}
	return Program{g.Language, fmt.Sprintf("import random as _r; _r.seed(%d); del _r\n%s", n, g.Code)}
}

// candidate is an input with what programs do on it.
type candidate struct {
	Case
	agreed bool
	caught []int // wrong programs that it catches
}

func (m *maker) candidate(ctx context.Context, p Problem, input string) (candidate, error) {
	c := candidate{Case: Case{Input: input, Type: "stdin_stdout"}}
	for i, right := range p.Right {
		out, end, err := m.run(ctx, right, input)
		if err != nil || end != printed || i > 0 && !program.SameOutput(out, c.Output) {
			return c, err
		}
		if i == 0 {
			c.Output = out
		}
	}
	c.agreed = true
	for i, wrong := range p.Wrong {
		out, end, err := m.run(ctx, wrong, input)
		if err != nil {
			return c, err
		}
		if end == broke || end == printed && !program.SameOutput(out, c.Output) {
			c.caught = append(c.caught, i)
		}
	}
	return c, nil
}

// choose keeps the tests: first those that catch programs that none before has
// caught, then others, up to the bound.
func (m *maker) choose(tests []candidate) {
	caught, taken := map[int]bool{}, map[int]bool{}
	for len(taken) < m.o.Most {
		best, most := -1, -1
		for i, c := range tests {
			fresh := 0
			for _, w := range c.caught {
				if !caught[w] {
					fresh++
				}
			}
			if !taken[i] && (len(c.caught) > 0 || m.o.Uncaught) && fresh > most {
				best, most = i, fresh
			}
		}
		if best < 0 {
			break
		}
		taken[best] = true
		for _, w := range tests[best].caught {
			caught[w] = true
		}
	}
	for i, c := range tests {
		if taken[i] {
			m.made.Cases = append(m.made.Cases, c.Case)
		}
	}
	m.made.Caught = len(caught)
}
