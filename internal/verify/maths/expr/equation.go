package expr

import (
	"hash/fnv"
	"math/big"
	"math/rand/v2"
	"slices"
)

// Order compares two numbers without variables; known is false where that
// cannot be proven. ±∞ is beyond every number.
func Order(a, b *Node) (sign int, known bool) {
	if x, y := a.plain(), b.plain(); x != nil && y != nil {
		return x.Cmp(y), true
	}
	if a.Structure() || b.Structure() || len(a.Symbols())+len(b.Symbols()) > 0 {
		return 0, false
	}
	if x, y := infinite(a), infinite(b); x != 0 || y != 0 {
		return x - y, true
	}
	if Same(a, b) == Equal {
		return 0, true
	}
	for _, prec := range []uint{lowPrec, highPrec} {
		e := newEvaluator(prec)
		x, y := e.eval(a), e.eval(b)
		if !e.ok() {
			return 0, false
		}
		if x.r != nil && y.r != nil {
			return x.r.Cmp(y.r), true
		}
		d := e.c.Sub(e.z(x), e.z(y))
		if s, known := d.Re.Sign(); e.ok() && d.Real() && known {
			return s, true
		}
	}
	return 0, false
}

// Value is the exact value of an expression without variables, nil where it has none.
func Value(n *Node) *big.Rat {
	if v := n.plain(); v != nil || n.Structure() {
		return v
	}
	e := newEvaluator(lowPrec)
	if v := e.eval(n); e.ok() {
		return v.r
	}
	return nil
}

// IsReal says that n has a real value.
func IsReal(n *Node) bool {
	if n.Structure() {
		return false
	}
	if n.plain() != nil {
		return true
	}
	e := newEvaluator(lowPrec)
	v := e.eval(n)
	return e.ok() && (v.r != nil || v.z.Real())
}

// points gives random rational points that depend on the two trees only.
func points(a, b *Node) *sampler {
	h := fnv.New64a()
	h.Write([]byte(a.String()))
	h.Write([]byte(b.String()))
	return &sampler{rnd: rand.New(rand.NewPCG(h.Sum64(), 0x51ed270b9f8c6d2a))}
}

// at is n with the variables in names at a random point.
func (n *Node) at(values map[string]*Node) *Node {
	return n.Substitute(func(m *Node) *Node {
		if m.Op == Sym {
			return values[m.Name]
		}
		return nil
	})
}

// Proportional says that one expression is the other times a constant; sign is
// the constant's, 0 where it is not known to be proportional.
func Proportional(a, b *Node) (sign int) {
	names := a.Symbols()
	if !slices.Equal(names, b.Symbols()) || len(names) == 0 {
		return 0
	}
	s := points(a, b)
	for try := range 4 {
		values := map[string]*Node{}
		for _, name := range names {
			values[name] = Number(s.fraction(try))
		}
		x, y := a.at(values), b.at(values)
		zero := Integer(0)
		sx, known := Order(x, zero)
		sy, known2 := Order(y, zero)
		if !known || !known2 || sx == 0 || sy == 0 {
			continue
		}
		if Same(&Node{Op: Mul, Args: []*Node{a, y}}, &Node{Op: Mul, Args: []*Node{b, x}}) == Equal {
			return sx * sy
		}
		return 0
	}
	return 0
}

// Apart says that a = 0 and b = 0 have different solutions: a point on one
// that is proven to be off the other.
func Apart(a, b *Node) bool {
	names := a.Symbols()
	if !slices.Equal(names, b.Symbols()) || len(names) == 0 || len(names) > 6 {
		return false
	}
	return off(a, b, names) || off(b, a, names)
}

