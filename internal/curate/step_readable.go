package curate

import (
	"errors"
	"unicode"
	"unicode/utf8"
)

// readable drops responses that a person could not read. Of thinking and reply:
//
//	garbled    the share of characters that stand for no text (U+FFFD, control
//	           characters, private use) is above garbled
//	symbols    of the characters that are no white space, the share of letters and
//	           digits is below letters; texts under 40 such characters are left alone
//	long-word  some run without white space is longer than word characters: a dump, a
//	           link farm, a base64 blob. Runs of Han characters are not words, and end one.
//
// The reasons are these names.
type readable struct {
	Garbled float64 `json:"garbled"`
	Letters float64 `json:"letters"`
	Word    int     `json:"word"`
}

func readableDef() StepDef {
	return StepDef{
		Name: "readable", Doc: "drop responses that a person could not read",
		Params: []Param{
			{Name: "garbled", Type: "number", Default: 0.001},
			{Name: "letters", Type: "number", Default: 0.45},
			{Name: "word", Type: "integer", Default: 500},
		},
		decode: decodeInto(readable{Garbled: 0.001, Letters: 0.45, Word: 500}),
	}
}

func (s readable) check() error {
	if s.Word < 1 {
		return errors.New("word must be at least 1")
	}
	return errors.Join(checkShare("garbled", s.Garbled), checkShare("letters", s.Letters))
}

func (readable) needs() []string { return []string{"response"} }

func (s readable) apply(r *row) string {
	parts := r.split(r.response)
	var m legibility
	m.read(parts.Thinking)
	m.read(parts.Reply)
	switch {
	case float64(m.garbled) > s.Garbled*float64(m.all):
		return "garbled"
	case m.all >= 40 && float64(m.letters) < s.Letters*float64(m.all):
		return "symbols"
	case m.word > s.Word:
		return "long-word"
	}
	return ""
}

// legibility counts characters that are no white space.
type legibility struct {
	all, letters, garbled int
	word                  int // characters of the longest run
}

func (m *legibility) read(text string) {
	run := 0
	for i := 0; i < len(text); {
		c, class, size := runeAt(text, i)
		i += size
		if class == isSpace {
			run = 0
			continue
		}
		m.all++
		run++
		switch class {
		case isHan:
			run = 0
			m.letters++
		case isPart, isMark:
			m.letters++
		case isOther:
			if c < ' ' || c == 0x7f || c == utf8.RuneError || c > 0x7f && (unicode.Is(unicode.Co, c) || unicode.Is(unicode.Cc, c)) {
				m.garbled++
			}
		}
		m.word = max(m.word, run)
	}
}
