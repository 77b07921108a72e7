package expr

import (
	"math/big"
	"strings"
)

// Limits of what is read.
const (
	MaxBytes  = 4096
	maxTokens = 1500
	maxDepth  = 60
	maxDigits = 2000
	maxTen    = 3000 // of ten, in 1.0e9
)

type kind uint8

const (
	tEnd   kind = iota
	tNum        // val
	tWord       // a run of letters, not yet taken apart
	tSym        // a symbol that stands alone: α, ℝ
	tConst      // pi, inf
	tFunc       // a function's name
	tCmd        // a command with arguments or a meaning of its own
	tText       // \text{…} of words
	tOp         // + - * / ± ∓ ! ^ _ % ° ' | , ; : & newline
	tOpen       // ( [ { set ⟨ floor ceil
	tClose      // what closes those
	tRel        // = ≠ < ≤ > ≥ ≈ ∈ ≡
	tDots       // …
)

type token struct {
	kind     kind
	text     string
	val      *big.Rat
	decimals int
	grouped  bool
	space    bool // white space before it
	tight    bool // of a comma: digits on both sides
}

type lexer struct {
	s      string
	i      int
	latex  bool // the text has commands, so that { is a group
	dollar bool // a single $ stands for the currency
	nested int  // ( [ \{ ⟨ that are open: commas there separate
	level  int  // of \text inside \text
	out    []token
}

// isLatex says that { begins a group.
func isLatex(s string) bool {
	return strings.IndexByte(s, '\\') >= 0 || strings.Contains(s, "^{") || strings.Contains(s, "_{")
}

// lex takes a text apart.
func lex(s string) ([]token, error) {
	l := lexer{
		s: s, latex: isLatex(s), dollar: strings.Count(s, "$")%2 == 1, out: make([]token, 0, min(len(s)/2+3, 16)),
	}
	err := l.run()
	return l.out, err
}

func (l *lexer) run() error {
	space := false
	for l.i < len(l.s) {
		if len(l.out) > maxTokens {
			return ErrLimit
		}
		before := len(l.out)
		skip, err := l.next()
		if err != nil {
			return err
		}
		space = space || skip
		if len(l.out) > before {
			l.out[before].space = space
			space = false
		}
	}
	return nil
}

// next reads one token, or skips what means no more than a space.
func (l *lexer) next() (skip bool, err error) {
	c := l.s[l.i]
	switch {
	case c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '~':
		l.i++
		return true, nil
	case c == '$':
		return true, l.dollarSign()
	case isDigit(c) || c == '.' && l.digitAt(l.i+1):
		return false, l.number()
	case isLetter(c):
		j := l.i
		for j < len(l.s) && isLetter(l.s[j]) {
			j++
		}
		l.emit(tWord, l.s[l.i:j])
		l.i = j
		return false, nil
	case c == '\\':
		return l.command()
	case c < 0x80:
		return false, l.sign(c)
	}
	return l.rune()
}

func (l *lexer) digitAt(i int) bool { return i < len(l.s) && isDigit(l.s[i]) }

func (l *lexer) emit(k kind, text string) { l.out = append(l.out, token{kind: k, text: text}) }

func (l *lexer) open(text string) {
	if text != "{" || !l.latex {
		l.nested++
	}
	l.emit(tOpen, text)
}

func (l *lexer) close(text string) {
	if (text != "}" || !l.latex) && l.nested > 0 {
		l.nested--
	}
	l.emit(tClose, text)
}

// dollarSign skips a delimiter of mathematics; one that stands alone before a
// number is money.
func (l *lexer) dollarSign() error {
	l.i++
	if !l.dollar {
		return nil
	}
	if len(l.out) > 0 || strings.Count(l.s, "$") > 1 {
		return ErrAmbiguous
	}
	l.emit(tText, "$")
	return nil
}

// sign reads one ASCII character that is no letter or digit, or two that mean one thing.
func (l *lexer) sign(c byte) error {
	two := func(next byte) bool { return l.i+1 < len(l.s) && l.s[l.i+1] == next }
	size := 1
	switch c {
	case '+':
		switch {
		case strings.HasPrefix(l.s[l.i:], "+/-"):
			size = 3
			l.emit(tOp, "±")
		case two('-') && (len(l.out) == 0 || l.out[len(l.out)-1].kind == tRel):
			size = 2
			l.emit(tOp, "±")
		default:
			l.emit(tOp, "+")
		}
	case '!':
		if two('!') {
			return ErrUnknown
		}
		if two('=') {
			size = 2
			l.emit(tRel, "≠")
			break
		}
		l.emit(tOp, "!")
	case '|':
		if two('|') {
			return ErrUnknown
		}
		l.emit(tOp, "|")
	case '-', '/', '^', '_', '%', '\'', ';', ':', '&':
		l.emit(tOp, l.s[l.i:l.i+1])
	case '*':
		if two('*') {
			size = 2
			l.emit(tOp, "^")
			break
		}
		l.emit(tOp, "*")
	case ',':
		l.emit(tOp, ",")
		l.out[len(l.out)-1].tight = l.i > 0 && isDigit(l.s[l.i-1]) && l.digitAt(l.i+1)
	case '(', '[', '{':
		l.open(l.s[l.i : l.i+1])
	case ')', ']', '}':
		l.close(l.s[l.i : l.i+1])
	case '<', '>':
		rel := l.s[l.i : l.i+1]
		if two('=') {
			size = 2
			rel = map[byte]string{'<': "≤", '>': "≥"}[c]
		} else if two('<') || two('>') {
			return ErrUnknown
		}
		l.emit(tRel, rel)
	case '=':
		if two('=') {
			size = 2
		} else if two('>') || two('<') {
			return ErrUnknown
		}
		l.emit(tRel, "=")
	case '.':
		if !strings.HasPrefix(l.s[l.i:], "...") {
			return ErrUnknown
		}
		size = 3
		l.emit(tDots, "…")
	default:
		return ErrUnknown
	}
	l.i += size
	return nil
}

func isDigit(b byte) bool { return b-'0' < 10 }

func isLetter(b byte) bool { return b|0x20 >= 'a' && b|0x20 <= 'z' }