// off looks for a point on a = 0 with b not 0, where a has degree 1 or 2 in a variable.
func off(a, b *Node, names []string) bool {
	s := points(a, b)
	tries := 24
	if a.Size()+b.Size() > 100 {
		tries = 2
	}
	for _, v := range names {
		for try := range tries {
			values := map[string]*Node{}
			for _, name := range names {
				if name != v {
					values[name] = Number(s.signed(try + 1))
				}
			}
			line, other := a.at(values), b.at(values)
			if try == 0 && !polynomial(line, v) {
				break
			}
			for _, root := range roots(line, v) {
				at := map[string]*Node{v: root}
				e := newEvaluator(lowPrec)
				y := e.eval(other.at(at))
				if !e.ok() {
					continue
				}
				if y.r != nil && y.r.Sign() != 0 || y.r == nil && y.z.Real() && y.z.NonZero() {
					return true
				}
			}
		}
	}
	return false
}

// roots solves n = 0 for v, where n is a polynomial of degree 1 or 2 with
// rational coefficients.
func roots(n *Node, v string) []*Node {
	var f [5]*big.Rat
	for i := range f {
		if f[i] = Value(n.at(map[string]*Node{v: Integer(int64(i))})); f[i] == nil {
			return nil
		}
	}
	sub := func(a, b *big.Rat) *big.Rat { return new(big.Rat).Sub(a, b) }
	d1, d2, d3, d4 := sub(f[1], f[0]), sub(f[2], f[1]), sub(f[3], f[2]), sub(f[4], f[3])
	e1, e2, e3 := sub(d2, d1), sub(d3, d2), sub(d4, d3)
	if e1.Cmp(e2) != 0 || e2.Cmp(e3) != 0 || !polynomial(n, v) {
		return nil
	}
	a := new(big.Rat).Mul(e1, big.NewRat(1, 2))
	b := sub(d1, a)
	c := f[0]
	if a.Sign() == 0 {
		if b.Sign() == 0 {
			return nil
		}
		r := new(big.Rat).Quo(c, b)
		return []*Node{Number(r.Neg(r))}
	}
	disc := new(big.Rat).Mul(b, b)
	disc.Sub(disc, new(big.Rat).Mul(big.NewRat(4, 1), new(big.Rat).Mul(a, c)))
	if disc.Sign() < 0 {
		return nil
	}
	root := &Node{Op: Root, Args: []*Node{Number(disc), Integer(2)}}
	low := Number(new(big.Rat).Neg(b))
	top := []*Node{{Op: Add, Args: []*Node{low, root}}, Minus(low, root)}
	twice := Number(new(big.Rat).Mul(a, big.NewRat(2, 1)))
	for i := range top {
		top[i] = &Node{Op: Div, Args: []*Node{top[i], twice}}
	}
	return top
}

// polynomial says that n is a polynomial in v of a low degree, as written.
func polynomial(n *Node, v string) bool { d := degree(n, v); return d >= 0 && d <= 4 }

// degree bounds the degree of n in v, -1 where n may be no polynomial.
func degree(n *Node, v string) int {
	switch n.Op {
	case Sym:
		if n.Name == v {
			return 1
		}
		return 0
	case Add, Mul:
		most, sum := 0, 0
		for _, a := range n.Args {
			d := degree(a, v)
			if d < 0 {
				return -1
			}
			most, sum = max(most, d), sum+d
		}
		if n.Op == Mul {
			return sum
		}
		return most
	case Neg:
		return degree(n.Args[0], v)
	case Div:
		if degree(n.Args[1], v) != 0 {
			return -1
		}
		return degree(n.Args[0], v)
	case Pow:
		k, ok := n.Args[1].integer()
		d := degree(n.Args[0], v)
		if !ok || k < 0 || k > 4 || d < 0 {
			if d == 0 && degree(n.Args[1], v) == 0 {
				return 0
			}
			return -1
		}
		return d * k
	}
	if slices.Contains(n.Symbols(), v) {
		return -1
	}
	return 0
}

// Vanishes says that n = 0 has a solution that is found at once, and that n
// changes its sign there: of degree 1 in a variable.
func Vanishes(n *Node) bool {
	names := n.Symbols()
	s := points(n, n)
	for _, v := range names {
		values := map[string]*Node{}
		for _, name := range names {
			if name != v {
				values[name] = Number(s.signed(1))
			}
		}
		if len(roots(n.at(values), v)) == 1 {
			return true
		}
	}
	return false
}
