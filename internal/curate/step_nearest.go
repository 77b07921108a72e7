package curate

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
)

// nearestStep finds rows whose prompt may be a question of another dataset in other words, so
// that a model says whether it is: above is how near (see nearness) the nearest question must
// be. With keep "near" those rows become questions for a stage of kind sample, whose template
// shows {prompt} and {other}; same-problem reads the answers. With keep "far" the rows come
// out that need not be asked about. So one stage of either kind takes every row to one of
// two ways, and no row to both.
//
// A row goes on as it was: the stage that asks may be given prompts, or responses to them.
// No verifier looks at the answer.
//
// Reasons: "near", "far", "asked-already".
//
// Memory: see nearness.
type nearestStep struct {
	Against string  `json:"against"`
	Above   float64 `json:"above"`
	Keep    string  `json:"keep"`
}

// The values of keep.
const (
	keepNear = "near"
	keepFar  = "far"
)

func nearestDef() StepDef {
	return StepDef{
		Name: "nearest", Doc: "make rows questions to a model whose prompt may be one of another dataset in other words",
		Params: []Param{
			{Name: "against", Type: "text", Required: true},
			{Name: "above", Type: "number", Default: 0.35},
			{Name: "keep", Type: "text", Default: keepNear, Allowed: []string{keepNear, keepFar}},
		},
		decode: decodeInto(nearestStep{Above: 0.35, Keep: keepNear}),
	}
}

func (s nearestStep) check() error {
	switch {
	case s.Against == "":
		return errors.New("against is needed: the name of an input or source")
	case !slices.Contains([]string{keepNear, keepFar}, s.Keep):
		return fmt.Errorf("keep %q is none of [near far]", s.Keep)
	}
	return checkShare("above", s.Above)
}

func (nearestStep) needs() []string { return nil }

func (s nearestStep) compared() string { return s.Against }

func (s nearestStep) start(ctx context.Context, env env) (any, error) {
	n := newNearness()
	err := eachCompared(ctx, env, s.Against, func(r *row) {
		r.tmp.tokens.read(r.prompt)
		n.add(r.prompt, &r.tmp.tokens)
	})
	if err != nil {
		return nil, err
	}
	n.seal()
	return &nearer{s, n}, nil
}

type nearer struct {
	nearestStep
	among *nearness
}

func (s *nearer) apply(r *row) string {
	if r.has("asked") {
		return "asked-already"
	}
	r.tmp.tokens.read(r.prompt)
	other, near := s.among.nearest(&r.tmp.tokens)
	is := other != "" && near >= s.Above
	switch {
	case is && s.Keep == keepFar:
		return "near"
	case s.Keep == keepFar:
		return ""
	case !is:
		return "far"
	}
	r.askWhether(other, math.Round(1000*near)/1000)
	return ""
}

// askWhether makes the row a question: is its prompt the other one?
func (r *row) askWhether(other string, nearness float64) {
	more := map[string]any{"nearness": nearness, "verifier": r.value("verifier")}
	if r.response == "" { // a sampler keeps what was there of a response only
		more["alone"], more["origin"] = true, r.value("origin")
	}
	r.put("verifier", encode("none"))
	r.set("other", other)
	r.set("asked", more)
}
