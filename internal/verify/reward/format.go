package reward

import (
	"regexp"
	"strings"
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
func Format(style, response string) bool {
	_, ok := formatted(style, response)
	return ok
}

// formatted also gives what follows the thinking: of the style answer, the
// content of the answer block.
func formatted(style, response string) (reply string, ok bool) {
	s := strings.TrimSpace(response)
	if !strings.HasPrefix(s, thinkOpen) || strings.Count(s, thinkOpen) != 1 || strings.Count(s, thinkClose) != 1 {
		return "", false
	}
	thought, reply, _ := strings.Cut(s[len(thinkOpen):], thinkClose)
	if isBlank(thought) || isBlank(reply) {
		return "", false
	}
	switch style {
	case StyleAnswer:
		body, opens := strings.CutPrefix(strings.TrimSpace(reply), answerOpen)
		body, closes := strings.CutSuffix(body, answerClose)
		once := strings.Count(s, answerOpen) == 1 && strings.Count(s, answerClose) == 1
		return body, opens && closes && once && !isBlank(body)
	case StyleBoxed:
		if strings.Contains(reply, answerOpen) || strings.Contains(reply, answerClose) {
			return "", false
		}
		b := scanBoxes(reply)
		return reply, b.count == 1 && !b.stray && !isBlank(b.last)
	case StyleThink:
		return reply, true
	}
	return "", false
}

// boxes is what scanBoxes finds.
type boxes struct {
	last  string // content of the last outermost \boxed{…}
	count int    // outermost \boxed{…} groups
	stray bool   // a \boxed without a group that closes
}

// scanBoxes finds every \boxed{…} whose braces match, in one pass. Escaped
// braces do not count; a box inside another belongs to the outer one.
func scanBoxes(text string) boxes {
	const command = `\boxed`
	type group struct {
		start int
		boxed bool
		inner int // outermost boxes closed before this group
	}
	var b boxes
	var open []group
	for i := 0; i < len(text); i++ {
		switch text[i] {
		case '\\':
			if !strings.HasPrefix(text[i:], command) {
				i++ // the next byte is escaped
				continue
			}
			j := i + len(command)
			for j < len(text) && (text[j] == ' ' || text[j] == '\t' || text[j] == '\n') {
				j++
			}
			if j == len(text) || text[j] != '{' {
				b.stray = true
				i += len(command) - 1
				continue
			}
			open = append(open, group{start: j + 1, boxed: true, inner: b.count})
			i = j
		case '{':
			open = append(open, group{start: i + 1})
		case '}':
			if len(open) == 0 {
				continue
			}
			g := open[len(open)-1]
			open = open[:len(open)-1]
			if g.boxed {
				b.last, b.count = text[g.start:i], g.inner+1
			}
		}
	}
	for _, g := range open {
		b.stray = b.stray || g.boxed
	}
	return b
}
