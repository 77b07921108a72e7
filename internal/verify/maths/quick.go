package maths

import (
	"math/bits"
	"strings"
)

// fraction is a small number as most answers are; bigger ones go through expr.
type fraction struct {
	neg      bool
	num, den uint64
	decimals int
	slash    bool
	percent  bool // num/den is of a hundred
}

// quick reads 12, -1,234.5, 3/4, 10% and \frac{3}{4}.
func quick(s string) (f fraction, ok bool) {
	if rest, found := strings.CutSuffix(s, "%"); found {
		f, ok := quick(strings.TrimRight(strings.TrimSuffix(rest, `\`), " "))
		if f.percent || f.slash {
			return f, false
		}
		f.percent = true
		return f, ok
	}
	if s != "" && (s[0] == '-' || s[0] == '+') {
		f.neg = s[0] == '-'
		s = s[1:]
	}
	if len(s) > 5 && s[0] == '\\' {
		rest := s[1:]
		if rest[0] == 'd' || rest[0] == 't' {
			rest = rest[1:]
		}
		if len(rest) < 8 || rest[:5] != "frac{" {
			return f, false
		}
		num, rest, ok := digits(rest[5:])
		if !ok || len(rest) < 4 || rest[0] != '}' || rest[1] != '{' {
			return f, false
		}
		den, rest, ok := digits(rest[2:])
		f.num, f.den, f.slash = num, den, true
		return f, ok && rest == "}" && den != 0
	}
	whole := s
	if f.num, s, ok = digits(s); !ok {
		return f, false
	}
	f.den = 1
	first := len(whole) - len(s)
	for first <= 3 && whole[0] != '0' && len(s) > 0 && s[0] == ',' {
		group, rest, ok := digits(s[1:])
		if !ok || len(s)-1-len(rest) != 3 || f.num > 1e12 {
			return f, false
		}
		f.num, s = f.num*1000+group, rest
	}
	switch {
	case s == "":
		return f, true
	case s[0] == '/':
		f.den, s, ok = digits(s[1:])
		f.slash = true
		return f, ok && s == "" && f.den != 0
	case s[0] == '.':
		frac, rest, ok := digits(s[1:])
		f.decimals = len(s) - 1 - len(rest)
		if !ok || rest != "" || f.decimals > 9 || f.num > 1e9 {
			return f, false
		}
		for range f.decimals {
			f.den *= 10
		}
		f.num = f.num*f.den + frac
		return f, true
	}
	return f, false
}

// digits reads up to 15 digits.
func digits(s string) (n uint64, rest string, ok bool) {
	i := 0
	for i < len(s) && s[i]-'0' < 10 {
		n = n*10 + uint64(s[i]-'0')
		if i++; i > 15 {
			return 0, s, false
		}
	}
	return n, s[i:], i > 0
}

// clash says that one may be a rounding of the other, or be read otherwise:
// a decimal of two digits or more and a fraction.
func (f fraction) clash(g fraction) bool {
	if f.decimals == 3 && g.decimals == 0 && f.num == g.num || g.decimals == 3 && f.decimals == 0 && f.num == g.num {
		return f.num != 0 // 1.234 is also how some write 1,234
	}
	return f.percent != g.percent || (f.decimals >= 2 && g.slash || g.decimals >= 2 && f.slash) && !f.equal(g)
}

func (f fraction) equal(g fraction) bool {
	if f.num == 0 || g.num == 0 {
		return f.num == g.num
	}
	if f.neg != g.neg {
		return false
	}
	hi, lo := bits.Mul64(f.num, g.den)
	hi2, lo2 := bits.Mul64(g.num, f.den)
	return hi == hi2 && lo == lo2
}
