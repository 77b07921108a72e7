package maths

import (
	"math/big"
	"slices"
	"strings"

	"github.com/r1ctl/r1ctl/internal/verify/maths/expr"
)

const (
	maxComparisons = 1500 // of parts, in one comparison
	maxAlgebra     = 300  // nodes of those with variables or irrational values, in tens
)

// comparison compares two trees; reason says why nothing was proven.
type comparison struct {
	reason  string
	left    int
	algebra int
}

// because gives the first reason for not deciding.
func (c *comparison) because(reason string) expr.Verdict {
	if c.reason == "" {
		c.reason = reason
	}
	return expr.Undecided
}

// unless turns Equal into undecided for a reason.
func (c *comparison) unless(v expr.Verdict, reason string) expr.Verdict {
	if v == expr.Equal {
		return c.because(reason)
	}
	return v
}

// nodes compares the gold answer g, or a part of it, with the answer a.
func (c *comparison) nodes(g, a *expr.Node) expr.Verdict {
	if integral(g) || integral(a) {
		if !expr.Alike(g, a) {
			return c.because(ReasonVariables)
		}
	}
	if c.left--; c.left < 0 {
		return c.because(ReasonUnproven)
	}
	if expr.Alike(g, a) {
		return expr.Equal
	}
	if pm(g) || pm(a) {
		g, ok := expand(g)
		a, ok2 := expand(a)
		if !ok || !ok2 {
			return c.because(ReasonAmbiguous)
		}
		return c.nodes(g, a)
	}
	if spanned(g) && spanned(a) && sameVariable(g, a) {
		return c.intervals(g, a)
	}
	if g.Op == expr.Rel || a.Op == expr.Rel {
		return c.relations(g, a)
	}
	g, a = values(g), values(a)
	switch {
	case collection(g) || collection(a):
		return c.collections(g, a)
	case spanned(g) || spanned(a):
		return c.intervals(g, a)
	case g.Op == expr.Text || a.Op == expr.Text:
		return c.text(g, a)
	case g.Op == expr.Quantity || a.Op == expr.Quantity:
		return c.quantities(g, a)
	case g.Structure() && a.Structure():
		return c.structures(g, a)
	case g.Structure():
		return c.mixed(g, a)
	case a.Structure():
		return c.mixed(a, g)
	}
	return c.scalars(g, a)
}

// integral says that a list has a condition such as k ∈ ℤ beside its values,
// so that 4k+1 and 4k-3 may be one.
func integral(n *expr.Node) bool {
	return n.Op == expr.List && n.Has(func(m *expr.Node) bool { return m.Op == expr.Rel && m.Ops[0] == "∈" && m.Args[1].Op == expr.Sym })
}

// scalars compares two expressions.
func (c *comparison) scalars(g, a *expr.Node) expr.Verdict {
	if g.Op == expr.Sym && a.Op == expr.Sym {
		if choice(g.Name) && choice(a.Name) {
			return expr.Unequal // they are not alike
		}
		return c.because(ReasonVariables)
	}
	if g.Op != expr.Num || a.Op != expr.Num {
		if !c.afford(g, a) {
			return c.because(ReasonUnproven)
		}
	}
	v := expr.Same(g, a)
	switch {
	case v == expr.Equal:
		return v
	case thousandths(g, a) || thousandths(a, g):
		return c.because(ReasonAmbiguous)
	case v == expr.Unequal && (family(g) && family(a)):
		return c.because(ReasonVariables)
	}
	if x, y := bare(g, expr.Percent), bare(a, expr.Percent); (x == g) != (y == a) {
		if expr.Same(x, y) == expr.Equal {
			return c.because(ReasonPercent)
		}
	}
	if x, y := bare(g, expr.Degree), bare(a, expr.Degree); (x == g) != (y == a) {
		return c.degrees(x, y, v)
	}
	if v == expr.Undecided {
		switch {
		case !slices.Equal(g.Symbols(), a.Symbols()):
			return c.because(ReasonVariables)
		case decimals(g) != decimals(a):
			return c.because(ReasonRounded)
		}
		return c.because(ReasonUnproven)
	}
	return v
}

// afford charges for a comparison by the size of what is compared; the first
// is free.
func (c *comparison) afford(g, a *expr.Node) bool {
	first := c.algebra == 0
	c.algebra += 1 + (g.Size()+a.Size())/10
	return first || c.algebra <= maxAlgebra
}

// thousandths: 1.234 is also how some write 1,234.
func thousandths(whole, decimal *expr.Node) bool {
	return whole.Op == expr.Num && decimal.Op == expr.Num && whole.Decimals == 0 && decimal.Decimals == 3 &&
		new(big.Rat).Mul(decimal.Val, big.NewRat(1000, 1)).Cmp(whole.Val) == 0
}

