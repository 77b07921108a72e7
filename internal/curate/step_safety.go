package curate

import (
	"context"
	"iter"
)

// safety labels responses as a model judged them (a stage of kind sample whose
// template wants JSON): rows for a safety reward model. Read is the last JSON
// object of a reply: its field is "safe" or "unsafe". Asked several times, most
// votes decide. The row is again what it was, with safe set to true or false, and
// origin.judge.
//
// Reasons: "unparsable", "undecided" (as many votes say safe as unsafe),
// "not-asked", "merged" (a further judgement of a row that is kept).
type safety struct {
	Field string `json:"field"`
}

func safetyDef() StepDef {
	return StepDef{
		Name: "safety", Doc: "label responses safe or unsafe as a model judged them, in JSON",
		Params: []Param{{Name: "field", Type: "text", Default: "label"}},
		decode: decodeInto(safety{Field: "label"}),
	}
}

func (safety) check() error    { return nil }
func (safety) needs() []string { return []string{"response"} }

func (s safety) start(context.Context, env) (any, error) {
	return &labels{tally: newTally(), field: s.Field, choices: [2]string{"safe", "unsafe"}}, nil
}

type labels struct {
	tally
	field   string
	choices [2]string
	unasked bool    // rows that nobody was asked about pass
	kept    []int32 // questions whose row is kept; -1: unasked
}

func (l *labels) note(r *row) []byte {
	return r.ballot(func() int8 {
		fields, _ := r.lastObject()
		return choice(fields, l.field, l.choices[:]...)
	})
}

func (l *labels) see(_ int64, note []byte) error {
	l.tally.see(note)
	return nil
}

func (l *labels) decide() (func(i int) (string, error), iter.Seq2[int, error], error) {
	return l.deciding(func(int8) string { return "" })
}

// deciding drops what could not be read or decided, and for what reason says the rest.
func (l *labels) deciding(reason func(result int8) string) (func(i int) (string, error), iter.Seq2[int, error], error) {
	of := func(q int32) string {
		switch result := l.result(q); result {
		case noVote:
			return "unparsable"
		case tied:
			return "undecided"
		default:
			return reason(result)
		}
	}
	for i, q := range l.rows { // the first row of a question, and what passes unasked
		if q == -1 && l.unasked || q >= 0 && int(l.first[q]) == i && of(q) == "" {
			l.kept = append(l.kept, q)
		}
	}
	if l.unasked {
		reasons := l.reasons(of)
		return inMemory(func(i int) string {
			if l.rows[i] == -1 {
				return ""
			}
			return reasons(i)
		}, nil)
	}
	return inMemory(l.reasons(of), nil)
}

func (l *labels) groups() []int { return ones(len(l.kept)) }

func (l *labels) join(n int, rows []*row) {
	rows[0].judgedAs()
	rows[0].set("safe", l.result(l.kept[n]) == 0)
}
