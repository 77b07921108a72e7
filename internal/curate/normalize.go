package curate

import (
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// tokens are the words of a text with what does not change its meaning taken out.
type tokens struct {
	hashes []uint64
	wordy  []bool // a word of two letters or more, or a Han character: no number, no variable
	number []bool
}

func (t *tokens) reset() { t.hashes, t.wordy, t.number = t.hashes[:0], t.wordy[:0], t.number[:0] }

func (t *tokens) add(hash uint64, wordy, number bool) {
	t.hashes, t.wordy, t.number = append(t.hashes, mix64(hash)), append(t.wordy, wordy), append(t.number, number)
}

// numberMask stands for every number in masked.
const numberMask = uint64(0x6e756d626572)

// masked appends the hashes to out, with the same one for all numbers.
func (t *tokens) masked(out []uint64) []uint64 {
	for i, h := range t.hashes {
		if t.number[i] {
			h = numberMask
		}
		out = append(out, h)
	}
	return out
}

// read sets the tokens of a text: runs of letters and numbers, single Han
// characters. Taken out are case, punctuation, operators, accents and forms of
// one character (NFKD: full-width, superscript, ligature); of numbers, the commas
// of thousands; of LaTeX, braces, dollars, and commands that only lay out
// (\left, \text, \frac, \cdot); the others are words, as are Greek letters (\pi
// and π are pi), and √ is sqrt.
func (t *tokens) read(text string) {
	t.reset()
	h, letters, digits := hashStart, 0, 0
	end := func() {
		if letters+digits > 0 {
			t.add(h, letters >= 2, digits > 0)
		}
		h, letters, digits = hashStart, 0, 0
	}
	put := func(c rune) {
		switch {
		case c < 0x80 && isDigit(byte(c)):
			if letters > 0 {
				end()
			}
			digits++
		case unicode.IsLetter(c):
			if digits > 0 {
				end()
			}
			letters++
		case unicode.IsMark(c), c == '\'', c == '’':
			return // part of the word it is in
		default:
			end()
			return
		}
		h = (h ^ uint64(c)) * hashPrime
	}
	for i := 0; i < len(text); {
		if text[i] == '\\' {
			end()
			command, next := latexCommand(text, i)
			if command != "" {
				t.add(hashOf(command), len(command) >= 2, false)
			}
			frac := strings.HasSuffix(text[i:next], "frac")
			i = next
			for n := 0; frac && n < 2 && i < len(text) && isDigit(text[i]); n++ { // \frac12 is one half
				t.add((hashStart^uint64(text[i]))*hashPrime, false, true)
				i++
			}
			continue
		}
		c, class, size := runeAt(text, i)
		if c < 0x80 {
			if digits > 0 && (c == '.' || c == ',' || c == '{') {
				if skip, keep := inNumber(text, i); skip > 0 {
					if keep {
						h = (h ^ uint64(c)) * hashPrime
					}
					i += skip
					continue
				}
			}
			put(c)
			i += size
			continue
		}
		switch name := symbolName(c); {
		case name != "":
			end()
			t.add(hashOf(name), len(name) >= 2, false)
		case class == isHan:
			end()
			t.add((hashStart^uint64(c))*hashPrime, true, false)
		default:
			if forms := norm.NFKD.PropertiesString(text[i:]).Decomposition(); forms != nil {
				for _, d := range string(forms) {
					put(unicode.ToLower(d))
				}
			} else {
				put(c)
			}
		}
		i += size
	}
	end()
}

func hashOf(word string) uint64 {
	h := hashStart
	for i := range len(word) {
		h = (h ^ uint64(asciiLower[word[i]])) * hashPrime
	}
	return h
}

// inNumber says how many bytes at i, behind a digit, belong to the number: a
// decimal point (kept), or the comma of thousands, plain or as LaTeX's {,}.
func inNumber(text string, i int) (skip int, keep bool) {
	digitsAt := func(j int) (n int) {
		for j+n < len(text) && isDigit(text[j+n]) {
			n++
		}
		return n
	}
	switch {
	case text[i] == '.' && digitsAt(i+1) > 0:
		return 1, true
	case text[i] == ',' && digitsAt(i+1) == 3:
		return 1, false
	case text[i] == '{' && i+2 < len(text) && text[i:i+3] == "{,}" && digitsAt(i+3) == 3:
		return 3, false
	}
	return 0, false
}

// latexCommand reads the command at the backslash i: what word it stands for
// ("" for none), and where the text goes on.
func latexCommand(text string, i int) (word string, next int) {
	next = i + 1
	for next < len(text) && text[next]|0x20 >= 'a' && text[next]|0x20 <= 'z' {
		next++
	}
	if next == i+1 {
		return "", min(next+1, len(text)) // \, \{ \% …
	}
	name := text[i+1 : next]
	switch name {
	case "begin", "end": // with the name of the environment
		if next < len(text) && text[next] == '{' {
			for next < len(text) && text[next] != '}' {
				next++
			}
		}
		return "", next
	case "n", "t", "left", "right", "big", "Big", "bigg", "Bigg", "bigl", "bigr", "displaystyle", "textstyle", "limits", "quad", "qquad", "hspace", "vspace",
		"text", "textbf", "textit", "textrm", "mathrm", "mathbf", "mathit", "mathsf", "mathbb", "mathcal", "mbox", "emph", "operatorname", "boldsymbol", "bf", "rm", "it",
		"frac", "dfrac", "tfrac", "cfrac", "cdot", "times", "div", "pm", "mp", "ast", "le", "leq", "leqslant", "ge", "geq", "geqslant", "ne", "neq", "lt", "gt", "equiv", "approx", "sim",
		"to", "rightarrow", "Rightarrow", "implies", "iff", "mapsto", "in", "ldots", "dots", "cdots", "item", "hline", "lfloor", "rfloor", "lceil", "rceil", "langle", "rangle",
		"mid", "vert", "lvert", "rvert", "overline", "underline", "hat", "bar", "vec", "widehat", "circ", "degree", "over", "label", "tag", "nonumber", "medskip", "noindent", "par":
		return "", next
	case "varepsilon", "vartheta", "varphi", "varrho", "varsigma":
		return name[3:], next
	}
	return name, next
}

// symbolName is the word of LaTeX for a Greek letter or a root, or "". c is in lower case.
func symbolName(c rune) string {
	switch {
	case c >= 'α' && c <= 'ω':
		return [...]string{
			"alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta", "theta", "iota", "kappa", "lambda", "mu", "nu", "xi", "omicron", "pi", "rho",
			"sigma", "sigma", "tau", "upsilon", "phi", "chi", "psi", "omega",
		}[c-'α']
	case c == '√':
		return "sqrt"
	case c == '∞':
		return "infty"
	}
	return ""
}
