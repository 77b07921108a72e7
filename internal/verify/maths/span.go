package maths

import (
	"slices"

	"github.com/r1ctl/r1ctl/internal/verify/maths/expr"
)

// span is an interval of real numbers; a point where both ends are one.
type span struct {
	low, high         *expr.Node
	openLow, openHigh bool
}

// spanned says that n can only be read as a set of real numbers: (1,2) alone
// may be a point, [1,2] may be a list.
func spanned(n *expr.Node) bool {
	switch n.Op {
	case expr.HalfOpen, expr.Union, expr.Except:
		return true
	case expr.Sym:
		return n.Name == "ℝ"
	case expr.Tuple, expr.Bracket:
		return len(n.Args) == 2 && (infinite(n.Args[0]) || infinite(n.Args[1]))
	case expr.Rel:
		_, ok := inequality(n)
		return ok
	case expr.List: // x < 1 or x > 2
		return n.Name == "or" && !slices.ContainsFunc(n.Args, func(m *expr.Node) bool {
			return m.Op != expr.Rel || !spanned(m) || variable(m) != variable(n.Args[0])
		})
	}
	return false
}

func infinite(n *expr.Node) bool {
	return n.Has(func(m *expr.Node) bool { return m.Op == expr.Const && m.Name == "inf" })
}

// sameVariable: both say something of one variable, or one names none.
func sameVariable(g, a *expr.Node) bool {
	x, y := variable(g), variable(a)
	return x == y || x == "" || y == ""
}

func variable(n *expr.Node) string {
	if n.Op == expr.List {
		n = n.Args[0]
	}
	if n.Op != expr.Rel {
		return ""
	}
	for _, s := range n.Args {
		if s.Op == expr.Sym && s.Name != "ℝ" {
			return s.Name
		}
	}
	return ""
}

// intervals compares two sets of real numbers.
func (c *comparison) intervals(g, a *expr.Node) expr.Verdict {
	x, ok := spans(g)
	y, ok2 := spans(a)
	if !ok || !ok2 {
		return c.because(ReasonKind)
	}
	m, ok := merge(x)
	n, ok2 := merge(y)
	if !ok || !ok2 {
		return c.symbolic(g, a)
	}
	if len(m) != len(n) {
		return expr.Unequal
	}
	out := expr.Equal
	for i := range m {
		if m[i].openLow != n[i].openLow || m[i].openHigh != n[i].openHigh {
			return expr.Unequal
		}
		for _, ends := range [][2]*expr.Node{{m[i].low, n[i].low}, {m[i].high, n[i].high}} {
			switch c.nodes(ends[0], ends[1]) {
			case expr.Unequal:
				return expr.Unequal
			case expr.Undecided:
				out = expr.Undecided
			}
		}
	}
	return out
}

// symbolic compares where the order of the ends is not known: as written.
func (c *comparison) symbolic(g, a *expr.Node) expr.Verdict {
	if g.Op == a.Op && g.Name == a.Name && slices.Equal(g.Ops, a.Ops) && g.Op != expr.Rel && g.Op != expr.Except {
		if v := c.elements(g.Args, a.Args); v == expr.Equal {
			return v
		}
	}
	return c.because(ReasonUnproven)
}

// spans reads a set of real numbers.
func spans(n *expr.Node) ([]span, bool) {
	inf := &expr.Node{Op: expr.Const, Name: "inf"}
	minus := &expr.Node{Op: expr.Neg, Args: []*expr.Node{inf}}
	switch n.Op {
	case expr.Tuple, expr.Bracket, expr.HalfOpen:
		if len(n.Args) != 2 {
			return nil, false
		}
		low, high := n.Args[0], n.Args[1]
		if low.Structure() || high.Structure() {
			return nil, false
		}
		s := span{low, high, n.Op == expr.Tuple || n.Name == "(]", n.Op == expr.Tuple || n.Name == "[)"}
		s.openLow = s.openLow || infinite(low) // [-∞ is written by some
		s.openHigh = s.openHigh || infinite(high)
		return []span{s}, true
	case expr.Union, expr.Set, expr.List:
		var all []span
		for _, a := range n.Args {
			if n.Op == expr.Set {
				if a.Structure() {
					return nil, false
				}
				all = append(all, span{low: a, high: a})
				continue
			}
			s, ok := spans(a)
			if !ok {
				return nil, false
			}
			all = append(all, s...)
		}
		return all, true
	case expr.Sym:
		if n.Name == "ℝ" {
			return []span{{minus, inf, true, true}}, true
		}
	case expr.Except:
		whole, ok := spans(n.Args[0])
		points, ok2 := spans(n.Args[1])
		if ok && ok2 && n.Args[1].Op == expr.Set {
			return without(whole, points)
		}
	case expr.Rel:
		if n.Ops[0] == "∈" && len(n.Args) == 2 && n.Args[0].Op == expr.Sym {
			return spans(n.Args[1])
		}
		s, ok := inequality(n)
		return s, ok
	}
	return nil, false
}

