package curate

import (
	"strings"
	"unicode"
)

// repeatedLines drops thinking that says whole lines again: of the characters
// of its lines, the share in lines that stood there before is above max. Lines
// are equal when they differ in case or in white space around them only; lines
// of fewer than 3 words or 12 characters (a heading, a bare formula, a closing
// bracket) do not count. A thinking with fewer than 4 lines that count has share
// 0: there, the n-grams of the repetition step and the loop step see more.
//
// Reason: "repeated-lines".
type repeatedLines struct {
	Max float64 `json:"max"`
}

func repeatedLinesDef() StepDef {
	return StepDef{
		Name: "repeated-lines", Doc: "drop thinking that says lines again",
		Params: []Param{{Name: "max", Type: "number", Default: 0.2}},
		decode: decodeInto(repeatedLines{Max: 0.2}),
	}
}

func (s repeatedLines) check() error  { return checkShare("max", s.Max) }
func (repeatedLines) needs() []string { return []string{"response"} }

func (s repeatedLines) apply(r *row) string {
	if repeatedLineShare(r.split(r.response).Thinking, r.tmp) > s.Max {
		return "repeated-lines"
	}
	return ""
}

func repeatedLineShare(text string, tmp *scratch) float64 {
	tmp.set.reset(strings.Count(text, "\n") + 1)
	lines, all, again := 0, 0, 0
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if len(line) < 12 || !hasWords(line, 3) {
			continue
		}
		lines++
		all += len(line)
		if !tmp.set.add(hash64(line)) {
			again += len(line)
		}
	}
	if lines < 4 {
		return 0
	}
	return float64(again) / float64(all)
}

// hasWords says whether text has at least n words with a letter.
func hasWords(text string, n int) bool {
	in := false // a word that has been counted
	for _, c := range text {
		switch {
		case unicode.IsSpace(c):
			in = false
		case !in && unicode.IsLetter(c):
			if n--; n <= 0 {
				return true
			}
			in = !unicode.Is(unicode.Han, c) // each of these is a word
		}
	}
	return false
}
