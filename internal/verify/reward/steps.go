package reward

import (
	"regexp"
	"strings"
)

func reasoningSteps() *Definition {
	const enough = 3
	upstream := regexp.MustCompile(`Step \p{Nd}+:|\A\p{Nd}+\.|\n-|\n\*|First,|Second,|Next,|Finally,`)
	return &Definition{
		Name: "reasoning_steps", Version: 1,
		Doc:     "the response shows its steps; three are enough",
		Formula: "min(1, n/3), n = list items at the start of a line (`1.`, `1)`, `-`, `*`, and then a blank), `Step 1:`, and `First,` `Second,` `Next,` `Finally,`; one that opens a list item is not counted again",
		Range:   "0 to 1", Source: "open-r1 `reasoning_steps`",
		Params: []Param{compat()},
		Upstream: []Difference{
			{"only a number at the very start of the response is an item: a list 1. 2. 3. gets 1/3", "every line's start counts", "the rule lacks the multi-line flag that it was written for"},
			{"a list with hyphens that starts the response loses its first item", "every line's start counts", "the same"},
			{"`-5`, `---` and `**bold**` at a line's start are items", "an item's mark is followed by a blank", "they are no list items"},
			{"`1. First, …` is two steps", "it is one", "it is one"},
		},
		text: func(p Params, it Item) Value {
			n := 0
			if text := read(p, it); p.openR1() {
				n = len(upstream.FindAllStringIndex(text, enough))
			} else {
				n = steps(text, enough)
			}
			return known(min(1, float64(n)/enough))
		},
	}
}

// steps counts the steps of a text, up to enough: what regular expressions would
// find, without their cost on long texts.
func steps(text string, enough int) int {
	n := 0
	for _, sign := range [...]string{"First,", "Second,", "Next,", "Finally,", "Step "} {
		for at := 0; n < enough; {
			i := strings.Index(text[at:], sign)
			if i < 0 {
				break
			}
			at += i + len(sign)
			if start := at - len(sign); (start == 0 || !isWord(text[start-1])) && isSign(text[start:]) {
				n++
			}
		}
	}
	for line := range strings.SplitSeq(text, "\n") {
		if n >= enough {
			return enough
		}
		// A sign that opens an item has been counted: it is the same step.
		if body, ok := listItem(line); ok && !isSign(strings.TrimLeft(body, "*")) {
			n++
		}
	}
	return min(n, enough)
}

// isSign says whether a text begins with words that begin a step.
func isSign(text string) bool {
	if number, ok := strings.CutPrefix(text, "Step "); ok {
		rest := strings.TrimLeft(number, "0123456789")
		return rest != number && strings.HasPrefix(rest, ":")
	}
	return strings.HasPrefix(text, "First,") || strings.HasPrefix(text, "Second,") || strings.HasPrefix(text, "Next,") || strings.HasPrefix(text, "Finally,")
}

// listItem is what follows the mark of a list's item.
func listItem(line string) (body string, ok bool) {
	line = strings.TrimLeft(line, " \t")
	rest := strings.TrimLeft(line, "0123456789")
	if marks := ".)"; rest == "" || rest == line && rest[0] != '-' && rest[0] != '*' || rest != line && !strings.Contains(marks, rest[:1]) {
		return "", false
	}
	body = strings.TrimLeft(rest[1:], " \t")
	return body, body != rest[1:]
}

func isWord(b byte) bool { return isASCIILetter(b) || b >= '0' && b <= '9' || b == '_' }
