package countdown

import (
	"errors"
	"fmt"
	"math/big"
	"slices"
	"strings"
)

// Limits on what is read: an answer beyond them is not one.
const (
	MaxNumbers = 32
	maxLength  = 1024 // bytes of an expression
	maxDigits  = 18   // of one number
)

// Game is one problem.
type Game struct {
	Numbers []int64 // given; a number that is given twice may be used twice
	Target  int64
	UseAll  bool // every number must be used; else each may be
}

// Check refuses a game that cannot be judged.
func (g Game) Check() error {
	if len(g.Numbers) == 0 || len(g.Numbers) > MaxNumbers {
		return fmt.Errorf("a game has 1 to %d numbers, this one %d", MaxNumbers, len(g.Numbers))
	}
	for _, n := range g.Numbers {
		if n < 0 {
			return fmt.Errorf("the number %d is negative", n)
		}
	}
	return nil
}

// What is wrong with an answer.
var (
	ErrNotExpression = errors.New("answer-unparsable")
	ErrWrongNumbers  = errors.New("wrong-numbers") // one that was not given, used too often, or left out
	ErrMissed        = errors.New("target-missed") // another value, or a division by zero
)

// Judge works an answer out. A nil error means that it reaches the target by the
// rules. "3*(4+5) = 27" is read too, and both of its sides must be right.
func (g Game) Judge(answer string) error {
	if len(answer) > maxLength {
		return ErrNotExpression
	}
	text := plain(answer)
	left, right, claimed := strings.Cut(text, "=")
	p := parser{text: left}
	value, ok := p.sum()
	if !ok && !p.byZero || p.pos < len(p.text) && !p.byZero {
		return ErrNotExpression
	}
	if claimed {
		if n, ok := new(big.Rat).SetString(right); !ok || n.Cmp(new(big.Rat).SetInt64(g.Target)) != 0 {
			return ErrMissed
		}
	}
	if p.byZero {
		return ErrMissed
	}
	if !g.allows(p.used) {
		return ErrWrongNumbers
	}
	if value.Cmp(new(big.Rat).SetInt64(g.Target)) != 0 {
		return ErrMissed
	}
	return nil
}

// allows says whether used is what the rules let an answer use.
func (g Game) allows(used []int64) bool {
	left := slices.Clone(g.Numbers)
	for _, n := range used {
		i := slices.Index(left, n)
		if i < 0 {
			return false
		}
		left = slices.Delete(left, i, i+1)
	}
	return len(used) > 0 && (!g.UseAll || len(left) == 0)
}

// plain writes an expression the ASCII way, without blanks.
func plain(s string) string {
	return strings.NewReplacer(
		`\times`, "*", `\cdot`, "*", `\div`, "/", `\left`, "", `\right`, "", "×", "*", "·", "*", "÷", "/", "\u2212", "-", "[", "(", "]", ")",
		"$", "", `\,`, "", `\ `, "", " ", "", "\t", "", "\n", "", "\r", "",
	).Replace(strings.TrimSpace(s))
}

// parser works out an expression as it reads it.
type parser struct {
	text   string
	pos    int
	depth  int
	used   []int64
	byZero bool
}

func (p *parser) peek() byte {
	if p.pos < len(p.text) {
		return p.text[p.pos]
	}
	return 0
}

func (p *parser) sum() (*big.Rat, bool) {
	value, ok := p.product()
	for ok && (p.peek() == '+' || p.peek() == '-') {
		minus := p.peek() == '-'
		p.pos++
		var next *big.Rat
		if next, ok = p.product(); !ok {
			break
		}
		if minus {
			value.Sub(value, next)
		} else {
			value.Add(value, next)
		}
	}
	return value, ok
}

func (p *parser) product() (*big.Rat, bool) {
	value, ok := p.factor()
	for ok && (p.peek() == '*' || p.peek() == '/') {
		divide := p.peek() == '/'
		p.pos++
		var next *big.Rat
		if next, ok = p.factor(); !ok {
			break
		}
		switch {
		case !divide:
			value.Mul(value, next)
		case next.Sign() == 0:
			p.byZero = true
			return nil, false
		default:
			value.Quo(value, next)
		}
	}
	return value, ok
}

// factor is a number, a bracket, or \frac{a}{b}. Signs are no part of the game.
func (p *parser) factor() (*big.Rat, bool) {
	if p.depth++; p.depth > 64 {
		return nil, false
	}
	defer func() { p.depth-- }()
	switch c := p.peek(); {
	case c >= '0' && c <= '9':
		return p.number()
	case c == '(':
		return p.group('(', ')')
	case c == '\\':
		for _, command := range []string{`\dfrac`, `\tfrac`, `\frac`} {
			if strings.HasPrefix(p.text[p.pos:], command+"{") {
				p.pos += len(command)
				return p.quotient()
			}
		}
	}
	return nil, false
}

func (p *parser) group(open, end byte) (*big.Rat, bool) {
	if p.peek() != open {
		return nil, false
	}
	p.pos++
	value, ok := p.sum()
	if !ok || p.peek() != end {
		return nil, false
	}
	p.pos++
	return value, true
}

func (p *parser) quotient() (*big.Rat, bool) {
	above, ok := p.group('{', '}')
	if !ok {
		return nil, false
	}
	below, ok := p.group('{', '}')
	if !ok {
		return nil, false
	}
	if below.Sign() == 0 {
		p.byZero = true
		return nil, false
	}
	return above.Quo(above, below), true
}

func (p *parser) number() (*big.Rat, bool) {
	var n int64
	digits := 0
	for c := p.peek(); c >= '0' && c <= '9'; c = p.peek() {
		if digits++; digits > maxDigits {
			return nil, false
		}
		n = 10*n + int64(c-'0')
		p.pos++
	}
	p.used = append(p.used, n)
	return new(big.Rat).SetInt64(n), true
}
