package curate

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/r1ctl/r1ctl/internal/r1"
)

// decontaminate drops rows that share text with another dataset, as training
// data must not with a benchmark: any n-gram of words of the row's prompt,
// thinking, reply, chosen, rejected or text that is also in a text of against;
// or a prompt that equals one of against but for white space and case, because
// a prompt shorter than n words has no n-gram to share. Words are those of
// plainWords. against names an input or a source, whose rows are not taken over.
//
// With normalize: full, words are tokens (see tokens.read): punctuation, accents,
// Unicode forms and LaTeX do not hide a copy. An n-gram counts when at least two
// of its tokens are words, because runs of numbers and variables are alike
// everywhere. And a prompt of against that is shorter than n, but has at least
// shortWords tokens, two of them words, drops the rows whose prompt holds all of it.
//
// With compat: open-r1 it is the rule of open-r1's script, exactly: the prompt
// only, words as Python's lower().split() makes them, any shared n-gram; texts of
// less than n words never match. That script's default for ngram is 8. (Words are
// compared by 64-bit hashes: among 10^8 n-grams, against 10^6, two different ones
// are taken for equal with a chance of about 1 in 100,000.)
//
// Paraphrases pass (but see the step paraphrase); a phrase of n words that the
// benchmark shares with everything (an instruction inside each prompt) drops
// everything, which the funnel shows: keep instructions in templates.
//
// Reasons: "same-prompt", "shared-ngram", "short-prompt".
//
// Memory: 16 to 36 bytes for each word of against.
type decontaminate struct {
	Against   string `json:"against"`
	Ngram     int    `json:"ngram"`
	Normalize string `json:"normalize"`
	Compat    string `json:"compat"`
}

// shortWords is from how many tokens on a short prompt is looked for in longer ones.
const shortWords = 5

// The values of normalize and compat.
const (
	normalizeWords = "words"
	normalizeFull  = "full"
	compatOpenR1   = "open-r1"
)

func normalizations() []string { return []string{normalizeWords, normalizeFull} }

func decontaminateDef() StepDef {
	return StepDef{
		Name: "decontaminate", Doc: "drop rows that share text with another dataset",
		Params: []Param{
			{Name: "against", Type: "text", Required: true},
			{Name: "ngram", Type: "integer", Default: 10},
			{Name: "normalize", Type: "text", Allowed: normalizations()},
			{Name: "compat", Type: "text", Allowed: []string{compatOpenR1}},
		},
		decode: decodeInto(decontaminate{Ngram: 10}),
	}
}

func (s decontaminate) check() error {
	switch {
	case s.Against == "":
		return errors.New("against is needed: the name of an input or source")
	case s.Ngram < 1:
		return errors.New("ngram must be at least 1")
	case s.Normalize != "" && !slices.Contains(normalizations(), s.Normalize):
		return fmt.Errorf("normalize %q is none of %v", s.Normalize, normalizations())
	case s.Compat != "" && s.Compat != compatOpenR1:
		return fmt.Errorf("compat %q is none of [%s]", s.Compat, compatOpenR1)
	case s.Compat != "" && s.Normalize == normalizeFull:
		return errors.New("compat: open-r1 normalizes as open-r1 does: leave normalize out")
	}
	return nil
}

func (decontaminate) needs() []string { return nil }

func (s decontaminate) compared() string { return s.Against }

func (s decontaminate) start(ctx context.Context, env env) (any, error) {
	b := &benchmark{rule: s, prompts: map[string]struct{}{}, short: newPassages(shortWords)}
	if err := eachCompared(ctx, env, s.Against, b.add); err != nil {
		return nil, err
	}
	b.grams, b.building = newGramSet(b.building), nil // what was collected goes
	return b, nil
}

// eachCompared reads all rows of a dataset that rows are compared with. None may
// be malformed: what is read in part protects in part.
func eachCompared(ctx context.Context, env env, name string, add func(r *row)) error {
	source, err := env.dataset(name)
	if err != nil {
		return err
	}
	rows := 0
	for line, err := range source.Rows(ctx) {
		if err != nil {
			return fmt.Errorf("read %s to compare with it: %w", name, err)
		}
		digestText(env.compared, string(line.Raw))
		r, problem := line.parse(nil)
		if problem != "" {
			return &r1.Error{
				Name:   "bad-benchmark-row",
				Detail: fmt.Sprintf("cannot compare with %s: %s:%d is %s", name, line.File, line.Number, problem),
				Remedy: "correct the row: a benchmark that is read in part protects in part",
			}
		}
		add(r)
		rows++
	}
	if rows == 0 {
		return &r1.Error{
			Name: "dataset-empty", Detail: fmt.Sprintf("cannot compare with %s: it has no rows", name),
			Remedy: "give the dataset that must stay unseen",
		}
	}
	return nil
}