// family says that n may stand for many values, of which two families may be
// the same: kπ + π/4 for all integers k, or x² + C for all constants C.
func family(n *expr.Node) bool {
	angle, parameter := false, false
	return n.Has(func(m *expr.Node) bool {
		switch {
		case m.Op == expr.Degree, m.Op == expr.Const && m.Name == "pi":
			angle = true
		case m.Op == expr.Sym && (m.Name == "k" || m.Name == "n" || m.Name == "m" || m.Name == "l"):
			parameter = true
		case constant(m) && m.Name[0] != 'c':
			return true
		case m.Op == expr.Add && slices.ContainsFunc(m.Args, constant):
			return true
		}
		return angle && parameter
	})
}

// constant: C, C_1, K or c, as constants of integration are called.
func constant(n *expr.Node) bool {
	return n.Op == expr.Sym && strings.IndexByte("CcK", n.Name[0]) >= 0 && (len(n.Name) == 1 || n.Name[1] == '_')
}

// degrees compares an angle with a number that lacks the sign; v is what the
// values in radians say.
func (c *comparison) degrees(x, y *expr.Node, v expr.Verdict) expr.Verdict {
	if w := expr.Same(x, y); w != expr.Unequal {
		return w
	}
	return v
}

// bare is n without the sign op, n itself where it has none.
func bare(n *expr.Node, op expr.Op) *expr.Node {
	switch {
	case n.Op == op:
		return n.Args[0]
	case n.Op == expr.Neg && n.Args[0].Op == op:
		return &expr.Node{Op: expr.Neg, Args: n.Args[0].Args}
	}
	return n
}

func decimals(n *expr.Node) bool {
	return n.Has(func(m *expr.Node) bool { return m.Op == expr.Num && m.Decimals > 1 })
}

func choice(name string) bool { return len(name) == 1 && name[0] >= 'A' && name[0] <= 'Z' }

func pm(n *expr.Node) bool {
	return n.Has(func(m *expr.Node) bool { return m.Op == expr.PM })
}

// expand writes ± as two values, in a list without order. Two ± in one
// expression may or may not go together.
func expand(n *expr.Node) (out *expr.Node, ok bool) {
	if n.Op == expr.List || n.Op == expr.Set {
		flat := *n
		flat.Args, flat.Loose = nil, true
		for _, a := range n.Args {
			if !pm(a) {
				flat.Args = append(flat.Args, a)
				continue
			}
			two, ok := expand(a)
			if !ok {
				return nil, false
			}
			flat.Args = append(flat.Args, two.Args...)
		}
		return &flat, true
	}
	plus, both := 0, 0
	n.Has(func(m *expr.Node) bool {
		if m.Op == expr.PM {
			if both++; m.Name == "±" {
				plus++
			}
		}
		return false
	})
	switch {
	case both == 0:
		return n, true
	case plus > 1 || both-plus > 1 || n.Structure() && n.Op != expr.Rel && n.Op != expr.Quantity:
		return nil, false
	case n.Op == expr.Rel && (len(n.Args) != 2 || pm(n.Args[0])):
		return nil, false
	}
	list := &expr.Node{Op: expr.List, Loose: true}
	for _, upper := range []bool{true, false} {
		list.Args = append(list.Args, signed(n, upper))
	}
	return list, true
}

// signed takes the upper or the lower sign of every ± and ∓.
func signed(n *expr.Node, upper bool) *expr.Node {
	return n.Substitute(func(m *expr.Node) *expr.Node {
		if m.Op != expr.PM {
			return nil
		}
		last := signed(m.Args[len(m.Args)-1], upper)
		if upper != (m.Name == "±") {
			last = &expr.Node{Op: expr.Neg, Args: []*expr.Node{last}}
		}
		if len(m.Args) == 1 {
			return last
		}
		return &expr.Node{Op: expr.Add, Args: []*expr.Node{signed(m.Args[0], upper), last}}
	})
}

// text compares words. Two words of one closed class (yes and no) differ;
// other words may be two names of one thing.
func (c *comparison) text(g, a *expr.Node) expr.Verdict {
	x, y := words(g), words(a)
	if x != "" && x == y {
		return expr.Equal
	}
	class, class2 := expr.Vocabulary(x), expr.Vocabulary(y)
	if class != "" && class == class2 {
		return expr.Unequal
	}
	if class != "" && number(a, class) || class2 != "" && number(g, class2) {
		return expr.Unequal
	}
	return c.because(ReasonText)
}

// number says that n is a number which no word of the class stands for: "May"
// may be 5, and "true" may be 1.
func number(n *expr.Node, class string) bool {
	switch class {
	case "day", "month":
		return false
	case "yes-no", "true-false":
		v := expr.Value(n)
		return v != nil && (!v.IsInt() || v.Num().CmpAbs(big.NewInt(1)) > 0)
	}
	return expr.IsReal(n)
}

// words is a text without case and marks; "" for what is none.
func words(n *expr.Node) string {
	switch n.Op {
	case expr.Text:
		return strings.Join(strings.FieldsFunc(strings.ToLower(n.Name), func(r rune) bool { return strings.ContainsRune(" ,.;-", r) }), " ")
	case expr.Sym:
		return n.Name
	}
	return ""
}