// inequality reads x > 2, 2 < x, 1 < x ≤ 2 and x ≠ 2 with the variable alone.
func inequality(n *expr.Node) ([]span, bool) {
	inf := &expr.Node{Op: expr.Const, Name: "inf"}
	s := span{&expr.Node{Op: expr.Neg, Args: []*expr.Node{inf}}, inf, true, true}
	if n.Ops[0] == "∈" && len(n.Args) == 2 && n.Args[0].Op == expr.Sym {
		in := n.Args[1]
		return nil, spanned(in) || (in.Op == expr.Tuple || in.Op == expr.Bracket) && len(in.Args) == 2
	}
	at := slices.IndexFunc(n.Args, func(m *expr.Node) bool { return m.Op == expr.Sym })
	if at < 0 || len(n.Args) > 3 || len(n.Args) == 3 && at != 1 {
		return nil, false
	}
	up := 0
	for i, op := range n.Ops {
		bound := n.Args[i]
		if i >= at {
			bound = n.Args[i+1]
		}
		if bound.Structure() || len(bound.Symbols()) > 0 || infinite(bound) && len(n.Args) == 2 {
			return nil, false
		}
		less := op == "<" || op == "≤"
		strict := op == "<" || op == ">"
		switch {
		case op == "≠" && len(n.Args) == 2:
			out, ok := without([]span{s}, []span{{low: bound, high: bound}})
			return out, ok
		case op != "<" && op != "≤" && op != ">" && op != "≥":
			return nil, false
		case less == (i >= at): // x < bound, or bound > x
			s.high, s.openHigh = bound, strict || infinite(bound)
			up++
		default:
			s.low, s.openLow = bound, strict || infinite(bound)
			up--
		}
	}
	if len(n.Args) == 3 && up != 0 { // 1 < x > 2
		return nil, false
	}
	return []span{s}, true
}

// without takes points out of spans.
func without(whole, points []span) ([]span, bool) {
	for _, p := range points {
		var out []span
		for _, s := range whole {
			low, ok := expr.Order(s.low, p.low)
			high, ok2 := expr.Order(p.low, s.high)
			switch {
			case !ok || !ok2:
				return nil, false
			case low > 0 || high > 0:
				out = append(out, s)
			case low == 0 && high == 0:
			case low == 0:
				s.openLow = true
				out = append(out, s)
			case high == 0:
				s.openHigh = true
				out = append(out, s)
			default:
				out = append(out, span{s.low, p.low, s.openLow, true}, span{p.low, s.high, true, s.openHigh})
			}
		}
		whole = out
	}
	return whole, true
}

// merge sorts spans and joins those that touch.
func merge(in []span) ([]span, bool) {
	known := true
	order := func(a, b *expr.Node) int {
		sign, ok := expr.Order(a, b)
		known = known && ok
		return sign
	}
	if len(in) > 30 {
		return nil, false
	}
	var all []span
	for _, s := range in {
		switch sign := order(s.low, s.high); {
		case !known || sign > 0: // no interval: a point, or a mistake
			return nil, false
		case sign == 0 && (s.openLow || s.openHigh):
		default:
			all = append(all, s)
		}
	}
	slices.SortStableFunc(all, func(a, b span) int {
		if sign := order(a.low, b.low); sign != 0 {
			return sign
		}
		if a.openLow != b.openLow {
			if b.openLow {
				return -1
			}
			return 1
		}
		return 0
	})
	var out []span
	for _, s := range all {
		if len(out) == 0 {
			out = append(out, s)
			continue
		}
		last := &out[len(out)-1]
		gap := order(last.high, s.low)
		if gap < 0 || gap == 0 && last.openHigh && s.openLow {
			out = append(out, s)
			continue
		}
		switch further := order(s.high, last.high); {
		case further > 0:
			last.high, last.openHigh = s.high, s.openHigh
		case further == 0:
			last.openHigh = last.openHigh && s.openHigh
		}
	}
	return out, known
}
