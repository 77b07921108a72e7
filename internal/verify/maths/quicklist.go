package maths

import (
	"strings"

	"github.com/r1ctl/r1ctl/internal/verify/maths/expr"
)

// quickly decides what needs no tree: numbers, letters, and tuples, intervals
// and sets of numbers in the same brackets. All else is left undecided here.
func quickly(g, a string) expr.Verdict {
	if x, y := quickWord(g), quickWord(a); x != "" && y != "" {
		return quickWords(x, y)
	}
	x, ok := quick(g)
	if !ok {
		return quickLists(g, a)
	}
	y, ok := quick(a)
	if !ok {
		if len(a) > 2 && isLetter(a[0]) && a[0] != 'e' && a[0] != 'i' { // x = 5
			rest := strings.TrimLeft(a[1:], " ")
			if rest[0] == '=' {
				y, ok = quick(strings.TrimLeft(rest[1:], " "))
			}
		}
		if !ok {
			return expr.Undecided
		}
	}
	if x.clash(y) {
		return expr.Undecided
	}
	return verdict(x.equal(y))
}

// quickWord is the one word of an answer, without \text and brackets around it.
func quickWord(s string) string {
	if s[0] == '\\' {
		for _, command := range [...]string{`\text{`, `\textbf{`, `\mathrm{`} {
			if inner, ok := strings.CutPrefix(s, command); ok && closes(inner) {
				s = strings.TrimSpace(inner[:len(inner)-1])
				break
			}
		}
	}
	if len(s) == 3 && s[0] == '(' && s[2] == ')' {
		s = s[1:2]
	}
	for i := range len(s) {
		if !isLetter(s[i]) {
			return ""
		}
	}
	return s
}

// quickWords decides letters of choices, and words of one closed class.
func quickWords(x, y string) expr.Verdict {
	if choice(x) && choice(y) {
		return verdict(x == y)
	}
	if class := expr.Vocabulary(x); class != "" && class == expr.Vocabulary(y) {
		return verdict(strings.EqualFold(x, y))
	}
	return expr.Undecided
}

func isLetter(b byte) bool { return b|0x20 >= 'a' && b|0x20 <= 'z' }

func verdict(equal bool) expr.Verdict {
	if equal {
		return expr.Equal
	}
	return expr.Unequal
}

const quickElements = 8

// quickLists compares two lists of numbers in the same brackets.
func quickLists(g, a string) expr.Verdict {
	var xs, ys [quickElements]fraction
	n, brackets := elements(g, &xs)
	if n == 0 {
		return expr.Undecided
	}
	m, brackets2 := elements(a, &ys)
	if m == 0 || brackets != brackets2 {
		return expr.Undecided
	}
	for _, x := range xs[:n] {
		for _, y := range ys[:m] {
			if x.clash(y) {
				return expr.Undecided
			}
		}
	}
	if brackets != "{}" {
		if n != m {
			return expr.Unequal
		}
		for i := range n {
			if !xs[i].equal(ys[i]) {
				return expr.Unequal
			}
		}
		return expr.Equal
	}
	return verdict(within(xs[:n], ys[:m]) && within(ys[:m], xs[:n]))
}

func within(xs, ys []fraction) bool {
	for _, x := range xs {
		found := false
		for _, y := range ys {
			found = found || x.equal(y)
		}
		if !found {
			return false
		}
	}
	return true
}

// elements reads the numbers of a list; n is 0 where it is none, or has one
// element only.
func elements(s string, into *[quickElements]fraction) (n int, brackets string) {
	open, shut := "", ""
	rest, ok := strings.CutPrefix(s, `\left`)
	if ok {
		s = rest
	}
	switch {
	case strings.HasPrefix(s, "("):
		open, s = "(", s[1:]
	case strings.HasPrefix(s, "["):
		open, s = "[", s[1:]
	case strings.HasPrefix(s, `\{`):
		open, s = "{", s[2:]
	default:
		return 0, ""
	}
	switch {
	case strings.HasSuffix(s, `\}`):
		shut, s = "}", s[:len(s)-2]
	case strings.HasSuffix(s, ")"):
		shut, s = ")", s[:len(s)-1]
	case strings.HasSuffix(s, "]"):
		shut, s = "]", s[:len(s)-1]
	}
	if s, ok2 := strings.CutSuffix(s, `\right`); ok2 != ok {
		return 0, ""
	} else if n = numbers(s, into); n < 2 {
		return 0, ""
	}
	switch open + shut {
	case "()", "[]", "{}":
		return n, open + shut
	case "(]", "[)":
		if n == 2 {
			return n, open + shut
		}
	}
	return 0, ""
}

// numbers reads what stands between commas.
func numbers(s string, into *[quickElements]fraction) (n int) {
	for first := true; ; first = false {
		part, rest, more := strings.Cut(s, ",")
		trimmed := strings.Trim(part, " ")
		x, ok := quick(trimmed)
		if !ok || n == quickElements || !first && len(part) == 3 && part[0] == '0' { // (1,000)
			return 0
		}
		into[n] = x
		n++
		if s = rest; !more {
			return n
		}
	}
}
