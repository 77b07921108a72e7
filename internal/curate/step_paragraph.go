package curate

import (
	"errors"
	"strings"
	"unicode/utf8"
)

// paragraph drops thinking with a long paragraph: one of more than max
// characters (Unicode code points). Paragraphs end at blank lines; white space
// around them does not count.
//
// Reason: "long-paragraph".
type paragraph struct {
	Max int `json:"max"`
}

func paragraphDef() StepDef {
	return StepDef{
		Name: "paragraph", Doc: "drop thinking with a long paragraph",
		Params: []Param{{Name: "max", Type: "integer", Required: true}},
		decode: decodeInto(paragraph{}),
	}
}

func (s paragraph) check() error {
	if s.Max < 1 {
		return errors.New("max is needed, and at least 1")
	}
	return nil
}

func (paragraph) needs() []string { return []string{"response"} }

func (s paragraph) apply(r *row) string {
	if longestParagraph(r.split(r.response).Thinking) > s.Max {
		return "long-paragraph"
	}
	return ""
}

func longestParagraph(text string) int {
	longest, start := 0, 0
	end := func(i int) {
		longest = max(longest, utf8.RuneCountInString(strings.TrimSpace(text[start:i])))
	}
	for pos := 0; pos < len(text); {
		next := len(text)
		if i := strings.IndexByte(text[pos:], '\n'); i >= 0 {
			next = pos + i + 1
		}
		if strings.TrimSpace(text[pos:next]) == "" {
			end(pos)
			start = next
		}
		pos = next
	}
	end(len(text))
	return longest
}
