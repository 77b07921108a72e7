package expr

import (
	"math/big"
	"strings"
)

// number reads digits with separators between thousands, a decimal part that
// may repeat, and a power of ten.
func (l *lexer) number() error {
	start := l.i
	for l.digitAt(l.i) {
		l.i++
	}
	whole := l.s[start:l.i]
	tok := token{kind: tNum, text: whole}
	digits := whole
	if len(whole) > 0 && len(whole) <= 3 && whole[0] != '0' {
		groups, end, err := l.groups()
		if err != nil {
			return err
		}
		if groups != "" {
			digits, tok.grouped, l.i = whole+groups, true, end
			tok.text = l.s[start:end]
		}
	}
	frac, err := l.fraction(tok.grouped)
	if err != nil {
		return err
	}
	if len(digits)+len(frac) > maxDigits {
		return ErrLimit
	}
	tok.decimals = len(frac)
	if tok.val = decimal(digits, frac); frac != "" {
		tok.text = ""
	}
	if err := l.repeat(&tok); err != nil {
		return err
	}
	if err := l.power(&tok); err != nil {
		return err
	}
	if l.i < len(l.s) && (l.s[l.i] == '.' && l.digitAt(l.i+1)) {
		return ErrAmbiguous // 1.234.567
	}
	l.out = append(l.out, tok)
	return nil
}

// separator says how long a separator of thousands at i is, 0 for none.
func (l *lexer) separator(i int) int {
	rest := l.s[i:]
	for _, sep := range []string{",", "{,}", `\,`, `\!,`, `,\!`, `\;`, "\u202f", "\u2009", "\u00a0"} {
		if strings.HasPrefix(rest, sep) {
			return len(sep)
		}
	}
	return 0
}

func (l *lexer) three(i int) bool {
	return l.digitAt(i) && l.digitAt(i+1) && l.digitAt(i+2) && !l.digitAt(i+3)
}

// groups reads the groups of three that follow the first digits. All
// separators must be the same; anything irregular is no group at all.
func (l *lexer) groups() (digits string, end int, err error) {
	i := l.i
	if i < len(l.s) && l.s[i] == ' ' && l.three(i+1) {
		return "", 0, ErrAmbiguous
	}
	first := ""
	for i < len(l.s) {
		n := l.separator(i)
		if n == 0 {
			break
		}
		sep := l.s[i : i+n]
		if first == "" {
			first = sep
		}
		if sep != first || !l.three(i+n) {
			if l.digitAt(i + n) {
				if digits != "" && sep != "," {
					return "", 0, ErrAmbiguous
				}
				return "", 0, nil // 1,234,5 is a list
			}
			break
		}
		if sep == "," && l.nested > 0 {
			if l.s[i+n] == '0' {
				return "", 0, ErrAmbiguous // (1,000)
			}
			return "", 0, nil
		}
		digits += l.s[i+n : i+n+3]
		i += n + 3
	}
	return digits, i, nil
}

// fraction reads the digits after the point, which {,} may stand for.
func (l *lexer) fraction(grouped bool) (string, error) {
	rest := l.s[l.i:]
	skip := 0
	switch {
	case strings.HasPrefix(rest, "{,}") && !grouped:
		skip = 3
	case strings.HasPrefix(rest, ".") && !strings.HasPrefix(rest, ".."):
		skip = 1
	}
	if skip == 0 {
		return "", nil
	}
	if !l.digitAt(l.i + skip) {
		if repeating(rest[skip:]) != "" {
			l.i += skip
		}
		return "", nil
	}
	l.i += skip
	start := l.i
	for l.digitAt(l.i) {
		l.i++
	}
	if strings.HasPrefix(l.s[l.i:], "...") || strings.HasPrefix(l.s[l.i:], `\ldots`) || strings.HasPrefix(l.s[l.i:], `\dots`) {
		return "", ErrAmbiguous // 0.333…
	}
	return l.s[start:l.i], nil
}

// repeating is the command that begins a repeating decimal, or "".
func repeating(s string) string {
	for _, c := range []string{`\overline{`, `\bar{`, `\dot{`} {
		if strings.HasPrefix(s, c) {
			return c
		}
	}
	return ""
}

// repeat reads \overline{…} after a decimal part.
func (l *lexer) repeat(tok *token) error {
	command := repeating(l.s[l.i:])
	if command == "" {
		return nil
	}
	if l.i == 0 || l.s[l.i-1] != '.' && tok.decimals == 0 {
		return ErrAmbiguous
	}
	start := l.i + len(command)
	end := start
	for l.digitAt(end) {
		end++
	}
	if end == start || end-start > 50 || end >= len(l.s) || l.s[end] != '}' || repeating(l.s[end+1:]) != "" || l.digitAt(end+1) {
		return ErrUnknown
	}
	period := decimal(l.s[start:end], "")
	nines := new(big.Int).Sub(tenTo(end-start), big.NewInt(1))
	period.Quo(period, new(big.Rat).SetInt(nines.Mul(nines, tenTo(tok.decimals))))
	tok.val = new(big.Rat).Add(tok.val, period)
	tok.decimals, tok.text = 0, ""
	l.i = end + 1
	return nil
}

// power reads the e of 1.5e3. 2e3 and 2e-1 may be Euler's number.
func (l *lexer) power(tok *token) error {
	if l.i+1 >= len(l.s) || l.s[l.i]|0x20 != 'e' {
		return nil
	}
	j := l.i + 1
	if l.s[j] == '+' || l.s[j] == '-' {
		j++
	}
	if !l.digitAt(j) {
		return nil
	}
	if l.s[l.i] == 'e' && tok.decimals == 0 {
		return ErrAmbiguous
	}
	start := j
	n := 0
	for ; l.digitAt(j); j++ {
		if n = n*10 + int(l.s[j]-'0'); n > maxTen {
			return ErrLimit
		}
	}
	if l.latex && l.s[l.i] == 'e' {
		return ErrAmbiguous
	}
	ten := new(big.Rat).SetInt(tenTo(n))
	if l.s[start-1] == '-' {
		ten.Inv(ten)
		tok.decimals += n
	}
	tok.val = new(big.Rat).Mul(tok.val, ten)
	tok.text = ""
	l.i = j
	return nil
}

// decimal makes the number of digits before and after the point.
func decimal(whole, frac string) *big.Rat {
	if n := len(whole) + len(frac); n <= 18 {
		var v int64
		for i := range len(whole) {
			v = v*10 + int64(whole[i]-'0')
		}
		d := int64(1)
		for i := range len(frac) {
			v = v*10 + int64(frac[i]-'0')
			d *= 10
		}
		if d == 1 {
			return new(big.Rat).SetInt64(v)
		}
		return new(big.Rat).SetFrac64(v, d)
	}
	n, _ := new(big.Int).SetString(whole+frac, 10)
	return new(big.Rat).SetFrac(n, tenTo(len(frac)))
}

func tenTo(n int) *big.Int { return new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(n)), nil) }
