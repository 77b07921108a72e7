package expr

import (
	"math"
	"math/big"

	"github.com/r1ctl/r1ctl/internal/verify/maths/ball"
)

// Limits of what is computed.
const (
	maxBits  = 1 << 14 // of an exact number; beyond, it becomes an enclosure
	maxFact  = 1000
	maxSteps = 5000
)

// value is exact where r is there, else an enclosure.
type value struct {
	r *big.Rat
	z ball.Complex
}

// evaluator computes the value of a tree at one point.
type evaluator struct {
	c     *ball.Ctx
	names []string
	point []*big.Rat
	// natural says that log without a base is to base e, not 10.
	natural bool
	// low and high bound the exponents of what was met on the way.
	low, high float64
}

func newEvaluator(prec uint) *evaluator {
	return &evaluator{c: ball.New(prec, maxSteps), low: math.Inf(1), high: math.Inf(-1)}
}

func (e *evaluator) ok() bool { return e.c.OK }

func (e *evaluator) fail() value {
	e.c.OK = false
	return value{r: new(big.Rat)}
}

func (e *evaluator) z(v value) ball.Complex {
	if v.r != nil {
		return e.c.Number(v.r)
	}
	return v.z
}

// exact keeps a rational number while it is small enough.
func (e *evaluator) exact(r *big.Rat) value {
	bits := r.Num().BitLen() + r.Denom().BitLen()
	e.c.Left -= bits / 64
	if bits > maxBits {
		return e.seen(e.c.Number(r))
	}
	return value{r: r}
}

func (e *evaluator) seen(z ball.Complex) value {
	if z.NonZero() {
		b := z.Bound()
		e.low, e.high = min(e.low, b), max(e.high, b)
	}
	return value{z: z}
}

func (e *evaluator) eval(n *Node) value {
	if e.c.Left--; e.c.Left < 0 || !e.c.OK {
		return e.fail()
	}
	switch n.Op {
	case Num:
		return value{r: n.Val}
	case Sym:
		for i, name := range e.names {
			if name == n.Name {
				return value{r: e.point[i]}
			}
		}
		return e.fail()
	case Const:
		switch n.Name {
		case "pi":
			return value{z: e.c.PiC()}
		case "e":
			return value{z: e.c.Exp(e.c.Number(big.NewRat(1, 1)))}
		case "i":
			return value{z: e.c.I()}
		}
		return e.fail()
	case Add, Mul:
		return e.fold(n)
	case Div:
		return e.quo(e.eval(n.Args[0]), e.eval(n.Args[1]))
	case Neg:
		v := e.eval(n.Args[0])
		if v.r != nil {
			return value{r: new(big.Rat).Neg(v.r)}
		}
		return value{z: e.c.Neg(v.z)}
	case Percent:
		return e.quo(e.eval(n.Args[0]), value{r: big.NewRat(100, 1)})
	case Degree:
		v := e.eval(n.Args[0])
		if v.r != nil && v.r.Sign() == 0 {
			return v
		}
		return e.seen(e.c.Mul(e.z(v), e.c.Quo(e.c.PiC(), e.c.Number(big.NewRat(180, 1)))))
	case Pow:
		return e.pow(n)
	case Root:
		return e.root(e.eval(n.Args[0]), e.eval(n.Args[1]))
	case Abs:
		v := e.eval(n.Args[0])
		if v.r != nil {
			return value{r: new(big.Rat).Abs(v.r)}
		}
		return value{z: ball.OfReal(e.c.Abs(v.z))}
	case Func:
		return e.call(n)
	case Fact:
		if v, ok := e.integer(n.Args[0]); ok && v >= 0 && v <= maxFact {
			e.c.Left -= int(v) / 8
			return value{r: new(big.Rat).SetInt(new(big.Int).MulRange(1, v))}
		}
	case Binom:
		a, ok := e.integer(n.Args[0])
		b, ok2 := e.integer(n.Args[1])
		if ok && ok2 && a >= 0 && a <= maxFact && b >= 0 {
			e.c.Left -= int(a) / 2
			return value{r: new(big.Rat).SetInt(new(big.Int).Binomial(a, b))}
		}
	}
	return e.fail()
}

func (e *evaluator) integer(n *Node) (int64, bool) {
	v := e.eval(n)
	if !e.ok() || v.r == nil || !v.r.IsInt() || !v.r.Num().IsInt64() {
		return 0, false
	}
	return v.r.Num().Int64(), true
}

func (e *evaluator) fold(n *Node) value {
	out := e.eval(n.Args[0])
	for _, a := range n.Args[1:] {
		v := e.eval(a)
		if !e.ok() {
			return e.fail()
		}
		switch {
		case out.r != nil && v.r != nil && n.Op == Add:
			out = e.exact(new(big.Rat).Add(out.r, v.r))
		case out.r != nil && v.r != nil:
			out = e.exact(new(big.Rat).Mul(out.r, v.r))
		case n.Op == Add:
			out = e.seen(e.c.Add(e.z(out), e.z(v)))
		default:
			out = e.seen(e.c.Mul(e.z(out), e.z(v)))
		}
	}
	return out
}

func (e *evaluator) quo(a, b value) value {
	if !e.ok() || b.r != nil && b.r.Sign() == 0 {
		return e.fail()
	}
	if a.r != nil && b.r != nil {
		return e.exact(new(big.Rat).Quo(a.r, b.r))
	}
	return e.seen(e.c.Quo(e.z(a), e.z(b)))
}

