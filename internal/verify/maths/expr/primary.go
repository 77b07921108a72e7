package expr

import (
	"math/big"
	"strings"
)

// primary reads what binds most tightly.
func (p *parser) primary() *Node {
	if p.err != nil {
		return p.fail(p.err)
	}
	t := p.peek()
	switch t.kind {
	case tNum:
		n := p.number()
		if p.isOp("_") {
			return p.based(t)
		}
		return n
	case tSym:
		p.p++
		return p.symbol(t)
	case tConst:
		p.p++
		if p.isOp("_") {
			return p.fail(ErrUnknown)
		}
		return &Node{Op: Const, Name: t.text}
	case tFunc:
		p.p++
		return p.call(t.text)
	case tCmd:
		return p.command()
	case tOpen:
		return p.brackets()
	case tOp:
		if t.text == "|" && p.abs == 0 && p.set == 0 {
			p.p++
			p.abs++
			n := p.node(Abs, p.sum())
			p.abs--
			if !p.accept("|") {
				return p.fail(ErrUnknown)
			}
			return n
		}
	}
	return p.fail(ErrUnknown)
}

// symbol reads a variable with its subscript, C_n^k, or f(x).
func (p *parser) symbol(t token) *Node {
	name := t.text
	if p.accept("_") {
		sub := p.subscript()
		if p.err != nil {
			return p.fail(p.err)
		}
		if name == "C" && p.isOp("^") {
			p.p++
			k := p.exponent()
			n, ok := sub.integer()
			m, ok2 := k.integer()
			if !ok || !ok2 || m < 0 || n < m {
				return p.fail(ErrAmbiguous)
			}
			return p.node(Binom, sub, k)
		}
		name += "_" + sub.String()
	} else if name == "C" && p.isOp("^") && p.p+2 < len(p.toks) && p.toks[p.p+2].kind == tOp && p.toks[p.p+2].text == "_" {
		return p.fail(ErrAmbiguous) // C^2_5
	}
	if next := p.peek(); next.kind == tOpen && next.text == "(" && !next.space && strings.Contains("fghPQpqFG", t.text) && len(t.text) == 1 {
		save := p.p
		args := p.brackets()
		if strings.Contains("fgh", t.text) || args.Op == Sym || args.Op == Num || args.Op == Tuple {
			return &Node{Op: Applied, Name: name, Args: []*Node{args}}
		}
		if p.err == nil {
			p.p = save
		}
	}
	return &Node{Op: Sym, Name: name}
}

func (p *parser) subscript() *Node {
	t := p.peek()
	switch {
	case t.kind == tOpen && t.text == "{":
		return p.brackets()
	case t.kind == tNum:
		return p.number()
	case t.kind == tSym || t.kind == tConst || t.kind == tText:
		p.p++
		return &Node{Op: Sym, Name: t.text}
	}
	return p.fail(ErrUnknown)
}

// based reads 1011_2.
func (p *parser) based(t token) *Node {
	p.p++
	base, ok := p.subscript().integer()
	if p.err != nil || !ok || base < 2 || base > 36 || t.decimals > 0 || t.grouped || t.text == "" {
		return p.fail(ErrUnknown)
	}
	v, ok := new(big.Int).SetString(t.text, base)
	if !ok {
		return p.fail(ErrUnknown)
	}
	return &Node{Op: Based, Name: strings.TrimLeft(t.text, "0") + "_" + Integer(int64(base)).String(), Val: new(big.Rat).SetInt(v)}
}

// brackets reads a group, a tuple, an interval, a set, floor or ceiling.
func (p *parser) brackets() *Node {
	open := p.peek()
	p.p++
	if !p.deeper() {
		return p.fail(ErrLimit)
	}
	defer func() { p.depth-- }()
	group := open.text == "{" && p.latex
	set := open.text == "set" || open.text == "{" && !p.latex
	if set && p.peek().kind == tClose && p.peek().text == open.closer() {
		p.p++
		return &Node{Op: Set}
	}
	abs, sets := p.abs, p.set
	if p.abs = 0; set {
		p.set++
	} else {
		p.set = 0
	}
	inner := p.list()
	p.abs, p.set = abs, sets
	shut := p.peek()
	if p.err != nil || shut.kind != tClose {
		return p.fail(ErrUnknown)
	}
	p.p++
	var items []*Node
	if items = []*Node{inner}; inner.Op == List {
		items = inner.Args
	}
	switch {
	case set || group && inner.Op == List:
		if shut.text != open.closer() {
			return p.fail(ErrUnknown)
		}
		return &Node{Op: Set, Args: items}
	case group:
		if shut.text != "}" {
			return p.fail(ErrUnknown)
		}
	case open.text == "floor" || open.text == "ceil":
		if shut.text != open.text {
			return p.fail(ErrUnknown)
		}
		n := p.node(Func, inner)
		n.Name = open.text
		return n
	case open.text == "⟨":
		if shut.text != "⟩" {
			return p.fail(ErrUnknown)
		}
		return &Node{Op: Angle, Args: items}
	default:
		return p.round(open.text, shut.text, inner, items)
	}
	inner.closed = true
	return inner
}

