package expr

import (
	"math/big"
)

type parser struct {
	toks  []token
	p     int
	depth int
	abs   int // |…| that are open
	set   int // sets that are open: | may be "such that"
	latex bool
	err   error
}

// Parse reads an answer.
func Parse(s string) (*Node, error) {
	if len(s) > MaxBytes {
		return nil, ErrLimit
	}
	toks, err := lex(s)
	if err != nil {
		return nil, err
	}
	latex := isLatex(s)
	if toks, err = words(toks, latex); err != nil {
		return nil, err
	}
	if len(toks) == 0 {
		return nil, ErrUnknown
	}
	p := &parser{toks: toks, latex: latex}
	n := p.list()
	if p.err == nil && p.p < len(p.toks) {
		p.err = ErrUnknown
	}
	if p.err != nil {
		return nil, p.err
	}
	return n, nil
}

func (p *parser) peek() token {
	if p.p < len(p.toks) {
		return p.toks[p.p]
	}
	return token{}
}

func (p *parser) isOp(text string) bool {
	t := p.peek()
	return t.kind == tOp && t.text == text
}

func (p *parser) isCmd(text string) bool {
	t := p.peek()
	return t.kind == tCmd && t.text == text
}

// accept takes an operator if it is next.
func (p *parser) accept(text string) bool {
	if p.isOp(text) {
		p.p++
		return true
	}
	return false
}

// fail keeps the first error and goes to the end, so that every loop stops.
func (p *parser) fail(err error) *Node {
	if p.err == nil {
		p.err = err
	}
	p.p = len(p.toks)
	return &Node{Op: Dots}
}

// deeper guards the recursion.
func (p *parser) deeper() bool {
	if p.depth++; p.depth > maxDepth {
		p.fail(ErrLimit)
		return false
	}
	return true
}

// node makes an operation on expressions; a structure is no operand.
func (p *parser) node(op Op, args ...*Node) *Node {
	for _, a := range args {
		if a.Structure() {
			return p.fail(ErrUnknown)
		}
	}
	return &Node{Op: op, Args: args}
}

// list reads items with separators between them.
func (p *parser) list() *Node {
	first := p.item()
	if !p.separator() {
		return first
	}
	n := &Node{Op: List, Args: []*Node{first}}
	tight := true
	marks := map[string]bool{}
	for p.separator() {
		t := p.peek()
		p.p++
		if marks[t.text] = true; marks[","] && marks[";"] {
			return p.fail(ErrAmbiguous) // (1,5; 2,5)
		}
		switch {
		case t.kind == tText:
			n.Loose, n.Name = true, t.text
			tight = false
		default:
			tight = tight && t.tight
			if s := p.peek(); s.kind == tText && (s.text == "and" || s.text == "or") { // 1, 2, and 3
				p.p++
				n.Loose, n.Name = true, s.text
			}
		}
		n.Args = append(n.Args, p.item())
	}
	if tight && len(n.Args) == 2 && p.depth == 0 {
		n.Alt = decimalComma(n.Args[0], n.Args[1], p.toks)
	}
	return n
}

func (p *parser) separator() bool {
	t := p.peek()
	return t.kind == tOp && (t.text == "," || t.text == ";") || t.kind == tText && (t.text == "and" || t.text == "or")
}

// decimalComma reads 3,14 as one number.
func decimalComma(a, b *Node, toks []token) *Node {
	sign := false
	if a.Op == Neg {
		a, sign = a.Args[0], true
	}
	last := toks[len(toks)-1]
	if a.Op != Num || b.Op != Num || a.Decimals > 0 || b.Decimals > 0 || a.Grouped || b.Grouped || last.kind != tNum || last.text == "" {
		return nil
	}
	frac := new(big.Rat).SetFrac(b.Val.Num(), tenTo(len(last.text)))
	n := &Node{Op: Num, Val: frac.Add(frac, a.Val), Decimals: len(last.text)}
	if sign {
		return &Node{Op: Neg, Args: []*Node{n}}
	}
	return n
}

// item reads a side, or several with relations between them.
func (p *parser) item() *Node {
	if !p.deeper() {
		return p.fail(ErrLimit)
	}
	defer func() { p.depth-- }()
	if t := p.peek(); t.kind == tDots {
		p.p++
		return &Node{Op: Dots}
	}
	first := p.side()
	if p.peek().kind != tRel {
		return first
	}
	n := &Node{Op: Rel, Args: []*Node{first}}
	for p.peek().kind == tRel {
		n.Ops = append(n.Ops, p.peek().text)
		p.p++
		n.Args = append(n.Args, p.side())
	}
	return n
}

// side reads an expression with its unit, words, a ratio, or sets that are joined.
func (p *parser) side() *Node {
	t := p.peek()
	if t.kind == tText {
		p.p++
		if t.tight {
			if len(t.text) == 1 {
				if l := letter(t); l.kind == tConst {
					return &Node{Op: Const, Name: l.text}
				}
				return &Node{Op: Sym, Name: t.text}
			}
			return &Node{Op: Text, Name: t.text}
		}
		return p.money(t.text)
	}
	n := p.sum()
	switch {
	case p.isOp(":"):
		n = &Node{Op: Ratio, Args: []*Node{p.node(Num, n).Args0()}}
		for p.accept(":") {
			n.Args = append(n.Args, p.node(Num, p.sum()).Args...)
		}
	case p.isCmd("cup"):
		n = &Node{Op: Union, Args: []*Node{n}}
		for p.isCmd("cup") {
			p.p++
			n.Args = append(n.Args, p.sum())
		}
	case p.isCmd("setminus"):
		p.p++
		n = &Node{Op: Except, Args: []*Node{n, p.sum()}}
	}
	if t := p.peek(); t.kind == tText && !p.separator() {
		n = p.quantity(n)
	}
	return n
}

// sum reads terms with signs.
func (p *parser) sum() *Node {
	var n *Node
	switch {
	case p.accept("-"):
		n = p.node(Neg, p.term())
	case p.accept("+"):
		n = p.node(Num, p.term()).Args0()
	case p.isOp("±"), p.isOp("∓"):
		name := p.peek().text
		p.p++
		n = p.node(PM, p.term())
		n.Name = name
	default:
		n = p.term()
	}
	for p.err == nil {
		t := p.peek()
		if t.kind != tOp {
			break
		}
		switch t.text {
		case "+":
			p.p++
			n = p.plus(n, p.term())
		case "-":
			p.p++
			n = p.plus(n, p.node(Neg, p.term()))
		case "±", "∓":
			p.p++
			n = p.node(PM, n, p.term())
			n.Name = t.text
		default:
			return n
		}
	}
	return n
}

// plus keeps long sums flat.
func (p *parser) plus(a, b *Node) *Node {
	if a.Op == Matrix && b.Op == Matrix || a.Structure() || b.Structure() {
		return p.fail(ErrUnknown)
	}
	if a.Op == Add && !a.Grouped && !a.closed {
		a.Args = append(a.Args, b)
		return a
	}
	return &Node{Op: Add, Args: []*Node{a, b}}
}
