package verify

import "strings"

// parseChoice reads one option letter, and refuses to guess. It accepts
//
//	a letter alone, dressed or not:        C  (c)  **C**  \text{C}  C.
//	a letter as a label before its text:   C) the mitochondria   (C) …   C: …
//	a sentence that names it:              The answer is C   option (C)
//
// A letter inside a sentence is not an option ("A cat" is no answer A), and an
// answer that labels two different options is ambiguous.
func parseChoice(text string) (canonical, reason string) {
	s := undress(text)
	if letter, ok := loneLetter(s); ok {
		return letter, ""
	}
	if letter, rest, ok := label(s); ok {
		if other, found := anyLabel(rest); found && other != letter {
			return "", ReasonAmbiguous
		}
		return letter, ""
	}
	words := strings.Fields(s)
	if len(words) == 0 || len(words) > 8 {
		return "", ReasonUnparsable
	}
	for _, w := range words[:len(words)-1] {
		switch strings.ToLower(strings.Trim(w, ":,")) {
		case "the", "correct", "right", "best", "final", "answer", "option", "choice", "is", "my", "so", "therefore":
		case "or", "and":
			return "", ReasonAmbiguous
		default:
			return "", ReasonUnparsable
		}
	}
	if letter, ok := loneLetter(undress(words[len(words)-1])); ok {
		return letter, ""
	}
	return "", ReasonUnparsable
}

// loneLetter is a single letter, in brackets or not.
func loneLetter(s string) (string, bool) {
	for _, pair := range []string{"()", "[]"} {
		if len(s) > 2 && s[0] == pair[0] && s[len(s)-1] == pair[1] {
			s = strings.TrimSpace(s[1 : len(s)-1])
		}
	}
	s = strings.TrimRight(s, ").:")
	if len(s) != 1 || !isASCIILetter(s[0]) {
		return "", false
	}
	return strings.ToUpper(s), true
}

// label is a letter that starts s as the label of what follows: "C) …", "(C) …", "C: …", "C. …".
func label(s string) (letter, rest string, ok bool) {
	inner, bracketed := strings.CutPrefix(s, "(")
	if len(inner) < 2 || !isASCIILetter(inner[0]) {
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