// round tells ( ) [ ] apart.
func (p *parser) round(open, closer string, inner *Node, items []*Node) *Node {
	if closer != ")" && closer != "]" || inner.Op == List && inner.Loose {
		return p.fail(ErrUnknown)
	}
	if inner.Op != List {
		if open == "[" && closer == "]" && inner.Op == Add { // 2[3+x]; [3.7] may be the integral part
			open, closer = "(", ")"
		}
		if open != "(" || closer != ")" {
			return p.fail(ErrAmbiguous)
		}
		inner.closed = true
		return inner
	}
	switch open + closer {
	case "()":
		return &Node{Op: Tuple, Args: items}
	case "[]":
		return &Node{Op: Bracket, Args: items}
	}
	if len(items) != 2 {
		return p.fail(ErrUnknown)
	}
	return &Node{Op: HalfOpen, Name: open + closer, Args: items}
}

// closer is the closer that belongs to a brace.
func (t token) closer() string {
	if t.text == "{" {
		return "}"
	}
	return t.text
}

// command reads \frac, \binom, \sqrt, ∅ and matrices.
func (p *parser) command() *Node {
	t := p.peek()
	p.p++
	switch t.text {
	case "frac", "binom":
		a := p.argument()
		b := p.argument()
		if p.peek().kind == tNum && p.toks[p.p-1].kind == tNum {
			return p.fail(ErrAmbiguous) // \frac123
		}
		if t.text == "binom" {
			return p.node(Binom, a, b)
		}
		n := p.node(Div, a, b)
		n.closed = true
		return n
	case "sqrt":
		degree := Integer(2)
		if o := p.peek(); o.kind == tOpen && o.text == "[" {
			p.p++
			degree = p.sum()
			if c := p.peek(); c.kind != tClose || c.text != "]" {
				return p.fail(ErrUnknown)
			}
			p.p++
		}
		if a := p.peek(); a.kind == tNum && len(a.text) != 1 {
			return p.fail(ErrAmbiguous) // \sqrt23
		}
		return p.node(Root, p.argument(), degree)
	case "emptyset":
		return &Node{Op: Set}
	}
	if name, ok := strings.CutPrefix(t.text, "begin "); ok {
		return p.matrix(name)
	}
	return p.fail(ErrUnknown)
}

// argument reads {…}, or one digit, letter or command as TeX does.
func (p *parser) argument() *Node {
	t := p.peek()
	switch {
	case t.kind == tOpen && t.text == "{":
		return p.brackets()
	case t.kind == tNum && len(t.text) > 1 && t.decimals == 0 && !t.grouped:
		first := decimal(t.text[:1], "")
		rest := &p.toks[p.p]
		rest.text = t.text[1:]
		rest.val = decimal(rest.text, "")
		rest.space = false
		return Number(first)
	case t.kind == tNum && t.text != "":
		return p.number()
	case t.kind == tSym || t.kind == tConst:
		p.p++
		if t.kind == tConst {
			return &Node{Op: Const, Name: t.text}
		}
		return &Node{Op: Sym, Name: t.text}
	case t.kind == tCmd:
		if !p.deeper() {
			return p.fail(ErrLimit)
		}
		defer func() { p.depth-- }()
		return p.command()
	}
	return p.fail(ErrUnknown)
}

// matrix reads the rows of an environment.
func (p *parser) matrix(name string) *Node {
	switch name {
	case "pmatrix", "bmatrix", "matrix", "vmatrix", "array", "smallmatrix":
	default:
		return p.fail(ErrUnknown)
	}
	if !p.deeper() {
		return p.fail(ErrLimit)
	}
	defer func() { p.depth-- }()
	n := &Node{Op: Matrix, Name: name}
	cols := 0
	for p.err == nil {
		n.Args = append(n.Args, p.sum())
		cols++
		if p.accept("&") {
			continue
		}
		end := p.isCmd("end " + name)
		if p.accept(`\\`) {
			end = p.isCmd("end " + name)
		} else if !end {
			return p.fail(ErrUnknown)
		}
		if n.Rows++; n.Rows > 1 && cols != n.Cols {
			return p.fail(ErrUnknown)
		}
		n.Cols, cols = cols, 0
		if end {
			p.p++
			break
		}
	}
	for _, a := range n.Args {
		if a.Structure() {
			return p.fail(ErrUnknown)
		}
	}
	if name != "vmatrix" {
		n.Name = "matrix"
	}
	return n
}
