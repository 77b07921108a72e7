package expr

import "math/big"

// call reads the arguments of a function: sin x, sin(2x), sin^2 x, log_2 8.
func (p *parser) call(name string) *Node {
	var power, base *Node
	for p.err == nil {
		if power == nil && p.isOp("^") {
			p.p++
			if p.degreeSign() {
				return p.fail(ErrUnknown)
			}
			power = p.exponent()
			continue
		}
		if base == nil && p.isOp("_") && name == "log" {
			p.p++
			base = p.subscript()
			continue
		}
		break
	}
	if power != nil {
		if n, ok := power.integer(); !ok || n < 2 || name == "sqrt" || name == "exp" || name == "floor" || name == "ceil" {
			return p.fail(ErrAmbiguous) // sin^{-1}
		}
	}
	n := p.apply(name, base, p.callArgument(name))
	if power != nil {
		n = p.node(Pow, n, power)
	}
	n.closed = true
	return n
}

func (p *parser) apply(name string, base, arg *Node) *Node {
	fn := func(name string, arg *Node) *Node {
		n := p.node(Func, arg)
		n.Name = name
		return n
	}
	switch name {
	case "sqrt":
		return p.node(Root, arg, Integer(2))
	case "cbrt":
		return p.node(Root, arg, Integer(3))
	case "abs":
		return p.node(Abs, arg)
	case "exp":
		return p.node(Pow, &Node{Op: Const, Name: "e"}, arg)
	case "lg":
		return p.node(Div, fn("ln", arg), fn("ln", Integer(10)))
	case "log":
		if base != nil {
			return p.node(Div, fn("ln", arg), fn("ln", base))
		}
	case "arccot":
		return p.fail(ErrAmbiguous) // it has two ranges
	}
	return fn(name, arg)
}

// callArgument reads a bracket or |…|, or the factors that stand close by.
func (p *parser) callArgument(name string) *Node {
	t := p.peek()
	if t.kind == tOpen && (t.text == "(" || t.text == "{" || t.text == "[") {
		arg := p.brackets()
		if arg.Structure() {
			return p.fail(ErrUnknown)
		}
		if t.text == "{" && (p.isOp("^") || p.peek().kind == tOpen) {
			return p.fail(ErrAmbiguous)
		}
		return arg
	}
	if t.kind == tOp && t.text == "|" || t.kind == tCmd && t.text == "sqrt" {
		return p.power()
	}
	if name == "sqrt" || name == "cbrt" || name == "exp" || name == "abs" || name == "floor" || name == "ceil" {
		n := p.primary()
		if next := p.peek(); p.startsFactor(next) && !next.space || p.isOp("^") || t.kind == tOpen {
			return p.fail(ErrAmbiguous)
		}
		return n
	}
	if t.kind == tFunc { // ln sin x
		if !p.deeper() {
			return p.fail(ErrLimit)
		}
		defer func() { p.depth-- }()
		return p.power()
	}
	n := p.power()
	for p.err == nil {
		switch t := p.peek(); {
		case t.kind == tSym || t.kind == tConst || t.kind == tCmd && t.text == "frac":
			if n.Op == Add {
				return p.fail(ErrAmbiguous)
			}
			n = p.mul(n, p.power())
		case t.kind == tOpen, t.kind == tOp && (t.text == "/" || t.text == "|" && p.abs == 0), t.kind == tNum:
			return p.fail(ErrAmbiguous) // ln x/2
		case t.kind == tOp && t.text == "*" && p.p+1 < len(p.toks) && p.toks[p.p+1].kind != tFunc:
			return p.fail(ErrAmbiguous) // sin x * y
		default:
			return n
		}
	}
	return n
}

// money reads what stands behind a sign of currency.
func (p *parser) money(sign string) *Node {
	u := unitWord(sign)
	if u == nil || u.Dim[dimDollar]+u.Dim[dimEuro]+u.Dim[dimPound]+u.Dim[dimYen] != 1 || len(sign) > 3 {
		return p.fail(ErrUnknown)
	}
	n := p.sum()
	if n.Structure() {
		return p.fail(ErrUnknown)
	}
	if t := p.peek(); t.kind == tText && !p.separator() {
		q := p.quantity(n)
		if p.err == nil && q.Op == Quantity && (!q.Unit.Same(u) || q.Unit.Factor.Cmp(u.Factor) != 0) {
			return p.fail(ErrUnknown)
		}
		n = q.Args0()
		if q.Op != Quantity {
			n = q
		}
	}
	return &Node{Op: Quantity, Args: []*Node{n}, Unit: u}
}

// quantity reads the unit behind a value.
func (p *parser) quantity(n *Node) *Node {
	if n.Structure() {
		return p.fail(ErrUnknown)
	}
	for p.err == nil {
		t := p.peek()
		if t.kind != tText || p.separator() {
			break
		}
		if s := scaleWord(t.text); s != nil {
			p.p++
			if s.Cmp(big.NewRat(1, 1)) < 0 {
				n = p.node(Percent, n)
				continue
			}
			n = p.node(Mul, n, Number(s))
			continue
		}
		if degreeWord(t.text) {
			p.p++
			if n = p.node(Degree, n); p.peek().kind == tText && !p.separator() {
				return p.fail(ErrUnknown)
			}
			return n
		}
		u := p.unit()
		if p.err != nil || u == nil {
			return p.fail(ErrUnknown)
		}
		return &Node{Op: Quantity, Args: []*Node{n}, Unit: u}
	}
	return n
}

// unit reads a product of units and their powers: cm^2, km/h, square feet.
func (p *parser) unit() *Unit {
	u := one()
	sign, any := 1, false
	next := 0 // a power from "square" or "cubic"
	for p.err == nil {
		t := p.peek()
		switch {
		case t.kind == tText && !p.separator():
			p.p++
			for _, w := range unitWords(t.text) {
				switch w {
				case "square", "sq":
					next = 2
					continue
				case "cubic", "cu":
					next = 3
					continue
				case "per":
					sign = -1
					continue
				}
				v := unitWord(w)
				if v == nil {
					return nil
				}
				power := max(next, 1)
				if p.isOp("^") {
					p.p++
					n, ok := p.exponent().integer()
					if !ok || next > 0 {
						return nil
					}
					power = n
				}
				if !u.times(v, sign*power) {
					return nil
				}
				any, next = true, 0
			}
		case any && t.kind == tOp && t.text == "/" && sign == 1:
			p.p++
			sign = -1
			if p.peek().kind != tText {
				return nil
			}
		case any && t.kind == tOp && t.text == "*" && p.p+1 < len(p.toks) && p.toks[p.p+1].kind == tText:
			p.p++
		default:
			if !any || next > 0 {
				return nil
			}
			return u
		}
	}
	return nil
}

// unitWords takes the words of a \text apart.
func unitWords(s string) []string {
	var out []string
	start := -1
	for i := 0; i <= len(s); i++ {
		if i < len(s) && (isLetter(s[i]) || s[i] == '$' || s[i] >= 0x80) {
			if start < 0 {
				start = i
			}
			continue
		}
		if start >= 0 {
			out = append(out, s[start:i])
			start = -1
		}
	}
	return out
}
