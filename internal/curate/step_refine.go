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
// Rows that nothing can verify (verifier none) have no answer to box, and stay.
// origin.refined is set to "rule:boxed".
//
// Reasons: "no-thinking", "no-answer".
type refine struct {
	Summary string `json:"summary"`
}

func refineDef() StepDef {
	return StepDef{
		Name: "refine", Doc: "rewrite the reply after the thinking, by rule",
		Params: []Param{{Name: "summary", Type: "text", Default: "boxed", Allowed: []string{"boxed"}}},
		decode: decodeInto(refine{Summary: "boxed"}),
	}
}

func (s refine) check() error {
	if s.Summary != "boxed" {
		return fmt.Errorf("summary %q is none of [boxed]", s.Summary)
	}
	return nil
}

func (refine) needs() []string { return []string{"response"} }

func (s refine) apply(r *row) string {
	if r.verifier == "" || r.verifier == "none" {
		return ""
	}
	parts := verify.Split(r.response)
	if strings.TrimSpace(parts.Thinking) == "" || parts.Unfinished {
		return "no-thinking"
	}
	answer, ok := verify.Answer(r.verifier, r.response)
	if r.verdict != nil && r.verdict.Label == r1.Correct && r.gold != "" {
		answer, ok = string(r.gold), true
	}
	if !ok {
		return "no-answer"
	}
	space := parts.Reply[:len(parts.Reply)-len(strings.TrimLeft(parts.Reply, " \t\r\n"))]
	r.response = r.response[:len(r.response)-len(parts.Reply)] + space + `\boxed{` + answer + "}"
	r.set("response", r.response)
	r.origin["refined"] = encode("rule:" + s.Summary)
	r.set("origin", r.origin)
	return ""
}
