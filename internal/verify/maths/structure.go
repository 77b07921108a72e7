package maths

import (
	"math/big"

	"github.com/r1ctl/r1ctl/internal/verify/maths/expr"
)

// elements compares two sequences of one kind, in order.
func (c *comparison) elements(g, a []*expr.Node) expr.Verdict {
	if len(g) != len(a) {
		return expr.Unequal
	}
	out := expr.Equal
	for i := range g {
		switch c.nodes(g[i], a[i]) {
		case expr.Unequal:
			return expr.Unequal
		case expr.Undecided:
			out = expr.Undecided
		}
	}
	return out
}

// structures compares two that are neither collections, intervals, words nor quantities.
func (c *comparison) structures(g, a *expr.Node) expr.Verdict {
	switch {
	case dotted(g) || dotted(a):
		if g.Op == a.Op {
			return c.sequences(g.Args, a.Args)
		}
		return c.because(ReasonUnproven)
	case g.Op == expr.Matrix && a.Op == expr.Matrix:
		if g.Name != a.Name {
			return c.because(ReasonKind)
		}
		if g.Rows != a.Rows || g.Cols != a.Cols {
			return expr.Unequal
		}
		return c.elements(g.Args, a.Args)
	case g.Op == expr.Ratio && a.Op == expr.Ratio:
		return c.ratios(g, a)
	case g.Op == expr.Based && a.Op == expr.Based:
		if g.Val.Cmp(a.Val) == 0 {
			return c.because(ReasonKind)
		}
		return expr.Unequal
	case vector(g) && vector(a):
		v := c.elements(g.Args, a.Args)
		if g.Op == a.Op {
			return v
		}
		if ascending(g) && (g.Op == expr.Bracket && a.Op == expr.Tuple || g.Op == expr.Tuple && a.Op == expr.Bracket) {
			return expr.Unequal // an open interval and a closed one
		}
		return c.unless(v, ReasonKind)
	}
	return c.because(ReasonKind)
}

// ascending says that n may be an interval.
func ascending(n *expr.Node) bool {
	if len(n.Args) != 2 {
		return false
	}
	sign, known := expr.Order(n.Args[0], n.Args[1])
	return known && sign < 0
}

// vector says that the elements of n stand in an order.
func vector(n *expr.Node) bool {
	switch n.Op {
	case expr.Tuple, expr.Bracket, expr.Angle:
		return true
	case expr.Matrix:
		return n.Name == "matrix" && (n.Rows == 1 || n.Cols == 1)
	}
	return false
}

// mixed compares a structure with an expression.
func (c *comparison) mixed(s, x *expr.Node) expr.Verdict {
	switch s.Op {
	case expr.Tuple, expr.Bracket, expr.Angle:
		if v := expr.Value(x); v != nil && v.Cmp(big.NewRat(1000, 1)) >= 0 {
			return c.because(ReasonAmbiguous) // (1,234)
		}
		if len(s.Args) > 1 && expr.IsReal(x) {
			return expr.Unequal
		}
	case expr.Matrix:
		if s.Name == "matrix" && len(s.Args) > 1 && expr.IsReal(x) {
			return expr.Unequal
		}
	case expr.Ratio:
		if len(s.Args) == 2 {
			return c.unless(expr.Same(&expr.Node{Op: expr.Div, Args: s.Args}, x), ReasonKind)
		}
	case expr.Based:
		if v := expr.Value(x); v != nil && v.Cmp(s.Val) != 0 && (!v.IsInt() || s.Name[:len(s.Name)-len(suffix(s.Name))] != v.RatString()) {
			return expr.Unequal
		}
	}
	return c.because(ReasonKind)
}

// suffix is the base of 1011_2, with the line before it.
func suffix(name string) string {
	for i := len(name) - 1; i >= 0; i-- {
		if name[i] == '_' {
			return name[i:]
		}
	}
	return ""
}

// ratios compares 3:4 with 6:8. Times of day look alike: 3:30 is not 1:10.
func (c *comparison) ratios(g, a *expr.Node) expr.Verdict {
	if len(g.Args) != len(a.Args) {
		return expr.Unequal
	}
	out := expr.Equal
	for i := 1; i < len(g.Args); i++ {
		x := &expr.Node{Op: expr.Mul, Args: []*expr.Node{g.Args[0], a.Args[i]}}
		y := &expr.Node{Op: expr.Mul, Args: []*expr.Node{a.Args[0], g.Args[i]}}
		switch expr.Same(x, y) {
		case expr.Unequal:
			return expr.Unequal
		case expr.Undecided:
			out = expr.Undecided
		}
	}
	if out == expr.Equal && clock(g) && clock(a) && c.elements(g.Args, a.Args) != expr.Equal {
		return c.because(ReasonAmbiguous)
	}
	zero := expr.Integer(0)
	for _, n := range []*expr.Node{g.Args[0], a.Args[0]} {
		if expr.Same(n, zero) != expr.Unequal {
			return c.because(ReasonUnproven)
		}
	}
	return out
}

func clock(n *expr.Node) bool {
	for i, a := range n.Args {
		v := expr.Value(a)
		if v == nil || !v.IsInt() || v.Sign() < 0 || v.Cmp(big.NewRat(60, 1)) >= 0 || i > 0 && a.Op == expr.Num && v.Cmp(big.NewRat(10, 1)) < 0 {
			return false
		}
	}
	return true
}

func dotted(n *expr.Node) bool {
	for _, a := range n.Args {
		if a.Op == expr.Dots {
			return true
		}
	}
	return false
}

// sequences compares lists with dots: unequal where a term before the dots is,
// equal only where every written part is.
func (c *comparison) sequences(g, a []*expr.Node) expr.Verdict {
	for i := range min(len(g), len(a)) {
		if g[i].Op == expr.Dots || a[i].Op == expr.Dots {
			break
		}
		if c.nodes(g[i], a[i]) == expr.Unequal {
			return expr.Unequal
		}
	}
	if len(g) != len(a) {
		return c.because(ReasonUnproven)
	}
	for i := range g {
		if g[i].Op == expr.Dots && a[i].Op == expr.Dots {
			continue
		}
		if g[i].Op == expr.Dots || a[i].Op == expr.Dots || c.nodes(g[i], a[i]) != expr.Equal {
			return c.because(ReasonUnproven)
		}
	}
	return expr.Equal
}
