package maths

import (
	"slices"

	"github.com/r1ctl/r1ctl/internal/verify/maths/expr"
)

// relations compares where at least one is an equation, an inequality or x ∈ S.
func (c *comparison) relations(g, a *expr.Node) expr.Verdict {
	if bracketed(g) && spanned(a) || bracketed(a) && spanned(g) {
		return c.intervals(g, a)
	}
	x, ok := c.value(g)
	y, ok2 := c.value(a)
	switch {
	case g.Op != expr.Rel:
		if !ok2 {
			return c.because(ReasonKind)
		}
		return c.nodes(g, y)
	case a.Op != expr.Rel:
		if !ok {
			return c.because(ReasonKind)
		}
		return c.nodes(x, a)
	}
	if ok && ok2 && (expr.Alike(g.Args[0], a.Args[0]) || closed(g) && closed(a)) {
		return c.nodes(x, y)
	}
	if len(g.Args) != 2 || len(a.Args) != 2 {
		return c.because(ReasonUnproven)
	}
	return c.pair(g, a)
}

// bracketed: [1,2] beside an inequality is an interval; (1,2) may be a point.
func bracketed(n *expr.Node) bool { return n.Op == expr.Bracket && ascending(n) }

// closed says that the left side of a relation has no variable.
func closed(n *expr.Node) bool {
	return !n.Args[0].Structure() && len(n.Args[0].Symbols()) == 0
}

// value is what a relation says a variable to be: 5 of x = 5, of x = 2+3 = 5
// and of 2+3 = 5. A chain counts only if its parts are proven equal.
func (c *comparison) value(n *expr.Node) (*expr.Node, bool) {
	if n.Op != expr.Rel {
		return n, true
	}
	left := n.Args[0]
	rest := n.Args[1:]
	if n.Ops[0] == "∈" && left.Op == expr.Sym && len(rest) == 1 {
		return rest[0], true
	}
	for _, op := range n.Ops {
		if op != "=" {
			return nil, false
		}
	}
	last := rest[len(rest)-1]
	switch {
	case left.Op == expr.Sym:
		uses := func(m *expr.Node) bool { return m.Op == expr.Sym && m.Name == left.Name }
		if slices.ContainsFunc(rest, func(m *expr.Node) bool { return m.Has(uses) }) {
			return nil, false
		}
	case left.Op == expr.Applied, left.Op == expr.Text:
	case left.Op == expr.Tuple && symbols(left) && len(rest) == 1:
		return last, true
	case !left.Structure() && len(left.Symbols()) == 0:
		rest = n.Args
	default:
		return nil, false
	}
	for _, part := range rest[:len(rest)-1] {
		if part.Op == expr.Rel || c.quiet(func() expr.Verdict { return c.nodes(part, last) }) != expr.Equal {
			return nil, false
		}
	}
	return last, true
}

func symbols(n *expr.Node) bool {
	return !slices.ContainsFunc(n.Args, func(m *expr.Node) bool { return m.Op != expr.Sym })
}

// pair compares two relations of two sides each.
func (c *comparison) pair(g, a *expr.Node) expr.Verdict {
	op, flip := oriented(g.Ops[0])
	op2, flip2 := oriented(a.Ops[0])
	if op == "" || op2 == "" {
		return c.because(ReasonUnproven)
	}
	if slices.ContainsFunc(append(slices.Clone(g.Args), a.Args...), func(n *expr.Node) bool { return n.Structure() }) {
		if op == "=" && op2 == "=" && expr.Alike(g.Args[0], a.Args[0]) {
			return c.nodes(g.Args[1], a.Args[1])
		}
		return c.because(ReasonUnproven)
	}
	// Paid twice: each relation becomes a difference, and the two are compared.
	if differences := c.afford(g, a); !differences || !c.afford(g, a) {
		return c.because(ReasonUnproven)
	}
	x, y := difference(g, flip), difference(a, flip2)
	if !slices.Equal(x.Symbols(), y.Symbols()) {
		return c.because(ReasonVariables)
	}
	switch sign := expr.Proportional(x, y); {
	case sign == 0 && family(x) && family(y):
		return c.because(ReasonVariables)
	case sign == 0 && op == "=" && op2 == "=":
		if decimals(g) != decimals(a) {
			return c.because(ReasonRounded)
		}
		if expr.Apart(x, y) {
			return expr.Unequal
		}
	case sign == 0:
	case op == op2 && (op == "=" || op == "≠" || sign > 0):
		return expr.Equal
	case op != "≠" && op2 != "≠" && expr.Vanishes(x):
		return expr.Unequal // < and ≤, or the other side
	}
	return c.because(ReasonUnproven)
}

// oriented turns > and ≥ around; "" for what is no equation or inequality.
func oriented(op string) (string, bool) {
	switch op {
	case "=", "<", "≤", "≠":
		return op, false
	case ">":
		return "<", true
	case "≥":
		return "≤", true
	}
	return "", false
}

func difference(n *expr.Node, flip bool) *expr.Node {
	if flip {
		return expr.Minus(n.Args[1], n.Args[0])
	}
	return expr.Minus(n.Args[0], n.Args[1])
}