// benchmark is what must not be trained on.
type benchmark struct {
	rule     decontaminate
	building []uint64
	grams    *gramSet
	prompts  map[string]struct{}
	short    *passages
}

func (b *benchmark) add(r *row) {
	switch {
	case b.rule.Compat == compatOpenR1:
		r.tmp.words = pyWords(r.prompt, r.tmp.words[:0])
		b.addGrams(r.tmp.words)
	case b.rule.Normalize == normalizeFull:
		r.tmp.tokens.read(r.prompt)
		if t := &r.tmp.tokens; len(t.hashes) > 0 {
			b.prompts[string(appendWords(nil, t.hashes))] = struct{}{}
			if len(t.hashes) < b.rule.Ngram && countTrue(t.wordy) >= 2 {
				b.short.add(t.hashes)
			}
		}
		for _, text := range append(r.texts(), string(r.gold)) {
			r.tmp.tokens.read(text)
			b.building = wordyGrams(&r.tmp.tokens, b.rule.Ngram, r.tmp, b.building)
		}
	default:
		if r.prompt != "" {
			b.prompts[sameText(r.prompt)] = struct{}{}
		}
		for _, text := range append(r.texts(), string(r.gold)) {
			b.addGrams(r.plainWords(text))
		}
	}
}

func (b *benchmark) addGrams(words []uint64) { b.building = grams(words, b.rule.Ngram, b.building) }

func (b *benchmark) apply(r *row) string {
	switch {
	case b.rule.Compat == compatOpenR1:
		r.tmp.words = pyWords(r.prompt, r.tmp.words[:0])
		if b.shares(r.tmp.words, r.tmp) {
			return "shared-ngram"
		}
		return ""
	case b.rule.Normalize == normalizeFull:
		return b.applyFull(r)
	}
	if r.prompt != "" {
		if _, found := b.prompts[sameText(r.prompt)]; found {
			return "same-prompt"
		}
	}
	for _, text := range r.texts() {
		if b.shares(r.plainWords(text), r.tmp) {
			return "shared-ngram"
		}
	}
	return ""
}

func (b *benchmark) shares(words []uint64, tmp *scratch) bool {
	tmp.grams = grams(words, b.rule.Ngram, tmp.grams[:0])
	return b.grams.hasAny(tmp.grams)
}

func (b *benchmark) applyFull(r *row) string {
	t := &r.tmp.tokens
	if t.read(r.prompt); len(t.hashes) > 0 {
		r.tmp.text = appendWords(r.tmp.text[:0], t.hashes)
		if _, found := b.prompts[string(r.tmp.text)]; found {
			return "same-prompt"
		}
	}
	if b.short.found(t.hashes) {
		return "short-prompt"
	}
	for _, text := range r.texts() {
		t.read(text)
		r.tmp.words = wordyGrams(t, b.rule.Ngram, r.tmp, r.tmp.words[:0])
		if b.grams.hasAny(r.tmp.words) {
			return "shared-ngram"
		}
	}
	return ""
}

// wordyGrams appends the n-grams of which two tokens, or the only one, are words.
func wordyGrams(t *tokens, n int, tmp *scratch, out []uint64) []uint64 {
	need := min(2, n)
	if len(t.hashes) < n {
		return out
	}
	words := countTrue(t.wordy[:n])
	tmp.grams = grams(t.hashes, n, tmp.grams[:0])
	for i, gram := range tmp.grams {
		if words >= need {
			out = append(out, gram)
		}
		if i+n < len(t.wordy) {
			words += b2i(t.wordy[i+n]) - b2i(t.wordy[i])
		}
	}
	return out
}

func countTrue(list []bool) (n int) {
	for _, v := range list {
		n += b2i(v)
	}
	return n
}

func b2i(v bool) int {
	if v {
		return 1
	}
	return 0
}

// appendWords appends hashes as bytes, to be a key.
func appendWords(out []byte, words []uint64) []byte {
	for _, w := range words {
		out = append(out, byte(w), byte(w>>8), byte(w>>16), byte(w>>24), byte(w>>32), byte(w>>40), byte(w>>48), byte(w>>56))
	}
	return out
}
