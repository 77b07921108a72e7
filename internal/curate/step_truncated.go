package curate

import (
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// truncated drops responses whose text says that they were cut, for rows that do
// not carry the sampler's finish (the finished step is exact where they do):
//
//	open-thinking  <think> is not closed
//	no-reply       nothing follows the thinking
//	open-answer    <answer> is not closed
//	open-box       a \boxed{ is not closed in the reply
//	open-code      a code fence is not closed in the reply
//	mid-sentence   the reply ends within a sentence: its last line has at least 6
//	               words and ends in a letter, a digit, a comma, a hyphen or an open
//	               bracket. Lines of a list, of a table, headings and lines with
//	               mathematics or code often have no full stop, and do not count.
//	               Such rows stay with mid_sentence: keep.
//
// The reasons are these names; the first that is true in this order is given.
type truncated struct {
	MidSentence string `json:"mid_sentence"`
}

func truncatedDef() StepDef {
	return StepDef{
		Name: "truncated", Doc: "drop responses whose text says that they were cut",
		Params: []Param{{Name: "mid_sentence", Type: "text", Default: "drop", Allowed: dropOrKeep()}},
		decode: decodeInto(truncated{MidSentence: "drop"}),
	}
}

func dropOrKeep() []string { return []string{"drop", "keep"} }

func (s truncated) check() error {
	if !slices.Contains(dropOrKeep(), s.MidSentence) {
		return fmt.Errorf("mid_sentence %q is none of %v", s.MidSentence, dropOrKeep())
	}
	return nil
}

func (truncated) needs() []string { return []string{"response"} }

func (s truncated) apply(r *row) string {
	parts := r.split(r.response)
	reply := strings.TrimSpace(parts.Reply)
	switch {
	case parts.Unfinished:
		return "open-thinking"
	case reply == "":
		return "no-reply"
	case strings.Count(reply, "<answer>") > strings.Count(reply, "</answer>"):
		return "open-answer"
	case openBox(reply):
		return "open-box"
	case openFence(reply):
		return "open-code"
	case s.MidSentence == "drop" && midSentence(reply):
		return "mid-sentence"
	}
	return ""
}

// openBox says whether the last \boxed{ is never closed.
func openBox(text string) bool {
	i := strings.LastIndex(text, `\boxed{`)
	if i < 0 {
		return false
	}
	depth := 0
	for j := i + len(`\boxed`); j < len(text); j++ {
		switch text[j] {
		case '\\':
			j++ // an escaped brace is none
		case '{':
			depth++
		case '}':
			if depth--; depth == 0 {
				return false
			}
		}
	}
	return true
}

func openFence(text string) bool {
	fences := 0
	for line := range strings.Lines(text) {
		if strings.HasPrefix(strings.TrimLeft(line, " \t"), "```") {
			fences++
		}
	}
	return fences%2 == 1
}

func midSentence(reply string) bool {
	line := reply[strings.LastIndexByte(reply, '\n')+1:]
	line = strings.TrimSpace(line)
	if line == "" || strings.ContainsAny(line, "\\$`|<>=") || strings.ContainsAny(line[:1], "-*#+>0123456789•") || !hasWords(line, 6) {
		return false
	}
	last, _ := utf8.DecodeLastRuneInString(line)
	if unicode.Is(unicode.Han, last) {
		return false // Chinese replies often end without a full stop
	}
	return unicode.IsLetter(last) || unicode.IsDigit(last) || strings.ContainsRune(",-([{，、（", last)
}
