package maths

import "github.com/r1ctl/r1ctl/internal/verify/maths/expr"

// collection says that n has elements whose order may mean nothing.
func collection(n *expr.Node) bool { return n.Op == expr.List || n.Op == expr.Set }

// values takes the variable off a list: x = 1, 2 and x = 1, x = 2.
func values(n *expr.Node) *expr.Node {
	if n.Op != expr.List {
		return n
	}
	first := n.Args[0]
	if first.Op != expr.Rel || len(first.Args) != 2 || first.Ops[0] != "=" || first.Args[0].Op != expr.Sym {
		return n
	}
	out := *n
	out.Args = []*expr.Node{first.Args[1]}
	relations := 1
	for _, a := range n.Args[1:] {
		if a.Op == expr.Rel {
			if len(a.Args) != 2 || a.Ops[0] != "=" || !expr.Alike(a.Args[0], first.Args[0]) {
				return n
			}
			relations++
			a = a.Args[1]
		}
		out.Args = append(out.Args, a)
	}
	if relations != 1 && relations != len(n.Args) {
		return n
	}
	out.Loose, out.Alt = true, nil
	return &out
}

// collections compares where at least one is a list or a set.
func (c *comparison) collections(g, a *expr.Node) expr.Verdict {
	if dotted(g) || dotted(a) {
		if g.Op == a.Op || collection(g) && collection(a) {
			return c.sequences(g.Args, a.Args)
		}
		one, many := g, a
		if collection(g) {
			one, many = a, g
		}
		if expr.IsReal(one) && (c.quiet(func() expr.Verdict { return c.unordered([]*expr.Node{one}, many.Args[:1]) }) == expr.Unequal ||
			expr.IsReal(many.Args[0]) && expr.IsReal(many.Args[1]) && expr.Same(many.Args[0], many.Args[1]) == expr.Unequal) {
			return expr.Unequal // more than one number
		}
		return c.because(ReasonUnproven)
	}
	if g.Alt != nil || a.Alt != nil {
		return c.decimalComma(g, a)
	}
	switch {
	case !collection(g):
		return c.oneAndMany(g, a)
	case !collection(a):
		return c.oneAndMany(a, g)
	}
	if x, y := definitions(g), definitions(a); x != nil && y != nil {
		return c.definitions(x, y)
	}
	sets := g.Op == expr.Set || a.Op == expr.Set
	if !sets && len(g.Args) == len(a.Args) && c.quiet(func() expr.Verdict { return c.elements(g.Args, a.Args) }) == expr.Equal {
		return expr.Equal
	}
	v := c.unordered(g.Args, a.Args)
	switch {
	case v != expr.Equal || g.Op == expr.Set && a.Op == expr.Set:
		return v
	case len(g.Args) != len(a.Args): // 1, 1 and 1
		return c.because(ReasonUnproven)
	case !sets && !loose(g) && !loose(a):
		return c.because(ReasonOrder)
	}
	return v
}

// definitions are the values by name of x = 1, y = 2; nil of all else.
func definitions(n *expr.Node) map[string]*expr.Node {
	out := map[string]*expr.Node{}
	for _, m := range n.Args {
		if m.Op != expr.Rel || len(m.Args) != 2 || m.Ops[0] != "=" || m.Args[0].Op != expr.Sym || out[m.Args[0].Name] != nil || len(m.Args[1].Symbols()) > 0 {
			return nil
		}
		out[m.Args[0].Name] = m.Args[1]
	}
	return out
}

func (c *comparison) definitions(g, a map[string]*expr.Node) expr.Verdict {
	if len(g) != len(a) {
		return c.because(ReasonUnproven)
	}
	out := expr.Equal
	for name, x := range g {
		y := a[name]
		if y == nil {
			return c.because(ReasonVariables)
		}
		switch c.nodes(x, y) {
		case expr.Unequal:
			return expr.Unequal
		case expr.Undecided:
			out = expr.Undecided
		}
	}
	return out
}

// quiet keeps no reason of what is only a try.
func (c *comparison) quiet(try func() expr.Verdict) expr.Verdict {
	reason := c.reason
	v := try()
	c.reason = reason
	return v
}

// loose says that the order of a list means nothing: "or", "and", or equations.
func loose(n *expr.Node) bool {
	if n.Loose {
		return true
	}
	for _, a := range n.Args {
		if a.Op != expr.Rel {
			return false
		}
	}
	return true
}

// oneAndMany compares something that is no collection with one.
func (c *comparison) oneAndMany(one, many *expr.Node) expr.Verdict {
	if len(many.Args) == 0 && (one.Op == expr.Text || one.Op == expr.Sym) {
		return c.because(ReasonText) // ∅ and "no solution"
	}
	if spanned(one) {
		if many.Op == expr.Set {
			return c.intervals(one, many)
		}
		return c.because(ReasonKind)
	}
	if vector(one) && len(one.Args) == len(many.Args) {
		return c.unless(c.unordered(one.Args, many.Args), ReasonKind)
	}
	if many.Op == expr.List && grouped(one) && listOfGroups(many) {
		return c.because(ReasonAmbiguous)
	}
	return c.unless(c.unordered([]*expr.Node{one}, many.Args), ReasonKind)
}

// grouped: 100,200 may be read as a number, and as a list.
func grouped(n *expr.Node) bool {
	return n.Has(func(m *expr.Node) bool { return m.Op == expr.Num && m.Grouped })
}

func listOfGroups(n *expr.Node) bool {
	for _, a := range n.Args {
		if expr.Value(a) == nil {
			return false
		}
	}
	return true
}

// decimalComma compares where 3,14 may be a decimal or a list.
func (c *comparison) decimalComma(g, a *expr.Node) expr.Verdict {
	if g.Alt == nil && collection(g) || a.Alt == nil && collection(a) {
		x, y := *g, *a // beside a list or a set it is a list
		x.Alt, y.Alt = nil, nil
		return c.collections(&x, &y)
	}
	asList := func(n *expr.Node) *expr.Node {
		out := *n
		out.Alt = nil
		return &out
	}
	asNumber := func(n *expr.Node) *expr.Node {
		if n.Alt != nil {
			return n.Alt
		}
		return n
	}
	one := c.quiet(func() expr.Verdict { return c.nodes(asList(g), asList(a)) })
	two := c.quiet(func() expr.Verdict { return c.nodes(asNumber(g), asNumber(a)) })
	if one == two && one != expr.Undecided {
		return one
	}
	return c.because(ReasonAmbiguous)
}

// unordered compares elements as sets are compared: each has its equal on the
// other side, or one is proven to have none.
func (c *comparison) unordered(g, a []*expr.Node) expr.Verdict {
	if len(g)*len(a) > maxComparisons {
		return c.because(ReasonUnproven)
	}
	open := false
	found := make([]bool, len(a))
	unsure := make([]bool, len(a))
	for _, x := range g {
		has, perhaps := false, false
		for j, y := range a {
			switch c.quiet(func() expr.Verdict { return c.nodes(x, y) }) {
			case expr.Equal:
				has, found[j] = true, true
			case expr.Undecided:
				perhaps, unsure[j] = true, true
			}
		}
		if !has && !perhaps {
			return expr.Unequal
		}
		open = open || !has
	}
	for j := range a {
		if !found[j] && !unsure[j] {
			return expr.Unequal
		}
		open = open || !found[j]
	}
	if open {
		return c.because(ReasonUnproven)
	}
	return expr.Equal
}
