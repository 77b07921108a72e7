package expr

import (
	"hash/fnv"
	"math"
	"math/big"
	"math/rand/v2"
	"slices"
)

// Verdict is what is proven of two expressions.
type Verdict uint8

// The verdicts.
const (
	Undecided Verdict = iota
	Equal
	Unequal
)

// Precisions, in bits, and how far below the values a difference must stay to
// count as none.
const (
	lowPrec  = 192
	highPrec = 1024
	lost     = 100
	maxSpan  = 400 // between the exponents met on the way
)

// Alike says that two trees are the same.
func Alike(a, b *Node) bool {
	if a.Op != b.Op || a.Name != b.Name || len(a.Args) != len(b.Args) || a.Rows != b.Rows || !slices.Equal(a.Ops, b.Ops) {
		return false
	}
	if a.Op == Num && a.Val.Cmp(b.Val) != 0 || a.Op == Quantity && (!a.Unit.Same(b.Unit) || a.Unit.Factor.Cmp(b.Unit.Factor) != 0) {
		return false
	}
	for i := range a.Args {
		if !Alike(a.Args[i], b.Args[i]) {
			return false
		}
	}
	return true
}

// Same tells whether two expressions are equal: for all values of their
// variables where both are defined and real.
func Same(a, b *Node) Verdict {
	if a.Op == Num && b.Op == Num {
		return sameRat(a.Val, b.Val)
	}
	if x, y := a.plain(), b.plain(); x != nil && y != nil {
		if x.Cmp(y) == 0 {
			return Equal
		}
		return rounded(a, b, math.NaN(), 0, value{r: x}, value{r: y})
	}
	if Alike(a, b) {
		return Equal
	}
	if a.Structure() || b.Structure() {
		return Undecided
	}
	v := same(a, b, false)
	log := func(n *Node) bool { return n.Op == Func && n.Name == "log" }
	if v != Undecided && (a.Has(log) || b.Has(log)) && same(a, b, true) != v {
		return Undecided // it depends on the base
	}
	return v
}

// plain is the value of what needs no algebra: a literal, a fraction of such, a
// mixed number, with a sign; nil of all else.
func (n *Node) plain() *big.Rat {
	switch n.Op {
	case Num:
		return n.Val
	case Neg:
		if v := n.Args[0].plain(); v != nil {
			return new(big.Rat).Neg(v)
		}
	case Div:
		if a, b := n.Args[0].plain(), n.Args[1].plain(); a != nil && b != nil && b.Sign() != 0 && (a.Num().BitLen()+b.Num().BitLen()) < maxBits {
			return new(big.Rat).Quo(a, b)
		}
	case Percent:
		if v := n.Args[0].plain(); v != nil {
			return new(big.Rat).Quo(v, big.NewRat(100, 1))
		}
	case Add:
		if n.Grouped {
			if a, b := n.Args[0].plain(), n.Args[1].plain(); a != nil && b != nil {
				return new(big.Rat).Add(a, b)
			}
		}
	}
	return nil
}

func sameRat(a, b *big.Rat) Verdict {
	if a.Cmp(b) == 0 {
		return Equal
	}
	return Unequal
}

func same(a, b *Node, natural bool) Verdict {
	if x, y := infinite(a), infinite(b); x != 0 || y != 0 {
		return sameInfinite(a, b, x, y)
	}
	sa, sb := a.Symbols(), b.Symbols()
	if len(sa) == 0 && len(sb) == 0 {
		return sameNumber(a, b, natural)
	}
	v := sameFunction(a, b, sa, sb, natural)
	if v == Equal && !slices.Equal(sa, sb) && (slices.Contains(sa, "d") || slices.Contains(sb, "d")) {
		return Undecided // dy/dx is not y/x
	}
	if v != Unequal || slices.Equal(sa, sb) {
		return v
	}
	if len(sa) > 0 && len(sb) > 0 || mayBeUnit(a) || mayBeUnit(b) {
		return Undecided // other names for one thing, or a unit
	}
	return v
}

// mayBeUnit: 5m, 12K, 10 m/s and whatever else has no sum and no function.
func mayBeUnit(n *Node) bool {
	switch n.Op {
	case Sym:
		return true
	case Mul, Div, Pow, Neg:
		return len(n.Symbols()) > 0 && !n.Has(func(m *Node) bool { return m.Op == Add || m.Op == Func || m.Op == Root || m.Op == Abs })
	}
	return false
}

// infinite is the sign of ±∞, 0 for all else.
func infinite(n *Node) int {
	switch {
	case n.Op == Const && n.Name == "inf":
		return 1
	case n.Op == Neg:
		return -infinite(n.Args[0])
	}
	return 0
}

// sameInfinite: ∞ differs from -∞ and from every number.
func sameInfinite(a, b *Node, x, y int) Verdict {
	if x == y {
		return Equal
	}
	if x != 0 && y != 0 {
		return Unequal
	}
	if x != 0 {
		a = b
	}
	if e := newEvaluator(lowPrec); len(a.Symbols()) == 0 {
		if e.eval(a); e.ok() {
			return Unequal
		}
	}
	return Undecided
}

