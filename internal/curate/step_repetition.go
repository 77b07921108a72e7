package curate

import (
	"errors"
)

// repetition drops thinking that repeats itself: of its n-grams, the share that
// occurred before (1 - distinct/all) is above max. Units are the tokens of
// units: words, single Han characters and single symbols, in lower case. A
// thinking shorter than one n-gram has share 0.
//
// Reason: "repeats".
type repetition struct {
	Ngram int      `json:"ngram"`
	Max   *float64 `json:"max"`
}

func repetitionDef() StepDef {
	return StepDef{
		Name: "repetition", Doc: "drop thinking that repeats itself",
		Params: []Param{{Name: "ngram", Type: "integer", Default: 4}, {Name: "max", Type: "number", Required: true}},
		decode: decodeInto(repetition{Ngram: 4}),
	}
}

func (s repetition) check() error {
	if s.Max == nil {
		return errors.New("max is needed")
	}
	if s.Ngram < 1 {
		return errors.New("ngram must be at least 1")
	}
	return checkShare("max", *s.Max)
}

func (repetition) needs() []string { return []string{"response"} }

func (s repetition) apply(r *row) string {
	if repeatedShare(r.units(r.split(r.response).Thinking), s.Ngram, r.tmp) > *s.Max {
		return "repeats"
	}
	return ""
}

func repeatedShare(units []uint64, n int, tmp *scratch) float64 {
	all := len(units) - n + 1
	if all <= 0 {
		return 0
	}
	tmp.grams = grams(units, n, tmp.grams[:0])
	tmp.set.reset(all)
	distinct := 0
	for _, gram := range tmp.grams {
		distinct += b2i(tmp.set.add(gram))
	}
	return 1 - float64(distinct)/float64(all)
}
