package expr

// term reads factors with signs of multiplication or none between them.
func (p *parser) term() *Node {
	n := p.factor()
	slash := false
	for p.err == nil {
		t := p.peek()
		switch {
		case t.kind == tOp && t.text == "*":
			p.p++
			n = p.mul(n, p.factor())
			slash = false
		case t.kind == tOp && t.text == "/":
			if slash {
				return p.fail(ErrAmbiguous) // a/b/c
			}
			p.p++
			n = p.node(Div, n, p.factor())
			slash = true
		case t.kind == tCmd && t.text == "choose":
			p.p++
			n = p.node(Binom, n, p.factor())
		case p.startsFactor(t):
			if slash {
				return p.fail(ErrAmbiguous) // 1/2x
			}
			if m := p.mixed(n); m != nil {
				n = m
				break
			}
			if t.kind == tNum {
				return p.fail(ErrAmbiguous)
			}
			n = p.mul(n, p.power())
		default:
			return n
		}
	}
	return n
}

// startsFactor says that the token begins a factor without a sign before it.
func (p *parser) startsFactor(t token) bool {
	switch t.kind {
	case tNum, tSym, tConst, tFunc, tOpen:
		return true
	case tCmd:
		switch t.text {
		case "frac", "binom", "sqrt":
			return true
		}
		return len(t.text) > 6 && t.text[:6] == "begin "
	case tOp:
		return t.text == "|" && p.abs == 0 && p.set == 0
	}
	return false
}

// mixed reads the fraction of 1\frac12 or 1 1/2; nil when it is none.
func (p *parser) mixed(n *Node) *Node {
	if n.Op != Num || n.Decimals > 0 || p.toks[p.p-1].kind != tNum || !n.Val.IsInt() {
		return nil
	}
	t := p.peek()
	var frac *Node
	switch {
	case t.kind == tCmd && t.text == "frac":
		frac = p.power()
	case t.kind == tNum && t.space && p.p+2 < len(p.toks) && p.toks[p.p+1].kind == tOp && p.toks[p.p+1].text == "/" && p.toks[p.p+2].kind == tNum:
		a, b := p.number(), (*Node)(nil)
		p.p++
		b = p.number()
		frac = p.node(Div, a, b)
	default:
		return nil
	}
	if frac.Op != Div || frac.Args[0].Op != Num || frac.Args[1].Op != Num {
		return p.mul(n, frac)
	}
	a, b := frac.Args[0].Val, frac.Args[1].Val
	if !a.IsInt() || !b.IsInt() || a.Cmp(b) >= 0 || n.Val.Sign() == 0 {
		return p.fail(ErrAmbiguous) // 2\frac{5}{3}
	}
	if t := p.peek(); p.startsFactor(t) && t.kind == tNum || p.isOp("^") || p.isOp("!") {
		return p.fail(ErrAmbiguous)
	}
	return &Node{Op: Add, Args: []*Node{n, frac}, Grouped: true}
}

// mul keeps long products flat, and scales a matrix.
func (p *parser) mul(a, b *Node) *Node {
	if a.Op == Matrix || b.Op == Matrix {
		if b.Op != Matrix {
			a, b = b, a
		}
		if a.Structure() {
			return p.fail(ErrUnknown)
		}
		out := &Node{Op: Matrix, Name: b.Name, Rows: b.Rows, Cols: b.Cols}
		for _, x := range b.Args {
			out.Args = append(out.Args, p.node(Mul, a, x))
		}
		if b.Name == "vmatrix" {
			return p.fail(ErrUnknown)
		}
		return out
	}
	if a.Structure() || b.Structure() {
		return p.fail(ErrUnknown)
	}
	if a.Op == Mul && !a.closed {
		a.Args = append(a.Args, b)
		return a
	}
	return &Node{Op: Mul, Args: []*Node{a, b}}
}

// factor reads a power, with a sign before it.
func (p *parser) factor() *Node {
	switch {
	case p.accept("-"):
		return p.node(Neg, p.power())
	case p.accept("+"):
		return p.power()
	}
	return p.power()
}

// power reads a primary with what follows it: ! % ° and ^.
func (p *parser) power() *Node {
	if !p.deeper() {
		return p.fail(ErrLimit)
	}
	defer func() { p.depth-- }()
	n := p.primary()
	raised := false
	for p.err == nil {
		switch {
		case p.isOp("!"):
			if raised {
				return p.fail(ErrAmbiguous)
			}
			p.p++
			n = p.node(Fact, n)
		case p.accept("%"):
			n = p.node(Percent, n)
		case p.accept("°"):
			if n = p.degree(n); n.Structure() {
				return n
			}
		case p.isOp("^"):
			if raised {
				return p.fail(ErrAmbiguous)
			}
			p.p++
			if p.degreeSign() {
				if n = p.degree(n); n.Structure() {
					return n
				}
				break
			}
			n = p.node(Pow, n, p.exponent())
			raised = true
		case p.isOp("'"):
			return p.fail(ErrUnknown)
		default:
			return n
		}
	}
	return n
}

// degreeSign takes ° or {°} after ^.
func (p *parser) degreeSign() bool {
	if p.accept("°") {
		return true
	}
	if p.p+2 < len(p.toks) && p.toks[p.p].kind == tOpen && p.toks[p.p].text == "{" && p.toks[p.p+1].text == "°" && p.toks[p.p+2].kind == tClose {
		p.p += 3
		return true
	}
	return false
}

// degree makes an angle, or a temperature where C or F follows.
func (p *parser) degree(n *Node) *Node {
	t := p.peek()
	if (t.kind == tSym || t.kind == tText) && (t.text == "C" || t.text == "F") {
		p.p++
		dim := dimCelsius
		if t.text == "F" {
			dim = dimFahrenheit
		}
		value := p.node(Num, n).Args0()
		return &Node{Op: Quantity, Args: []*Node{value}, Unit: unitOf(dim, 1, 1)}
	}
	return p.node(Degree, n)
}

// exponent reads what stands after ^.
func (p *parser) exponent() *Node {
	switch {
	case p.accept("-"):
		return p.node(Neg, p.exponent())
	case p.accept("+"):
		return p.exponent()
	}
	n := p.primary()
	if p.isOp("^") { // to the right, as 2^3^2
		if !p.deeper() {
			return p.fail(ErrLimit)
		}
		p.p++
		n = p.node(Pow, n, p.exponent())
		p.depth--
	} else if p.isOp("!") {
		return p.fail(ErrAmbiguous)
	}
	return n
}

func (p *parser) number() *Node {
	t := p.peek()
	if t.kind != tNum {
		return p.fail(ErrUnknown)
	}
	p.p++
	return &Node{Op: Num, Val: t.val, Decimals: t.decimals, Grouped: t.grouped}
}

// integer reads a plain integer that fits.
func (n *Node) integer() (int, bool) {
	if n.Op == Neg {
		i, ok := n.Args[0].integer()
		return -i, ok
	}
	if n.Op != Num || !n.Val.IsInt() || !n.Val.Num().IsInt64() {
		return 0, false
	}
	i := n.Val.Num().Int64()
	return int(i), i < 1e9
}
