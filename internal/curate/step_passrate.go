package curate

import (
	"context"
	"fmt"

	"github.com/r1ctl/r1ctl/internal/r1"
)

// passRate keeps prompts of middling difficulty: those whose pass rate, correct
// over correct and wrong, lies strictly between the bounds. It counts every
// verified sample of the prompt that enters the stage, also those that earlier
// steps drop, so its place in the list does not change what it measures.
// Unverified samples count for nothing.
//
// Reasons: "too-hard" (at or under above), "too-easy" (at or over below),
// "no-verified-sample".
//
// Memory: about 60 bytes a prompt; rows wait in the spill file.
type passRate struct {
	Above float64 `json:"above"`
	Below float64 `json:"below"`
}

func passRateDef() StepDef {
	return StepDef{
		Name: "pass-rate", Doc: "keep prompts of middling difficulty",
		Params: []Param{{Name: "above", Type: "number", Default: 0.0}, {Name: "below", Type: "number", Default: 1.0}},
		decode: decodeInto(passRate{Above: 0, Below: 1}),
	}
}

func (s passRate) check() error {
	if err := checkShare("above", s.Above); err != nil {
		return err
	}
	if s.Above >= s.Below {
		return fmt.Errorf("above (%g) must be less than below (%g)", s.Above, s.Below)
	}
	return checkShare("below", s.Below)
}

func (passRate) needs() []string { return []string{"verdict"} }

func (s passRate) start(context.Context, env) (any, error) {
	return &passRates{bounds: s, numbers: map[promptKey]int32{}}, nil
}

type passRates struct {
	bounds  passRate
	numbers map[promptKey]int32 // number of a prompt
	counts  []struct{ correct, verified int32 }
	seen    []int32 // number of the prompt of each row that reached the step
}

func (p *passRates) number(key promptKey) int32 {
	n, ok := p.numbers[key]
	if !ok {
		n = int32(len(p.counts))
		p.numbers[key] = n
		p.counts = append(p.counts, struct{ correct, verified int32 }{})
	}
	return n
}

// observation is the prompt's key and c, w or u: the verdict.
func (p *passRates) observation(r *row) []byte {
	key := r.promptKey()
	switch r.verdict.Label {
	case r1.Correct:
		return append(key[:], 'c')
	case r1.Wrong:
		return append(key[:], 'w')
	}
	return append(key[:], 'u')
}

func (p *passRates) observe(observation []byte) {
	n := p.number(promptKey(observation[:16])) // first: it may grow counts
	c := &p.counts[n]
	switch observation[16] {
	case 'c':
		c.correct++
		c.verified++
	case 'w':
		c.verified++
	}
}

func (p *passRates) note(r *row) []byte {
	key := r.promptKey()
	return key[:]
}

func (p *passRates) see(_ int64, note []byte) error {
	p.seen = append(p.seen, p.number(promptKey(note)))
	return nil
}

func (p *passRates) decide() (func(i int) string, []int, error) {
	return func(i int) string {
		c := p.counts[p.seen[i]]
		if c.verified == 0 {
			return "no-verified-sample"
		}
		switch rate := float64(c.correct) / float64(c.verified); {
		case rate <= p.bounds.Above:
			return "too-hard"
		case rate >= p.bounds.Below:
			return "too-easy"
		}
		return ""
	}, nil, nil
}
