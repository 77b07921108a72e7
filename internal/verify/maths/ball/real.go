package ball

import (
	"math"
	"math/big"
)

// Real is an enclosure of a real number: within 2^R of M.
type Real struct {
	M *big.Float
	R float64 // base-2 logarithm of the radius; -Inf where M is exact
}

// Ctx computes to a precision. It fails for good once something cannot be enclosed.
type Ctx struct {
	OK   bool
	Left int // operations that may still be done

	prec    uint
	pi, ln2 *big.Float // to prec and a margin, once needed
}

// New makes a context that computes to prec bits and at most steps operations.
func New(prec uint, steps int) *Ctx { return &Ctx{OK: true, Left: steps, prec: prec} }

const (
	slack   = 1e-6    // for the rounding of radii
	maxExp  = 1 << 26 // of a value, base 2
	maxTrig = 1 << 12 // bits of an angle
)

func (c *Ctx) fail() Real {
	c.OK = false
	return Real{new(big.Float), math.Inf(-1)}
}

// Prec is the precision in bits.
func (c *Ctx) Prec() uint { return c.prec }

func (c *Ctx) step() bool {
	if c.Left--; c.Left < 0 {
		c.OK = false
	}
	return c.OK
}

func (c *Ctx) float() *big.Float { return new(big.Float).SetPrec(c.prec) }

// exp2 is the exponent e of |f| < 2^e, -Inf for zero.
func exp2(f *big.Float) float64 {
	if f.Sign() == 0 {
		return math.Inf(-1)
	}
	return float64(f.MantExp(nil))
}

// plus bounds log2(2^x + 2^y).
func plus(x, y float64) float64 {
	if x < y {
		x, y = y, x
	}
	if math.IsInf(x, -1) {
		return x
	}
	d := y - x
	if d < -40 {
		return x + slack
	}
	return x + math.Log2(1+math.Exp2(d)) + slack
}

// round adds the error of rounding m to the precision.
func (c *Ctx) round(m *big.Float, r float64) Real {
	e := exp2(m)
	if e > maxExp || m.IsInf() {
		return c.fail()
	}
	if e < -maxExp && !math.IsInf(e, -1) {
		return c.fail()
	}
	if m.Acc() == big.Exact {
		return Real{m, r}
	}
	return Real{m, plus(r, e-float64(c.prec))}
}

// within makes a result that was computed to a margin beyond the precision.
func (c *Ctx) within(m *big.Float, r float64) Real {
	out := c.float().Set(m)
	e := exp2(out)
	if e > maxExp {
		return c.fail()
	}
	return Real{out, plus(r, e-float64(c.prec)+1)}
}

// Rat encloses a rational number.
func (c *Ctx) Rat(r *big.Rat) Real {
	if r.IsInt() && r.Num().BitLen() <= int(c.prec) {
		return Real{c.float().SetInt(r.Num()), math.Inf(-1)}
	}
	return c.round(c.float().SetRat(r), math.Inf(-1))
}

// Sign is the sign of x; known is false where the enclosure has zero in it
// without being zero.
func (x Real) Sign() (sign int, known bool) {
	if math.IsInf(x.R, -1) {
		return x.M.Sign(), true
	}
	if x.M.Sign() != 0 && x.R <= exp2(x.M)-2 {
		return x.M.Sign(), true
	}
	return 0, false
}

// Zero says that x is exactly zero.
func (x Real) Zero() bool { return x.M.Sign() == 0 && math.IsInf(x.R, -1) }

// Bound is the base-2 logarithm of a bound of |x|.
func (x Real) Bound() float64 { return plus(exp2(x.M), x.R) }

func (c *Ctx) add(a, b Real) Real {
	if !c.step() {
		return c.fail()
	}
	return c.round(c.float().Add(a.M, b.M), plus(a.R, b.R))
}

func neg(a Real) Real { return Real{new(big.Float).Neg(a.M), a.R} }

func (c *Ctx) sub(a, b Real) Real { return c.add(a, neg(b)) }

func (c *Ctx) mul(a, b Real) Real {
	if !c.step() {
		return c.fail()
	}
	if a.Zero() || b.Zero() {
		return Real{c.float(), math.Inf(-1)}
	}
	r := plus(plus(exp2(a.M)+b.R, exp2(b.M)+a.R), a.R+b.R)
	if math.IsNaN(r) {
		r = math.Inf(-1)
	}
	return c.round(c.float().Mul(a.M, b.M), r)
}

func (c *Ctx) quo(a, b Real) Real {
	if s, known := b.Sign(); !known || s == 0 || !c.step() {
		return c.fail()
	}
	eb := exp2(b.M)
	r := math.Inf(-1)
	if ea := exp2(a.M); !math.IsInf(ea, -1) && !math.IsInf(b.R, -1) {
		r = ea + b.R
	}
	if !math.IsInf(a.R, -1) {
		r = plus(r, eb+a.R)
	}
	return c.round(c.float().Quo(a.M, b.M), r-(eb-1)-(eb-2))
}

// sqrt of what is known to be no less than zero.
func (c *Ctx) sqrt(a Real) Real {
	if a.Zero() {
		return a
	}
	if s, known := a.Sign(); !known || s < 0 || !c.step() {
		return c.fail()
	}
	return c.within(c.float().Sqrt(a.M), a.R-(exp2(a.M)-2)/2) // its accuracy is not told
}
