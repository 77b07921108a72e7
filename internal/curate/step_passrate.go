package curate

import (
	"context"
	"errors"
	"fmt"
	"iter"

	"github.com/r1ctl/r1ctl/internal/curate/index"
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
// Index: 35 to 62 bytes a prompt, of which 8 are always in memory; 8 a row; rows wait in the spill file.
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

func (s passRate) start(_ context.Context, env env) (any, error) {
	return &passRates{bounds: s, index: env.index, numbers: index.NewNumbers(env.index), seen: index.NewList(env.index)}, nil
}

type passRates struct {
	bounds  passRate
	index   *index.Budget
	numbers *index.Numbers // of a prompt
	counts  []struct{ correct, verified int32 }
	seen    *index.List // number of the prompt of each row that reached the step
}

func (p *passRates) Close() error {
	p.index.Take(-8 * int64(len(p.counts)))
	p.counts = nil
	return errors.Join(p.numbers.Close(), p.seen.Close())
}

func (p *passRates) number(key []byte) (int, error) {
	n, isNew, err := p.numbers.Number(index.Key(key))
	if isNew {
		p.index.Take(8)
		p.counts = append(p.counts, struct{ correct, verified int32 }{})
	}
	return n, err
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

func (p *passRates) observe(observation []byte) error {
	n, err := p.number(observation[:16]) // first: it may grow counts
	if err != nil {
		return err
	}
	c := &p.counts[n]
	switch observation[16] {
	case 'c':
		c.correct++
		c.verified++
	case 'w':
		c.verified++
	}
	return nil
}

func (p *passRates) note(r *row) []byte {
	key := r.promptKey()
	return key[:]
}

func (p *passRates) see(_ int64, note []byte) error {
	n, err := p.number(note)
	if err != nil {
		return err
	}
	return p.seen.Append(uint64(n))
}

func (p *passRates) decide() (func(i int) (string, error), iter.Seq2[int, error], error) {
	return func(i int) (string, error) {
		n, err := p.seen.At(i)
		if err != nil {
			return "", err
		}
		c := p.counts[n]
		if c.verified == 0 {
			return "no-verified-sample", nil
		}
		switch rate := float64(c.correct) / float64(c.verified); {
		case rate <= p.bounds.Above:
			return "too-hard", nil
		case rate >= p.bounds.Below:
			return "too-easy", nil
		}
		return "", nil
	}, nil, nil
}
