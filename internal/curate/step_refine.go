package curate

import (
	"fmt"
	"strings"

	"github.com/r1ctl/r1ctl/internal/r1"
	"github.com/r1ctl/r1ctl/internal/verify"
)

// refine rewrites, by rule, what follows the thinking to \boxed{answer}. The
// thinking and the white space after it stay as they are. The answer is the
// gold answer where the verdict says that the response gave it, and otherwise
// the one the response gave: a reply never says what its thinking did not find.
// Rows that nothing can verify (verifier none) have no answer to box, and keep
// their reply; a program (verifier code) stands in no box, and only loses the
// <answer> tags around it. With thinking "drop" every row's thinking is emptied, which makes
// data of bare answers. origin.refined is set to "rule:boxed", or to "rule:answer"
// without the thinking.
//
// Reasons: "no-thinking", "no-answer".
type refine struct {
	Summary  string `json:"summary"`
	Thinking string `json:"thinking"`
}

func refineDef() StepDef {
	return StepDef{
		Name: "refine", Doc: "rewrite the reply after the thinking, by rule",
		Params: []Param{
			{Name: "summary", Type: "text", Default: "boxed", Allowed: []string{"boxed"}},
			{Name: "thinking", Type: "text", Default: "keep", Allowed: []string{"keep", "drop"}},
		},
		decode: decodeInto(refine{Summary: "boxed", Thinking: "keep"}),
	}
}

func (s refine) check() error {
	if s.Summary != "boxed" {
		return fmt.Errorf("summary %q is none of [boxed]", s.Summary)
	}
	if s.Thinking != "keep" && s.Thinking != "drop" {
		return fmt.Errorf("thinking %q is none of [keep drop]", s.Thinking)
	}
	return nil
}

func (refine) needs() []string { return []string{"response"} }

func (s refine) apply(r *row) string {
	if r.verifier == "" || r.verifier == "none" {
		if s.Thinking == "drop" {
			s.rewrite(r, noThinking+r.split(r.response).Reply)
		}
		return ""
	}
	parts := r.split(r.response)
	if strings.TrimSpace(parts.Thinking) == "" || parts.Unfinished {
		return "no-thinking"
	}
	if r.verifier == programs {
		before := r.response[:len(r.response)-len(parts.Reply)]
		if s.Thinking == "drop" {
			before = noThinking
		}
		s.rewrite(r, before+strings.NewReplacer("<answer>", "", "</answer>", "").Replace(parts.Reply))
		return ""
	}
	answer, ok := verify.Answer(r.verifier, r.response)
	if r.verdict != nil && r.verdict.Label == r1.Correct && r.gold != "" {
		answer, ok = string(r.gold), true
	}
	if !ok {
		return "no-answer"
	}
	space := parts.Reply[:len(parts.Reply)-len(strings.TrimLeft(parts.Reply, " \t\r\n"))]
	before := r.response[:len(r.response)-len(parts.Reply)]
	if s.Thinking == "drop" {
		before = noThinking
	}
	s.rewrite(r, before+space+`\boxed{`+answer+"}")
	return ""
}

// programs is the verifier of rows whose answer is a program.
const programs = "code"

// noThinking begins a response whose thinking was dropped.
const noThinking = "<think></think>"

func (s refine) rewrite(r *row, response string) {
	rule := "rule:" + s.Summary
	if s.Thinking == "drop" {
		rule = "rule:answer"
	}
	r.response = response
	r.set("response", response)
	r.origin["refined"] = encode(rule)
	r.set("origin", r.origin)
}
