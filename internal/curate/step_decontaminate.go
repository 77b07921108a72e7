package curate

import (
	"context"
	"errors"
	"fmt"

	"github.com/r1ctl/r1ctl/internal/r1"
)

// decontaminate drops rows that share text with another dataset, as training
// data must not with a benchmark: any n-gram of words of the row's prompt,
// thinking, reply, chosen, rejected or text that is also in a text of against;
// or a prompt that equals one of against but for white space and case, because
// a prompt shorter than n words has no n-gram to share. Words are those of
// plainWords. against names an input or a source, whose rows are not taken over.
//
// Paraphrases pass; a phrase of n words that the benchmark shares with
// everything (an instruction inside each prompt) drops everything, which the
// funnel shows: keep instructions in templates.
//
// Reasons: "same-prompt", "shared-ngram".
//
// Memory: 8 bytes and a map entry's overhead for each word of against.
type decontaminate struct {
	Against string `json:"against"`
	Ngram   int    `json:"ngram"`
}

func decontaminateDef() StepDef {
	return StepDef{
		Name: "decontaminate", Doc: "drop rows that share text with another dataset",
		Params: []Param{{Name: "against", Type: "text", Required: true}, {Name: "ngram", Type: "integer", Default: 10}},
		decode: decodeInto(decontaminate{Ngram: 10}),
	}
}

func (s decontaminate) check() error {
	if s.Against == "" {
		return errors.New("against is needed: the name of an input or source")
	}
	if s.Ngram < 1 {
		return errors.New("ngram must be at least 1")
	}
	return nil
}

func (decontaminate) needs() []string { return nil }

func (s decontaminate) start(ctx context.Context, env env) (any, error) {
	source, err := env.dataset(s.Against)
	if err != nil {
		return nil, err
	}
	b := &benchmark{ngram: s.Ngram, grams: map[uint64]struct{}{}, prompts: map[string]struct{}{}}
	rows := 0
	for line, err := range source.Rows(ctx) {
		if err != nil {
			return nil, fmt.Errorf("read %s to decontaminate against it: %w", s.Against, err)
		}
		r, problem := line.parse(nil)
		if problem != "" {
			return nil, &r1.Error{
				Name:   "bad-benchmark-row",
				Detail: fmt.Sprintf("cannot decontaminate against %s: %s:%d is %s", s.Against, line.File, line.Number, problem),
				Remedy: "correct the row: a benchmark that is read in part protects in part",
			}
		}
		b.add(r)
		rows++
	}
	if rows == 0 {
		return nil, &r1.Error{
			Name: "dataset-empty", Detail: fmt.Sprintf("cannot decontaminate against %s: it has no rows", s.Against),
			Remedy: "give the dataset that must stay unseen",
		}
	}
	return b, nil
}

// benchmark is what must not be trained on.
type benchmark struct {
	ngram   int
	grams   map[uint64]struct{}
	prompts map[string]struct{}
}

func (b *benchmark) add(r *row) {
	if r.prompt != "" {
		b.prompts[sameText(r.prompt)] = struct{}{}
	}
	for _, text := range append(r.texts(), string(r.gold)) {
		for _, gram := range ngrams(plainWords(text), b.ngram) {
			b.grams[gram] = struct{}{}
		}
	}
}

func (b *benchmark) apply(r *row) string {
	if _, found := b.prompts[sameText(r.prompt)]; found && r.prompt != "" {
		return "same-prompt"
	}
	for _, text := range r.texts() {
		for _, gram := range ngrams(plainWords(text), b.ngram) {
			if _, found := b.grams[gram]; found {
				return "shared-ngram"
			}
		}
	}
	return ""
}