func (e *evaluator) pow(n *Node) value {
	x := e.eval(n.Args[1])
	if base := n.Args[0]; base.Op == Const && base.Name == "e" {
		if !e.ok() {
			return e.fail()
		}
		return e.seen(e.c.Exp(e.z(x)))
	}
	b := e.eval(n.Args[0])
	if !e.ok() {
		return e.fail()
	}
	switch {
	case x.r != nil && x.r.IsInt():
		return e.powInt(b, x.r.Num())
	case x.r != nil && x.r.Denom().IsInt64() && x.r.Denom().Int64() <= 1000:
		k := x.r.Denom()
		if k.Int64() != 2 && !e.positive(b) { // (-8)^{1/3} has two readings
			return e.fail()
		}
		if b.r != nil && b.r.Sign() == 0 && x.r.Sign() > 0 {
			return b
		}
		return e.powInt(e.root(b, value{r: new(big.Rat).SetInt(k)}), x.r.Num())
	case e.positive(b):
		return e.seen(e.c.Exp(e.c.Mul(e.z(x), e.c.Ln(e.z(b)))))
	}
	return e.fail()
}

func (e *evaluator) positive(v value) bool {
	if v.r != nil {
		return v.r.Sign() > 0
	}
	s, known := v.z.Re.Sign()
	return v.z.Real() && known && s > 0
}

func (e *evaluator) powInt(b value, n *big.Int) value {
	if !e.ok() || !n.IsInt64() || n.BitLen() > 31 {
		return e.fail()
	}
	k := n.Int64()
	if b.r == nil {
		return e.seen(e.c.PowInt(b.z, k))
	}
	if b.r.Sign() == 0 {
		if k <= 0 {
			return e.fail()
		}
		return b
	}
	size := k
	if k < 0 {
		size = -k
	}
	if int64(b.r.Num().BitLen()+b.r.Denom().BitLen())*size > maxBits && b.r.Cmp(big.NewRat(1, 1)) != 0 && b.r.Cmp(big.NewRat(-1, 1)) != 0 {
		return e.seen(e.c.PowInt(e.c.Number(b.r), k))
	}
	if b.r.IsInt() && b.r.Num().IsInt64() && (b.r.Num().Int64() == 1 || b.r.Num().Int64() == -1) {
		size %= 2
	}
	num := new(big.Int).Exp(b.r.Num(), big.NewInt(size), nil)
	den := new(big.Int).Exp(b.r.Denom(), big.NewInt(size), nil)
	if k < 0 {
		num, den = den, num
	}
	e.c.Left -= (num.BitLen() + den.BitLen()) / 64
	return value{r: new(big.Rat).SetFrac(num, den)}
}

// root is the real root of degree k, or the principal square root.
func (e *evaluator) root(v, degree value) value {
	if !e.ok() || degree.r == nil || !degree.r.IsInt() || !degree.r.Num().IsInt64() {
		return e.fail()
	}
	k := degree.r.Num().Int64()
	if k < 2 || k > 1000 {
		return e.fail()
	}
	if v.r != nil {
		if r := exactRoot(v.r, k); r != nil {
			return value{r: r}
		}
	}
	z := e.z(v)
	if k == 2 {
		return e.seen(e.c.Sqrt(z))
	}
	s, known := z.Re.Sign()
	if !known || !z.Real() || s < 0 && k%2 == 0 {
		return e.fail()
	}
	if s < 0 {
		z = e.c.Neg(z)
	}
	out := e.c.Exp(e.c.Mul(e.c.Number(big.NewRat(1, k)), e.c.Ln(z)))
	if s < 0 {
		out = e.c.Neg(out)
	}
	return e.seen(out)
}

// exactRoot is the rational root, nil where there is none or it is not looked for.
func exactRoot(r *big.Rat, k int64) *big.Rat {
	if r.Sign() == 0 {
		return r
	}
	if r.Sign() < 0 && k%2 == 0 || k > 2 && r.Num().BitLen()+r.Denom().BitLen() > 512 {
		return nil
	}
	num := intRoot(new(big.Int).Abs(r.Num()), k)
	if num == nil {
		return nil
	}
	den := intRoot(r.Denom(), k)
	if den == nil {
		return nil
	}
	if r.Sign() < 0 {
		num.Neg(num)
	}
	return new(big.Rat).SetFrac(num, den)
}

// intRoot is the k-th root of n > 0, nil where it is no integer.
func intRoot(n *big.Int, k int64) *big.Int {
	if k == 2 {
		x := new(big.Int).Sqrt(n)
		if new(big.Int).Mul(x, x).Cmp(n) == 0 {
			return x
		}
		return nil
	}
	if n.BitLen() == 1 {
		return big.NewInt(1)
	}
	if int64(n.BitLen()) <= k {
		return nil
	}
	low, high := big.NewInt(1), new(big.Int).Lsh(big.NewInt(1), uint(int64(n.BitLen())/k+1))
	exp := big.NewInt(k)
	for low.Cmp(high) < 0 {
		mid := new(big.Int).Add(low, high)
		mid.Rsh(mid, 1)
		switch new(big.Int).Exp(mid, exp, nil).Cmp(n) {
		case 0:
			return mid
		case -1:
			low = mid.Add(mid, big.NewInt(1))
		default:
			high = mid
		}
	}
	if new(big.Int).Exp(low, exp, nil).Cmp(n) == 0 {
		return low
	}
	return nil
}
