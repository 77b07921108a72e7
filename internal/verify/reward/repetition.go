package reward

import (
	"fmt"
	"slices"
	"strings"
	"unicode"
)

func repetitionPenalty() *Definition {
	return &Definition{
		Name: "repetition_penalty", Version: 1,
		Doc:     "a penalty for saying the same n-grams again",
		Formula: "(1 − distinct n-grams/n-grams)·max_penalty; words are what white space divides, in lower case. `zh`: also each Han character is a word. 0 for fewer than ngram_size words",
		Range:   "max_penalty to 0", Source: "open-r1 `repetition_penalty` (Demystifying Long CoT)",
		Params: []Param{
			{Name: "ngram_size", Aliases: []string{"repetition_n_grams"}, Type: Whole, Default: int64(3), Least: least(1), Doc: "words a window"},
			{Name: "max_penalty", Aliases: []string{"repetition_max_penalty"}, Type: Number, Default: -1.0, Want: "a number below 0", Doc: "of a text without end of repetition; negative"},
			{Name: "language", Type: Text, Choices: []string{"en", "zh"}, Default: "en", Doc: "how words are told apart; zh not under compat"},
			compat(),
		},
		Upstream: []Difference{
			{"max_penalty 0 is taken", "refused", "the reward would be 0 always"},
			{"ngram_size 0 fails in training", "refused", "known before anything starts"},
			{"Chinese needs the package jieba, and no key of the configuration asks for it", "`language: zh` counts characters", "no dictionary decides a reward"},
		},
		check: func(p Params) []Problem {
			if p.openR1() && p.text("language") == "zh" {
				return []Problem{{Param: "language", Text: "no key of open-r1's configuration asks for Chinese: leave it out, or leave out compat"}}
			}
			limit := p.number("max_penalty")
			if limit > 0 || limit == 0 && !p.openR1() {
				return []Problem{{Param: "max_penalty", Text: fmt.Sprintf("expected a number below 0, found the number %g: repetition would not be punished", limit)}}
			}
			return nil
		},
		text: func(p Params, it Item) Value {
			return known(repeated(words(read(p, it), p.text("language") == "zh"), int(p.whole("ngram_size"))) * p.number("max_penalty"))
		},
	}
}

// repeated is the share of n-grams that an earlier one is equal to.
func repeated(words []string, n int) float64 {
	total := len(words) - n + 1
	if total <= 0 {
		return 0
	}
	// Words become numbers, and so do n-grams: each is the number of the n-gram
	// one word shorter with that of its last word.
	number := make(map[string]uint32)
	ids := make([]uint32, len(words))
	for i, w := range words {
		id, ok := number[w]
		if !ok {
			id = uint32(len(number))
			number[w] = id
		}
		ids[i] = id
	}
	grams, distinct := slices.Clone(ids), len(number)
	for size := 2; size <= n; size++ {
		pair := make(map[uint64]uint32, distinct)
		for i := range len(words) - size + 1 {
			key := uint64(grams[i])<<32 | uint64(ids[i+size-1])
			id, ok := pair[key]
			if !ok {
				id = uint32(len(pair))
				pair[key] = id
			}
			grams[i] = id
		}
		distinct = len(pair)
	}
	return 1 - float64(distinct)/float64(total)
}

// words divides a text at what Python's str.split takes for white space, in
// lower case; with han, every Han character is a word too.
func words(text string, han bool) []string {
	fields := strings.FieldsFunc(strings.ToLower(text), func(r rune) bool {
		return unicode.IsSpace(r) || r >= 0x1c && r <= 0x1f
	})
	if !han {
		return fields
	}
	var out []string
	for _, f := range fields {
		start := 0
		for i, r := range f {
			if !unicode.Is(unicode.Han, r) {
				continue
			}
			if i > start {
				out = append(out, f[start:i])
			}
			start = i + len(string(r))
			out = append(out, f[i:start])
		}
		if start < len(f) {
			out = append(out, f[start:])
		}
	}
	return out
}
