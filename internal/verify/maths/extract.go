package maths

import (
	"strings"

	"github.com/r1ctl/r1ctl/internal/verify/response"
)

const shortReply = 60 // bytes of a reply that is taken for an answer as a whole

// Extract takes the final answer out of a reply: from the last <answer> block
// if there is one, else from all of it, the last \boxed{…}; else what follows
// the last "answer is" or "answer:", the last formula, the last number, or a
// short reply as a whole. ok is false where nothing is found, and where the
// last \boxed never closes, as in a reply that was cut off.
func Extract(reply string) (answer string, ok bool) {
	text, block := response.LastBlock(reply)
	if !block {
		text = reply
	}
	boxes := response.ScanBoxes(text)
	switch {
	case boxes.Cut:
		return "", false
	case boxes.Count > 0:
		answer = boxes.Last
	case block && !sentence(text):
		answer = text
	default:
		answer = plain(text)
	}
	answer = strings.TrimSpace(answer)
	return answer, answer != ""
}

// sentence says that a block has an answer within words.
func sentence(s string) bool {
	return strings.Contains(strings.ToLower(s), "answer") || len(s) > shortReply && len(strings.Fields(s)) > 6
}

// plain finds the answer of a reply without mark-up.
func plain(text string) string {
	const window = 1 << 16 // the end of a long reply is enough
	if len(text) > window {
		text = text[len(text)-window:]
	}
	lower := strings.ToLower(text)
	if len(lower) == len(text) {
		if s := announced(text, lower); s != "" {
			return s
		}
	}
	if s := lastFormula(text); s != "" {
		return s
	}
	trimmed := strings.TrimSpace(text)
	if len(trimmed) <= shortReply && !strings.Contains(trimmed, "\n") && len(strings.Fields(trimmed)) <= 5 {
		return trimmed
	}
	return lastNumber(text)
}

// announced is what follows the last "answer is", "answer:" or "####".
func announced(text, lower string) string {
	at := -1
	for _, mark := range []string{"answer is", "answer:", "answer**:", "answer:**", "####"} {
		if i := strings.LastIndex(lower, mark); i >= 0 && i+len(mark) > at {
			at = i + len(mark)
		}
	}
	if at < 0 {
		return ""
	}
	s := strings.TrimLeft(text[at:], ": \t\n*")
	if s == "" {
		return ""
	}
	line, _, _ := strings.Cut(s, "\n")
	for _, pair := range [][2]string{{"$$", "$$"}, {"$", "$"}, {`\(`, `\)`}, {`\[`, `\]`}} {
		if inner, ok := strings.CutPrefix(s, pair[0]); ok {
			if end := strings.Index(inner, pair[1]); end >= 0 {
				rest, _, _ := strings.Cut(inner[end+len(pair[1]):], "\n")
				if rest = strings.TrimSpace(rest); len(rest) < 20 && !strings.ContainsAny(rest, ".,$") {
					return pair[0] + inner[:end] + pair[1] + " " + strings.TrimRight(rest, "*")
				}
				return inner[:end]
			}
		}
	}
	if i := strings.Index(line, ". "); i >= 0 {
		line = line[:i]
	}
	line = strings.TrimRight(strings.TrimSpace(line), ".*")
	if strings.Contains(line, "$") && !strings.HasPrefix(line, "$") {
		if f := lastFormula(line); f != "" {
			return f
		}
	}
	return strings.Trim(line, "*")
}

// lastFormula is the content of the last $…$, \(…\) or \[…\].
func lastFormula(text string) string {
	best, at := "", -1
	for _, pair := range [][2]string{{"$$", "$$"}, {"$", "$"}, {`\(`, `\)`}, {`\[`, `\]`}} {
		end := strings.LastIndex(text, pair[1])
		if end < 0 {
			continue
		}
		open := strings.LastIndex(text[:end], pair[0])
		if open < 0 || open+len(pair[0]) > end || end <= at {
			continue
		}
		if s := strings.TrimSpace(text[open+len(pair[0]) : end]); s != "" && !(pair[0] == "$" && strings.Count(text, "$")%2 == 1) {
			best, at = s, end+len(pair[1])
		}
	}
	return best
}

// lastNumber is the last number, with its sign, fraction and percent sign.
func lastNumber(text string) string {
	end := strings.LastIndexAny(text, "0123456789")
	if end < 0 {
		return ""
	}
	start := end
	for start > 0 && strings.IndexByte("0123456789.,/", text[start-1]) >= 0 {
		start--
	}
	for strings.IndexByte(".,/", text[start]) >= 0 {
		start++
	}
	if start > 0 && text[start-1] == '-' && (start == 1 || strings.IndexByte(" \n\t(=:$", text[start-2]) >= 0) {
		start--
	}
	if end++; end < len(text) && text[end] == '%' {
		end++
	}
	return text[start:end]
}
