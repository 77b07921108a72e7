package verify

import "strings"

// The styles of the format reward.
const (
	StyleAnswer = "answer" // the R1-Zero template's: thinking, then an answer block
	StyleBoxed  = "boxed"  // thinking, then text with one \boxed{…}
	StyleThink  = "think"  // thinking, then any text
)

// Styles lists the styles of the format reward.
func Styles() []string { return []string{StyleAnswer, StyleBoxed, StyleThink} }

// Format says whether the whole response has the shape of a style. Common to
// all: white space aside it starts with <think>; there is exactly one <think>
// and one </think>; the thinking is not blank. Then
//
//	answer  only white space, and exactly one <answer>…</answer>, not blank, that ends the response
//	boxed   text without answer tags, with exactly one \boxed{…}, not blank, that is not inside another brace
//	        group of its own kind, and no \boxed that is left open
//	think   text that is not blank
//
// Widespread rules differ, and are traps: with a multi-line "$" a response may
// go on after </answer> on a new line; without counting, blocks may be repeated;
// an empty thinking passes; a template that opens the thinking itself fails
// every response; and demanding newlines around tags fails those without.
func Format(style, response string) bool {
	s := strings.TrimSpace(response)
	if !strings.HasPrefix(s, thinkOpen) || strings.Count(s, thinkOpen) != 1 || strings.Count(s, thinkClose) != 1 {
		return false
	}
	thinking, reply, _ := strings.Cut(s[len(thinkOpen):], thinkClose)
	if isBlank(thinking) || isBlank(reply) {
		return false
	}
	switch style {
	case StyleAnswer:
		reply = strings.TrimSpace(reply)
		body, opens := strings.CutPrefix(reply, answerOpen)
		body, closes := strings.CutSuffix(body, answerClose)
		return opens && closes && !isBlank(body) && strings.Count(s, answerOpen) == 1 && strings.Count(s, answerClose) == 1
	case StyleBoxed:
		if strings.Contains(reply, answerOpen) || strings.Contains(reply, answerClose) {
			return false
		}
		b := scanBoxes(reply)
		return b.count == 1 && !b.stray && !isBlank(b.last)
	case StyleThink:
		return true
	}
	return false
}

func isBlank(s string) bool { return strings.TrimSpace(s) == "" }