// sameNumber compares without variables: exactly, or by enclosures of two
// precisions, which must both say that nothing is left between the values.
func sameNumber(a, b *Node, natural bool) Verdict {
	for _, prec := range []uint{lowPrec, highPrec} {
		e := newEvaluator(prec)
		e.natural = natural
		x, y := e.eval(a), e.eval(b)
		if !e.ok() {
			return Undecided
		}
		if x.r != nil && y.r != nil {
			if x.r.Cmp(y.r) == 0 {
				return Equal
			}
			return rounded(a, b, math.NaN(), 0, x, y)
		}
		d := e.c.Sub(e.z(x), e.z(y))
		scale := max(e.z(x).Bound(), e.z(y).Bound())
		if !e.ok() {
			return Undecided
		}
		if d.NonZero() {
			return rounded(a, b, d.Bound(), scale, x, y)
		}
		if prec != highPrec {
			continue
		}
		tiny := d.Bound() <= min(scale, max(e.low, -maxSpan))-highPrec+2*lost ||
			scale <= -highPrec+2*lost // both are zero
		if tiny && e.high-e.low < maxSpan {
			return Equal
		}
	}
	return Undecided
}

// rounded: numbers that differ, of which one is a decimal that the other may
// have been rounded to.
func rounded(a, b *Node, bound, scale float64, x, y value) Verdict {
	ka, kb := decimals(a), decimals(b)
	if (ka >= 2) == (kb >= 2) {
		return Unequal
	}
	swapped := kb >= 2
	if swapped {
		a, b, ka = b, a, kb
	}
	if terminating(b) {
		return Unequal
	}
	if x.r != nil && y.r != nil && literal(a) {
		if swapped {
			x, y = y, x
		}
		if k := new(big.Rat).Mul(y.r, new(big.Rat).SetInt(tenTo(ka))); !k.IsInt() && roundsTo(y.r, x.r, ka) {
			return Undecided
		}
		return Unequal
	}
	if math.IsNaN(bound) {
		f, _ := new(big.Rat).Sub(x.r, y.r).Float64()
		g, _ := x.r.Float64()
		bound, scale = math.Log2(math.Abs(f)), math.Log2(math.Abs(g))
	}
	if literal(a) {
		if bound <= -float64(ka)*math.Log2(10)+0.001 {
			return Undecided
		}
		return Unequal
	}
	if bound <= scale-5 {
		return Undecided
	}
	return Unequal
}

// decimals is the most digits after a point in a tree.
func decimals(n *Node) int {
	most := 0
	n.Has(func(m *Node) bool {
		if m.Op == Num {
			most = max(most, m.Decimals)
		}
		if m.Op == Percent && m.Args[0].Op == Num {
			most = max(most, m.Args[0].Decimals+2)
		}
		return false
	})
	return most
}

func literal(n *Node) bool {
	for n.Op == Neg || n.Op == Percent {
		n = n.Args[0]
	}
	return n.Op == Num
}

// terminating: made of decimals and integers by what keeps them exact.
func terminating(n *Node) bool {
	switch n.Op {
	case Num:
		return true
	case Neg, Percent, Add, Mul:
		for _, a := range n.Args {
			if !terminating(a) {
				return false
			}
		}
		return true
	}
	return false
}

// roundsTo says that x, cut or rounded to k digits after the point, is the decimal d.
func roundsTo(x, d *big.Rat, k int) bool {
	ten := new(big.Rat).SetInt(tenTo(k))
	scaled := new(big.Rat).Mul(x, ten)
	gap := scaled.Sub(scaled, new(big.Rat).Mul(d, ten))
	gap.Abs(gap)
	cut := new(big.Rat).Abs(d).Cmp(new(big.Rat).Abs(x)) < 0 && gap.Cmp(big.NewRat(1, 1)) < 0
	return cut || gap.Cmp(big.NewRat(1, 2)) <= 0
}

// tally counts what the points of one kind say.
type tally struct{ valid, differ, far int }

// sameFunction compares at random points: fractions above zero, integers, and
// fractions of either sign.
func sameFunction(a, b *Node, sa, sb []string, natural bool) Verdict {
	names := slices.Compact(slices.Sorted(slices.Values(append(slices.Clone(sa), sb...))))
	if len(names) > 40 {
		return Undecided
	}
	h := fnv.New64a()
	h.Write([]byte(a.String()))
	h.Write([]byte(b.String()))
	s := sampler{rnd: rand.New(rand.NewPCG(h.Sum64(), 0x9e3779b97f4a7c15)), names: names, a: a, b: b, natural: natural, budget: 40}
	s.imaginary = a.Has(isI) || b.Has(isI)
	s.rounds = (decimals(a) >= 2) != (decimals(b) >= 2)
	frac, ints := s.tally(5, s.fraction), s.tally(3, s.integer)
	if frac.differ > 0 && ints.differ > 0 || frac.differ > 0 && ints.valid == 0 || ints.differ > 0 && frac.valid == 0 {
		if s.rounds && frac.far+ints.far == 0 {
			return Undecided
		}
		return Unequal
	}
	if frac.differ+ints.differ > 0 {
		return Undecided // as sin(nπ) and 0
	}
	if frac.valid == 0 && ints.valid > 0 && (a.Has(forIntegers) || b.Has(forIntegers)) {
		if more := s.tally(8, s.integer); more.differ == 0 && more.valid >= 6 {
			return Equal
		}
		return Undecided
	}
	if frac.valid < 3 {
		return Undecided
	}
	s.prec = 512
	if sure := s.tally(1, s.fraction); sure.differ > 0 {
		return Undecided
	}
	s.prec, s.oneSided = 0, 0
	if neg := s.tally(4, s.signed); neg.differ > 0 || s.oneSided > 0 {
		return Undecided // as √(x²) and x, or ln|x| and ln x
	}
	return Equal
}

func isI(n *Node) bool { return n.Op == Const && n.Name == "i" }

func forIntegers(n *Node) bool {
	return n.Op == Fact || n.Op == Binom || n.Op == Pow && len(n.Args[1].Symbols()) > 0 || n.Op == Root && len(n.Args[1].Symbols()) > 0
}
