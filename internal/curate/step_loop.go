package curate

import (
	"errors"
)

// loop drops responses that are caught in a loop: one passage, of any length,
// stands at least times times in direct succession, and what is repeated (all
// but the first) has at least words words. Words are those of plainWords, so
// punctuation between the passages does not matter. It looks at thinking and
// reply, each by itself.
//
// A passage of fewer than 4 words is found by the 4 words that its copies make.
//
// Reason: "loops".
type loop struct {
	Times int `json:"times"`
	Words int `json:"words"`
}

func loopDef() StepDef {
	return StepDef{
		Name: "loop", Doc: "drop responses that are caught in a loop",
		Params: []Param{{Name: "times", Type: "integer", Default: 4}, {Name: "words", Type: "integer", Default: 30}},
		decode: decodeInto(loop{Times: 4, Words: 30}),
	}
}

func (s loop) check() error {
	if s.Times < 2 {
		return errors.New("times must be at least 2")
	}
	if s.Words < 1 {
		return errors.New("words must be at least 1")
	}
	return nil
}

func (loop) needs() []string { return []string{"response"} }

func (s loop) apply(r *row) string {
	parts := r.split(r.response)
	for _, text := range []string{parts.Thinking, parts.Reply} {
		if s.found(r.plainWords(text), r.tmp) {
			return "loops"
		}
	}
	return ""
}

// found looks for words[i] == words[i-period] over a long run. Where four words
// were seen before, their distance is the period to try.
func (s loop) found(words []uint64, tmp *scratch) bool {
	const probe = 4
	tmp.last.reset(len(words))
	tmp.grams = grams(words, probe, tmp.grams[:0])
	for start, gram := range tmp.grams {
		before := tmp.last.swap(gram, start)
		if before < 0 {
			continue
		}
		period := start - before
		end := start
		for end < len(words) && words[end] == words[end-period] {
			end++
		}
		if again := end - start; again >= s.Words && again >= (s.Times-1)*period {
			return true
		}
	}
	return false
}
