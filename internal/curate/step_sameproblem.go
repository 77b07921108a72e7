package curate

import (
	"context"
	"fmt"
	"iter"
)

// sameProblem drops rows of which a model said that they are a question of a benchmark in
// other words (nearest, then a stage of kind sample whose template wants JSON). Read is the
// last JSON object of a reply: its field is "same" or "different". Asked several times, most
// votes decide. A row that stays is again what it was before it was asked about, with
// origin.judge; one that nobody could decide about is dropped, as it may be the benchmark's.
//
// With unasked "keep" rows pass that nobody was asked about: those that nearest has found far.
//
// Reasons: "same-problem", "unparsable", "undecided" (as many votes say one as the other),
// "not-asked", "merged" (a further judgement of a row that is kept).
type sameProblem struct {
	Field   string `json:"field"`
	Unasked string `json:"unasked"`
}

func sameProblemDef() StepDef {
	return StepDef{
		Name: "same-problem", Doc: "drop rows of which a model says, in JSON, that they are a question of a benchmark in other words",
		Params: []Param{
			{Name: "field", Type: "text", Default: "problem"},
			{Name: "unasked", Type: "text", Default: "drop", Allowed: []string{"drop", "keep"}},
		},
		decode: decodeInto(sameProblem{Field: "problem", Unasked: "drop"}),
	}
}

func (s sameProblem) check() error {
	if s.Unasked != "drop" && s.Unasked != "keep" {
		return fmt.Errorf("unasked %q is none of [drop keep]", s.Unasked)
	}
	return nil
}

// needs nothing where rows pass that have no answer.
func (s sameProblem) needs() []string {
	if s.Unasked == "keep" {
		return nil
	}
	return []string{"response"}
}

func (s sameProblem) start(context.Context, env) (any, error) {
	return &sameness{labels{tally: newTally(), field: s.Field, choices: [2]string{"same", "different"}, unasked: s.Unasked == "keep"}}, nil
}

// sameness counts as the labels of safety do.
type sameness struct{ labels }

// note tells a row that was made a question and has no answer from one that never was: it may
// be the benchmark's.
func (s *sameness) note(r *row) []byte {
	note := s.labels.note(r)
	if int8(note[16]) == noQuery && r.has("asked") {
		note[16] = asByte(silent)
	}
	return note
}

func (s *sameness) decide() (func(i int) (string, error), iter.Seq2[int, error], error) {
	return s.deciding(func(result int8) string {
		if result == 0 {
			return "same-problem"
		}
		return ""
	})
}

func (s *sameness) join(n int, rows []*row) {
	if s.kept[n] >= 0 {
		rows[0].judgedAs()
	}
}
