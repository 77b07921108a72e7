package curate

import (
	"context"
	"iter"
)

// sameProblem drops rows of which a model said that they are a question of a benchmark in
// other words (nearest, then a stage of kind sample whose template wants JSON). Read is the
// last JSON object of a reply: its field is "same" or "different". Asked several times, most
// votes decide. A row that stays is again what it was before it was asked about, with
// origin.judge; one that nobody could decide about is dropped, as it may be the benchmark's.
//
// Reasons: "same-problem", "unparsable", "undecided" (as many votes say one as the other),
// "not-asked", "merged" (a further judgement of a row that is kept).
type sameProblem struct {
	Field string `json:"field"`
}

func sameProblemDef() StepDef {
	return StepDef{
		Name: "same-problem", Doc: "drop rows of which a model says, in JSON, that they are a question of a benchmark in other words",
		Params: []Param{{Name: "field", Type: "text", Default: "problem"}},
		decode: decodeInto(sameProblem{Field: "problem"}),
	}
}

func (sameProblem) check() error    { return nil }
func (sameProblem) needs() []string { return []string{"response"} }

func (s sameProblem) start(context.Context, env) (any, error) {
	return &sameness{labels{tally: newTally(), field: s.Field, choices: [2]string{"same", "different"}}}, nil
}

// sameness counts as the labels of safety do.
type sameness struct{ labels }

func (s *sameness) decide() (func(i int) (string, error), iter.Seq2[int, error], error) {
	return s.deciding(func(result int8) string {
		if result == 0 {
			return "same-problem"
		}
		return ""
	})
}

func (s *sameness) join(_ int, rows []*row) { rows[0].judgedAs() }
