package curate

import (
	"errors"
	"fmt"
)

// length bounds the tokens of the response, as the sampler counted them, both
// bounds included. A refined response keeps the count of the sampled one.
//
// Reasons: "too-short", "too-long".
type length struct {
	Min int  `json:"min"`
	Max *int `json:"max"`
}

func lengthDef() StepDef {
	return StepDef{
		Name: "length", Doc: "bound the tokens of the response",
		Params: []Param{{Name: "min", Type: "integer", Default: 0}, {Name: "max", Type: "integer", Required: true}},
		decode: decodeInto(length{}),
	}
}

func (s length) check() error {
	if s.Max == nil {
		return errors.New("max is needed")
	}
	if s.Min < 0 || s.Min > *s.Max {
		return fmt.Errorf("min (%d) must be from 0 to max (%d)", s.Min, *s.Max)
	}
	return nil
}

func (length) needs() []string { return []string{"tokens"} }

func (s length) apply(r *row) string {
	switch {
	case *r.tokens < s.Min:
		return "too-short"
	case *r.tokens > *s.Max:
		return "too-long"
	}
	return ""
}
