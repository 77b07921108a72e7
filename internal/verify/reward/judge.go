package reward

import (
	"context"

	"github.com/r1ctl/r1ctl/internal/r1"
)

// Judge says whether responses are right. Both methods give one result an item,
// in the items' order, and never mistake trouble of their own for a wrong answer.
type Judge interface {
	// Answers compares the final answer of each item with its gold answer.
	Answers(ctx context.Context, items []Item, how Convention) []r1.Verdict
	// Programs runs the program of each item against the tests of its problem.
	Programs(ctx context.Context, items []Item, how ProgramOptions) []Program
}

// Convention is how answers are compared.
type Convention struct {
	// OpenR1 asks for upstream's rules: Math-Verify reads LaTeX only from the answer.
	OpenR1 bool
	// AnswerFirst gives Math-Verify the answer where the gold belongs, as upstream
	// does in cosine and length. The comparison is not symmetric.
	AnswerFirst bool
}

// ProgramOptions is how programs are run.
type ProgramOptions struct {
	Language string // that the program is written in; "" is what the problem says
	// Prefix lets a correct prefix of the output pass, and fails the whole sample
	// where one test runs out of time: upstream's rules.
	Prefix    bool
	BatchSize int  // tests run at once; -1 is all of them
	Patch     bool // repair imports that newer languages have dropped
	StopEarly bool // stop at the first test that fails: only pass or fail is of interest
}

// ProgramState says how far a program came.
type ProgramState string

// The states of a program.
const (
	ProgramRan         ProgramState = "ran"
	ProgramAbsent      ProgramState = "absent"       // the response has no program
	ProgramNotCompiled ProgramState = "not-compiled" // the compiler refused it
	ProgramUntested    ProgramState = "untested"     // the problem has no tests
	ProgramUnverified  ProgramState = "unverified"   // the sandbox could not run it
)

// Program is what became of an item's program.
type Program struct {
	State  ProgramState
	Reason string // why unverified
	Tests  []Test // of a program that ran; those after an early stop are absent
}

// Test is one test of a program.
type Test struct {
	Points float64 // 0 to 1
	Fault  bool    // the sandbox failed: the test says nothing of the program
}

// The reasons of a verdict that open-r1's cosine and length take for a correct answer.
const (
	reasonGoldMissing    = "gold-missing"
	reasonGoldUnparsable = "gold-unparsable"
)

func goldUnread(v r1.Verdict) bool {
	return v.Label == r1.Unverified && (v.Reason == reasonGoldMissing || v.Reason == reasonGoldUnparsable)
}
