package verify

import (
	"math/big"
	"strings"
	"unicode/utf8"
)

// parseNumber reads an exact number: an integer, a decimal or a fraction of
// those, with the dress that answers wear ($…$, \text{…}, bold, a variable and
// "=" before it, thousands separators). The canonical form is the reduced
// fraction, so that 7, 7.0, +7 and 14/2 are equal, and 0.333 and 1/3 are not.
// Exponents are not read: they would let a short answer cost much memory.
func parseNumber(text string) (canonical, reason string) {
	s := plainDigits(undress(text))
	if len(s) > 1 && isASCIILetter(s[0]) { // x = 7
		if rest := strings.TrimLeft(s[1:], " "); strings.HasPrefix(rest, "=") {
			s = undress(rest[1:])
		}
	}
	num, den, ok := fraction(s)
	if !ok {
		return "", ReasonUnparsable
	}
	r, ok := rational(num)
	if !ok {
		return "", ReasonUnparsable
	}
	if den != "" {
		d, ok := rational(den)
		if !ok || d.Sign() == 0 {
			return "", ReasonUnparsable
		}
		r.Quo(r, d)
	}
	return r.RatString(), ""
}

// fraction cuts a/b or \frac{a}{b} into its terms; den is empty for a plain number.
func fraction(s string) (num, den string, ok bool) {
	sign := ""
	for _, command := range []string{`\frac`, `\dfrac`, `\tfrac`} {
		rest, found := strings.CutPrefix(s, command)
		if !found {
			if rest, found = strings.CutPrefix(s, "-"+command); found {
				sign = "-"
			}
		}
		if !found {
			continue
		}
		if num, rest, ok = latexArgument(rest); !ok {
			return "", "", false
		}
		if den, rest, ok = latexArgument(rest); !ok || strings.TrimSpace(rest) != "" {
			return "", "", false
		}
		if sign != "" && strings.HasPrefix(strings.TrimSpace(num), "-") {
			return "", "", false
		}
		return sign + num, den, true
	}
	num, den, ok = strings.Cut(s, "/")
	return num, den, !ok || strings.TrimSpace(den) != ""
}

// latexArgument takes {…} or a single digit, as \frac12 has them.
func latexArgument(s string) (arg, rest string, ok bool) {
	s = strings.TrimLeft(s, " ")
	if s == "" {
		return "", "", false
	}
	if s[0] != '{' {
		return s[:1], s[1:], isDigit(s[0])
	}
	end := strings.IndexByte(s, '}')
	if end < 0 {
		return "", "", false
	}
	return s[1:end], s[end+1:], true
}

// rational reads [sign] digits [. digits], with commas only between groups of three.
func rational(s string) (*big.Rat, bool) {
	s = strings.TrimSpace(s)
	sign := ""
	if s != "" && (s[0] == '-' || s[0] == '+') {
		if s[0] == '-' {
			sign = "-"
		}
		s = strings.TrimLeft(s[1:], " ")
	}
	whole, frac, hasPoint := strings.Cut(s, ".")
	if strings.Contains(whole, ",") {
		groups := strings.Split(whole, ",")
		for i, g := range groups {
			if len(g) > 3 || len(g) == 0 || i > 0 && len(g) != 3 {
				return nil, false
			}
		}
		whole = strings.Join(groups, "")
	}
	if !allDigits(whole) || !allDigits(frac) || whole+frac == "" || hasPoint && frac == "" {
		return nil, false
	}
	text := sign + "0" + whole
	if frac != "" {
		text += "." + frac
	}
	return new(big.Rat).SetString(text)
}

// undress takes off what surrounds an answer without being part of it.
func undress(s string) string {
	for {
		before := len(s)
		s = strings.TrimSpace(s)
		s = strings.TrimRight(s, ".,;:!")
		for _, pair := range [][2]string{
			{"$$", "$$"}, {"$", "$"}, {`\(`, `\)`}, {`\[`, `\]`}, {"**", "**"}, {"*", "*"}, {"`", "`"}, {"{", "}"},
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

// plainDigits writes full-width digits and signs, the minus sign and LaTeX spacing the ASCII way.
func plainDigits(s string) string {
	if !strings.ContainsFunc(s, func(r rune) bool { return r == '\\' || r == '{' || r >= utf8.RuneSelf }) {
		return s
	}
	s = strings.NewReplacer(
		"{,}", ",", `\,`, "", `\!`, "", `\;`, "", `\ `, "", `\$`, "",
		"\u2212", "-", "\u2009", "", "\u202f", "", "\u00a0", " ",
	).Replace(s)
	const fullWidth = 0xff01 - '!' // the full-width forms follow ASCII's order
	return strings.Map(func(r rune) rune {
		if r >= 0xff01 && r <= 0xff5e {
			return r - fullWidth
		}
		return r
	}, s)
}

func allDigits(s string) bool {
	for i := range len(s) {
		if !isDigit(s[i]) {
			return false
		}
	}
	return true
}

func isDigit(b byte) bool { return b >= '0' && b <= '9' }

func isASCIILetter(b byte) bool { return b|0x20 >= 'a' && b|0x20 <= 'z' }
