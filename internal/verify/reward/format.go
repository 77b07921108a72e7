package reward

import (
	"regexp"
	"strings"

	"github.com/r1ctl/r1ctl/internal/verify/response"
)

// The styles of the format reward.
const (
	StyleAnswer = "answer" // thinking, then an answer block
	StyleBoxed  = "boxed"  // thinking, then text with one \boxed{…}
	StyleThink  = "think"  // thinking, then any text
)

// Styles lists the styles of the format reward.
func Styles() []string { return []string{StyleAnswer, StyleBoxed, StyleThink} }

func format() *Definition {
	upstream := regexp.MustCompile(`(?ms)\A<think>\n.*?\n</think>\n<answer>\n.*?\n</answer>$`)
	return &Definition{
		Name: "format", Version: 1,
		Doc:     "the response has the demanded shape: 1 or 0",
		Formula: "1 if the whole response is `<think>`, text, `</think>`, then what the style demands, and nothing else: `answer` one `<answer>…</answer>`; `boxed` text with exactly one `\\boxed{…}`; `think` any text. Each tag exactly once, in this order, no part blank; white space between and around the parts is free",
		Range:   "0 or 1", Source: "paper 2.2; open-r1 `format`",
		Params: []Param{
			{Name: "style", Type: Text, Choices: Styles(), Default: StyleAnswer, Ours: true, Doc: "the shape"},
			prefilled(), compat(),
		},
		Upstream: []Difference{
			{"text after `</answer>` passes when it is on a new line", "nothing may follow", "the rule pays for text nobody asked for"},
			{"repeated blocks pass", "each tag exactly once", "several answers are a way to hedge"},
			{"an empty thinking of two line breaks passes", "no part may be blank", "it pays for not thinking"},
			{"a completion that continues a pre-filled `<think>` always gets 0", "`prefilled: true`", "the reward is constant, and nothing says so"},
			{"line breaks around tags must be exactly upstream's; CRLF, a leading space or a blank line fail", "white space between parts is free", "the shape is what matters, not the template's line breaks"},
		},
		text: func(p Params, it Item) Value {
			if p.openR1() {
				return truth(upstream.MatchString(read(p, it)))
			}
			return truth(Format(p.text("style"), read(p, it)))
		},
	}
}

func truth(ok bool) Value {
	if ok {
		return known(1)
	}
	return known(0)
}

// Format says whether a whole response has the shape of a style (see the
// definition of the format reward).
func Format(style, text string) bool {
	_, ok := formatted(style, text)
	return ok
}

// formatted also gives what follows the thinking: of the style answer, the
// content of the answer block.
func formatted(style, text string) (reply string, ok bool) {
	s := strings.TrimSpace(text)
	if !strings.HasPrefix(s, response.ThinkOpen) || strings.Count(s, response.ThinkOpen) != 1 || strings.Count(s, response.ThinkClose) != 1 {
		return "", false
	}
	thought, reply, _ := strings.Cut(s[len(response.ThinkOpen):], response.ThinkClose)
	if isBlank(thought) || isBlank(reply) {
		return "", false
	}
	switch style {
	case StyleAnswer:
		body, opens := strings.CutPrefix(strings.TrimSpace(reply), response.AnswerOpen)
		body, closes := strings.CutSuffix(body, response.AnswerClose)
		once := strings.Count(s, response.AnswerOpen) == 1 && strings.Count(s, response.AnswerClose) == 1
		return body, opens && closes && once && !isBlank(body)
	case StyleBoxed:
		if strings.Contains(reply, response.AnswerOpen) || strings.Contains(reply, response.AnswerClose) {
			return "", false
		}
		b := response.ScanBoxes(reply)
		return reply, b.Count == 1 && !b.Stray && !isBlank(b.Last)
	case StyleThink:
		return reply, true
	}
	return "", false
}
