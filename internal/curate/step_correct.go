package curate

import "github.com/r1ctl/r1ctl/internal/r1"

// correct keeps rows whose verdict is correct. The verdict is the one stored by
// the verifier when the response was sampled.
//
// Reasons: "wrong"; "unverified:<reason>", so that a verifier's outage can never
// be read as wrong answers.
type correct struct{ noParams }

func correctDef() StepDef {
	return StepDef{Name: "correct", Doc: "keep rows whose verdict is correct", decode: decodeInto(correct{})}
}

func (correct) needs() []string { return []string{"verdict"} }

func (correct) apply(r *row) string {
	switch r.verdict.Label {
	case r1.Correct:
		return ""
	case r1.Wrong:
		return "wrong"
	}
	if r.verdict.Reason == "" {
		return "unverified"
	}
	return "unverified:" + r.verdict.Reason
}
