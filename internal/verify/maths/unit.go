package maths

import (
	"math/big"

	"github.com/r1ctl/r1ctl/internal/verify/maths/expr"
)

// quantities compares where at least one has a unit. A unit that is missing on
// one side is taken to be the other's.
func (c *comparison) quantities(g, a *expr.Node) expr.Verdict {
	switch {
	case g.Op != expr.Quantity:
		return c.missing(a, g)
	case a.Op != expr.Quantity:
		return c.missing(g, a)
	}
	u, v := g.Unit, a.Unit
	x, y := g.Args[0], a.Args[0]
	switch {
	case u.Same(v) && u.Factor.Cmp(v.Factor) == 0:
		return c.nodes(x, y)
	case u.Same(v):
		return c.scalars(times(x, u.Factor), times(y, v.Factor))
	case u.Words != "" || v.Words != "" || u.Generic() || v.Generic() || u.Thermal() || v.Thermal():
		return c.because(ReasonUnit)
	case expr.Same(x, expr.Integer(0)) != expr.Unequal:
		return c.because(ReasonUnit)
	}
	return expr.Unequal // lengths and masses, euros and dollars
}

func times(n *expr.Node, f *big.Rat) *expr.Node {
	return &expr.Node{Op: expr.Mul, Args: []*expr.Node{n, expr.Number(f)}}
}

// missing compares a quantity with what has no unit.
func (c *comparison) missing(q, n *expr.Node) expr.Verdict {
	if n.Structure() {
		return c.because(ReasonUnit)
	}
	if bare(n, expr.Degree) != n { // 45 rad and 45°, 3 cm and 3°
		if q.Unit.Angle() {
			return expr.Same(q.Args[0], n)
		}
		return c.because(ReasonUnit)
	}
	v := c.nodes(q.Args[0], n)
	if v != expr.Unequal {
		return v
	}
	x, y := expr.Value(q.Args[0]), expr.Value(n)
	if x == nil || y == nil || x.Sign() == 0 || y.Sign() == 0 {
		return v
	}
	if conversion(new(big.Rat).Quo(x, y)) {
		return c.because(ReasonUnit) // 3 m and 300
	}
	return v
}

// conversion says that r, or 1/r, is a factor between units that people use.
func conversion(r *big.Rat) bool {
	if r.Num().Cmp(r.Denom()) < 0 {
		r = new(big.Rat).Inv(r)
	}
	if !r.IsInt() || !r.Num().IsInt64() {
		return false
	}
	n := r.Num().Int64()
	switch n {
	case 12, 24, 60, 144, 168, 365, 1440, 1728, 1760, 2000, 3600, 5280, 86400:
		return true
	}
	for n > 1 && n%10 == 0 {
		n /= 10
	}
	return n == 1
}
