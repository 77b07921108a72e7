package choice

import "strings"

// byLetter reads one option letter. It accepts
//
//	a letter alone, dressed or not:        C  (c)  **C**  \text{C}  C.
//	a letter as a label before its text:   C) the mitochondria   (C) …   C: …
//	a sentence that names it:              The answer is C   option (C)
//
// A letter inside a sentence is not an option ("A cat" is no answer A), and an
// answer that labels two different options is ambiguous.
func (q Question) byLetter(s string) (string, Problem) {
	l, why := readLetter(s)
	if l != "" && !q.known(l) {
		return "", Unparsable
	}
	return l, why
}

func readLetter(s string) (string, Problem) {
	if l, ok := loneLetter(s); ok {
		return l, None
	}
	if l, rest, ok := label(s); ok {
		if other, found := anyLabel(rest); found && other != l {
			return "", Ambiguous
		}
		return l, None
	}
	words := strings.Fields(s)
	if len(words) == 0 || len(words) > 8 {
		return "", Unparsable
	}
	several := false
	for _, w := range words[:len(words)-1] {
		if _, ok := loneLetter(w); ok {
			several = true
			continue
		}
		switch strings.ToLower(strings.Trim(w, ":,")) {
		case "the", "correct", "right", "best", "final", "answer", "option", "choice", "is", "my", "so", "therefore":
		case "or", "and":
			return "", Ambiguous
		default:
			return "", Unparsable
		}
	}
	l, ok := loneLetter(undress(words[len(words)-1]))
	switch {
	case ok && several:
		return "", Ambiguous
	case ok:
		return l, None
	}
	return "", Unparsable
}

// loneLetter is a single letter, in brackets or not.
func loneLetter(s string) (string, bool) {
	for _, pair := range []string{"()", "[]"} {
		if len(s) > 2 && s[0] == pair[0] && s[len(s)-1] == pair[1] {
			s = strings.TrimSpace(s[1 : len(s)-1])
		}
	}
	s = strings.TrimRight(s, ").:")
	if len(s) != 1 || !isLetter(s[0]) {
		return "", false
	}
	return strings.ToUpper(s), true
}

// label is a letter that starts s as the label of what follows: "C) …", "(C) …", "C: …", "C. …".
func label(s string) (letter, rest string, ok bool) {
	inner, bracketed := strings.CutPrefix(s, "(")
	if len(inner) < 2 || !isLetter(inner[0]) {
		return "", "", false
	}
	switch inner[1] {
	case ')':
	case '.', ':':
		if bracketed || len(inner) > 2 && inner[2] != ' ' && inner[2] != '\n' { // "e.g."
			return "", "", false
		}
	default:
		return "", "", false
	}
	return strings.ToUpper(inner[:1]), inner[2:], true
}

// anyLabel finds a label at the start of a word.
func anyLabel(s string) (letter string, ok bool) {
	for _, w := range strings.Fields(s) {
		if l, _, found := label(w); found {
			return l, true
		}
	}
	return "", false
}

func isLetter(b byte) bool { return b|0x20 >= 'a' && b|0x20 <= 'z' }

// undress takes off what surrounds an answer without being part of it.
func undress(s string) string {
	for {
		before := len(s)
		s = strings.TrimRight(strings.TrimSpace(s), ".,;!")
		for _, pair := range [][2]string{
			{"$$", "$$"}, {"$", "$"}, {`\(`, `\)`}, {`\[`, `\]`}, {"**", "**"}, {"*", "*"}, {"`", "`"}, {"{", "}"}, {`"`, `"`}, {"“", "”"},
			{`\text{`, "}"}, {`\textbf{`, "}"}, {`\mathbf{`, "}"}, {`\mathrm{`, "}"}, {`\boxed{`, "}"},
		} {
			inner, ok := strings.CutPrefix(s, pair[0])
			if !ok || len(inner) < len(pair[1]) || !strings.HasSuffix(inner, pair[1]) {
				continue
			}
			inner = inner[:len(inner)-len(pair[1])]
			if !strings.ContainsAny(inner, "{}") || !strings.HasSuffix(pair[0], "{") {
				s = inner
				break
			}
		}
		if len(s) == before {
			return s
		}
	}
}
