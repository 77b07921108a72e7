package curate

import (
	"context"
	"errors"
)

// paraphrase drops rows whose prompt holds a prompt of against with other
// numbers in it: the tokens (see tokens.read) of the whole prompt of against,
// every number taken for any other, stand in the row's prompt one after another.
// Prompts of against with fewer than words words (tokens that are no number and
// no variable), or without a number, are not looked for: "what is # + #?" is
// everybody's question.
//
// Other paraphrases, with other words in another order, pass.
//
// Reason: "numbers-changed".
//
// Memory: about 100 bytes for each prompt of against.
type paraphrase struct {
	Against string `json:"against"`
	Words   int    `json:"words"`
}

func paraphraseDef() StepDef {
	return StepDef{
		Name: "paraphrase", Doc: "drop rows whose prompt is one of another dataset with the numbers changed",
		Params: []Param{{Name: "against", Type: "text", Required: true}, {Name: "words", Type: "integer", Default: 6}},
		decode: decodeInto(paraphrase{Words: 6}),
	}
}

func (s paraphrase) check() error {
	if s.Against == "" {
		return errors.New("against is needed: the name of an input or source")
	}
	if s.Words < 1 {
		return errors.New("words must be at least 1")
	}
	return nil
}

func (paraphrase) needs() []string { return nil }

func (s paraphrase) compared() string { return s.Against }

func (s paraphrase) start(ctx context.Context, env env) (any, error) {
	m := &maskedPrompts{newPassages(s.Words)}
	err := eachCompared(ctx, env, s.Against, func(r *row) {
		t := &r.tmp.tokens
		t.read(r.prompt)
		if countTrue(t.wordy) >= s.Words && countTrue(t.number) > 0 {
			m.prompts.add(t.masked(nil))
		}
	})
	if err != nil {
		return nil, err
	}
	return m, nil
}

type maskedPrompts struct{ prompts *passages }

func (m *maskedPrompts) apply(r *row) string {
	t := &r.tmp.tokens
	t.read(r.prompt)
	r.tmp.words = t.masked(r.tmp.words[:0])
	if m.prompts.found(r.tmp.words) {
		return "numbers-changed"
	}
	return ""
}
