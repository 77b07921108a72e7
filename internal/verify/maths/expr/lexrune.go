package expr

import (
	"math/big"
	"unicode"
	"unicode/utf8"
)

// rune reads one character outside ASCII.
func (l *lexer) rune() (skip bool, err error) {
	r, size := utf8.DecodeRuneInString(l.s[l.i:])
	if r == utf8.RuneError {
		return false, ErrUnknown
	}
	l.i += size
	if r >= 0xff01 && r <= 0xff5e { // the full-width forms follow ASCII's order
		r -= 0xff01 - '!'
		if isDigit(byte(r)) || isLetter(byte(r)) {
			return false, ErrUnknown
		}
		l.i--
		rest := l.s
		l.s = rest[:l.i] + string(r) + rest[l.i+1:] // one byte again
		return false, l.sign(byte(r))
	}
	switch r {
	case '−', '–', '﹣':
		l.emit(tOp, "-")
	case '×', '·', '⋅', '∙', '∗':
		l.emit(tOp, "*")
	case '÷', '∕', '⁄':
		l.emit(tOp, "/")
	case '±', '∓', '°':
		l.emit(tOp, string(r))
	case 'º', '˚':
		l.emit(tOp, "°")
	case '√':
		l.emit(tFunc, "sqrt")
	case 'π':
		l.emit(tConst, "pi")
	case '∞':
		l.emit(tConst, "inf")
	case '≤', '⩽', '≦':
		l.emit(tRel, "≤")
	case '≥', '⩾', '≧':
		l.emit(tRel, "≥")
	case '≠', '≈', '∈', '≡':
		l.emit(tRel, string(r))
	case '∪':
		l.emit(tCmd, "cup")
	case '∅':
		l.emit(tCmd, "emptyset")
	case '…', '⋯':
		l.emit(tDots, "…")
	case 'ℝ', 'ℤ', 'ℕ', 'ℚ', 'ℂ':
		l.emit(tSym, string(r))
	case '⟨', '〈':
		l.open("⟨")
	case '⟩', '〉':
		l.close("⟩")
	case '⌊', '⌈':
		l.open(map[rune]string{'⌊': "floor", '⌈': "ceil"}[r])
	case '⌋', '⌉':
		l.close(map[rune]string{'⌋': "floor", '⌉': "ceil"}[r])
	case '€', '£', '¥':
		l.emit(tText, string(r))
	case '½', '¼', '¾', '⅓', '⅔':
		return false, ErrAmbiguous
	case '\u00a0', '\u2009', '\u202f', '\u2002', '\u2003', '\u3000', '\u200b', '\ufeff':
		return true, nil
	case '、':
		l.emit(tOp, ",")
	default:
		if n, ok := superscript(r); ok {
			l.emit(tOp, "^")
			l.emit(tNum, "")
			l.out[len(l.out)-1].val = new(big.Rat).SetInt64(n)
			if next, _ := utf8.DecodeRuneInString(l.s[l.i:]); isSuperscript(next) {
				return false, ErrAmbiguous
			}
			break
		}
		if !unicode.Is(unicode.Greek, r) {
			return false, ErrUnknown
		}
		l.emit(tSym, string(r))
	}
	return false, nil
}

func isSuperscript(r rune) bool {
	_, ok := superscript(r)
	return ok
}

func superscript(r rune) (int64, bool) {
	switch r {
	case '⁰':
		return 0, true
	case '¹':
		return 1, true
	case '²':
		return 2, true
	case '³':
		return 3, true
	}
	if r >= '⁴' && r <= '⁹' {
		return int64(r-'⁴') + 4, true
	}
	return 0, false
}
