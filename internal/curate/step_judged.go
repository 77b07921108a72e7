package curate

import (
	"context"
	"iter"

	"github.com/r1ctl/r1ctl/internal/r1"
)

// judged takes the verdicts of a model that was asked about responses (ask, then a
// stage of kind sample whose template wants JSON). Read is the last JSON object of
// a reply: its field is "correct" or "incorrect". Asked several times, most votes
// decide. The row is again what it was, with the verdict of verifier
// "judge:<model>"; origin.judge is the origin of the judgement. What cannot be read
// never makes a response wrong: it is unverified, for the reason
// "judge-unparsable", or "judge-undecided" where as many votes say one as the other.
//
// Rows that a rule had judged (ask's audit) are dropped here, as they come to their
// data by another way; the funnel counts how often the model agrees with the rule.
//
// Reasons: "audit:agrees", "audit:disagrees", "audit:undecided", "not-asked",
// "merged" (a further judgement of a row that is kept).
type judged struct {
	Field string `json:"field"`
}

func judgedDef() StepDef {
	return StepDef{
		Name: "judged", Doc: "take a model's verdicts, in JSON, on responses",
		Params: []Param{{Name: "field", Type: "text", Default: "correctness"}},
		decode: decodeInto(judged{Field: "correctness"}),
	}
}

func (judged) check() error    { return nil }
func (judged) needs() []string { return []string{"response"} }

func (s judged) start(context.Context, env) (any, error) {
	return &verdicts{tally: newTally(), field: s.Field}, nil
}

type verdicts struct {
	tally
	field   string
	audited []r1.Label // of each question: the rule's verdict, where it is an audit
	kept    []int32    // questions whose row is kept
}

// The choices of a judge.
const (
	saysCorrect = int8(iota)
	saysWrong
)

// note is the ballot, and the label that a rule gave to an audited row.
func (v *verdicts) note(r *row) []byte {
	ballot := r.ballot(func() int8 {
		fields, _ := r.lastObject()
		return choice(fields, v.field, "correct", "incorrect")
	})
	if b, ok := r.before(); ok && string(b["audited"]) == "true" {
		var was row
		if was.put("verdict", b["verdict"]) {
			ballot = append(ballot, was.verdict.Label...)
		}
	}
	return ballot
}

func (v *verdicts) see(_ int64, note []byte) error {
	v.tally.see(note)
	if len(v.audited) < len(v.first) {
		v.audited = append(v.audited, r1.Label(note[17:]))
	}
	return nil
}

func (v *verdicts) decide() (func(i int) (string, error), iter.Seq2[int, error], error) {
	for q := range v.first {
		if v.audited[q] == "" {
			v.kept = append(v.kept, int32(q))
		}
	}
	return inMemory(v.reasons(func(q int32) string {
		if v.audited[q] == "" {
			return ""
		}
		switch verdictOf(v.result(q)).Label {
		case r1.Unverified:
			return "audit:undecided"
		case v.audited[q]:
			return "audit:agrees"
		}
		return "audit:disagrees"
	}), nil)
}

func verdictOf(result int8) r1.Verdict {
	switch result {
	case saysCorrect:
		return r1.Verdict{Label: r1.Correct}
	case saysWrong:
		return r1.Verdict{Label: r1.Wrong}
	case tied:
		return r1.Verdict{Label: r1.Unverified, Reason: "judge-undecided"}
	}
	return r1.Verdict{Label: r1.Unverified, Reason: "judge-unparsable"}
}

func (v *verdicts) groups() []int { return ones(len(v.kept)) }

func (v *verdicts) join(n int, rows []*row) {
	r, verdict := rows[0], verdictOf(v.result(v.kept[n]))
	verdict.Verifier = "judge:" + r.answeredBy()
	r.judgedAs()
	if r.verdict != nil {
		verdict.Answer = r.verdict.Answer
	}
	r.put("verdict", encode(verdict))
}

// judgedAs restores a row that a model has judged, and says in its origin who did.
func (r *row) judgedAs() {
	judge := r.value("origin")
	b, _ := r.before()
	r.restore(b)
	if r.sample != nil && r.origin["sample"] == nil {
		r.origin["sample"] = encode(*r.sample)
	}
	r.origin["judge"] = judge
	r.set("origin", r.origin)
}
