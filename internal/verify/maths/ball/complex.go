package ball

import (
	"math"
	"math/big"
)

// Complex is an enclosure of a complex number.
type Complex struct{ Re, Im Real }

func zero() Real { return Real{new(big.Float), math.Inf(-1)} }

// OfReal has no imaginary part.
func OfReal(x Real) Complex { return Complex{x, zero()} }

// Real says that the imaginary part is exactly zero.
func (z Complex) Real() bool { return z.Im.Zero() }

// Number is a rational number.
func (c *Ctx) Number(r *big.Rat) Complex { return OfReal(c.Rat(r)) }

// I is the imaginary unit.
func (c *Ctx) I() Complex { return Complex{zero(), c.Rat(big.NewRat(1, 1))} }

// Add is a+b.
func (c *Ctx) Add(a, b Complex) Complex {
	if a.Real() && b.Real() {
		return OfReal(c.add(a.Re, b.Re))
	}
	return Complex{c.add(a.Re, b.Re), c.add(a.Im, b.Im)}
}

// Neg is -a.
func (c *Ctx) Neg(a Complex) Complex { return Complex{neg(a.Re), neg(a.Im)} }

// Sub is a-b.
func (c *Ctx) Sub(a, b Complex) Complex { return c.Add(a, c.Neg(b)) }

// Mul is a·b.
func (c *Ctx) Mul(a, b Complex) Complex {
	if a.Real() && b.Real() {
		return OfReal(c.mul(a.Re, b.Re))
	}
	return Complex{
		c.sub(c.mul(a.Re, b.Re), c.mul(a.Im, b.Im)),
		c.add(c.mul(a.Re, b.Im), c.mul(a.Im, b.Re)),
	}
}

// Quo is a/b.
func (c *Ctx) Quo(a, b Complex) Complex {
	if b.Real() {
		if a.Real() {
			return OfReal(c.quo(a.Re, b.Re))
		}
		return Complex{c.quo(a.Re, b.Re), c.quo(a.Im, b.Re)}
	}
	norm := c.add(c.mul(b.Re, b.Re), c.mul(b.Im, b.Im))
	top := c.Mul(a, Complex{b.Re, neg(b.Im)})
	return Complex{c.quo(top.Re, norm), c.quo(top.Im, norm)}
}

// Differ says that a and b cannot be equal.
func (c *Ctx) Differ(a, b Complex) bool {
	d := c.Sub(a, b)
	if !c.OK {
		return false
	}
	return d.NonZero()
}

// NonZero says that the enclosure has no zero in it.
func (z Complex) NonZero() bool {
	s, known := z.Re.Sign()
	t, known2 := z.Im.Sign()
	return known && s != 0 || known2 && t != 0
}

// Bound is the base-2 logarithm of a bound of |z|.
func (z Complex) Bound() float64 { return plus(z.Re.Bound(), z.Im.Bound()) }

// Radius is the base-2 logarithm of how far off z may be.
func (z Complex) Radius() float64 { return plus(z.Re.R, z.Im.R) }

// Abs is |a|.
func (c *Ctx) Abs(a Complex) Real {
	if a.Real() {
		s, known := a.Re.Sign()
		if !known {
			return c.fail()
		}
		if s < 0 {
			return neg(a.Re)
		}
		return a.Re
	}
	return c.sqrt(c.add(c.mul(a.Re, a.Re), c.mul(a.Im, a.Im)))
}

// Exp is e^a.
func (c *Ctx) Exp(a Complex) Complex {
	r := c.exp(a.Re)
	if a.Real() {
		return OfReal(r)
	}
	s, co := c.sincos(a.Im)
	return Complex{c.mul(r, co), c.mul(r, s)}
}

// Arg is the angle of a, in (-π, π].
func (c *Ctx) Arg(a Complex) Real {
	s, known := a.Re.Sign()
	t, known2 := a.Im.Sign()
	switch {
	case known && s > 0:
		return c.atan(c.quo(a.Im, a.Re))
	case known2 && t != 0:
		half := c.mul(c.Pi(), c.Rat(big.NewRat(int64(t), 2)))
		return c.sub(half, c.atan(c.quo(a.Re, a.Im)))
	case known && s < 0 && a.Real():
		return c.Pi()
	}
	return c.fail()
}

// Ln is the principal logarithm.
func (c *Ctx) Ln(a Complex) Complex {
	if a.Real() {
		if s, known := a.Re.Sign(); known && s > 0 {
			return OfReal(c.ln(a.Re))
		}
	}
	return Complex{c.ln(c.Abs(a)), c.Arg(a)}
}

// Sqrt is the principal square root.
func (c *Ctx) Sqrt(a Complex) Complex {
	if a.Real() {
		if a.Re.Zero() {
			return a
		}
		s, known := a.Re.Sign()
		switch {
		case known && s > 0:
			return OfReal(c.sqrt(a.Re))
		case known:
			return Complex{zero(), c.sqrt(neg(a.Re))}
		}
		r := Real{new(big.Float), a.Re.Bound() / 2} // near zero, on either side
		return Complex{r, r}
	}
	return c.Exp(c.Mul(c.Number(big.NewRat(1, 2)), c.Ln(a)))
}

// PowInt is a^n.
func (c *Ctx) PowInt(a Complex, n int64) Complex {
	if n < 0 {
		return c.Quo(c.Number(big.NewRat(1, 1)), c.PowInt(a, -n))
	}
	out := c.Number(big.NewRat(1, 1))
	for ; n > 0 && c.OK; n >>= 1 {
		if n&1 == 1 {
			out = c.Mul(out, a)
		}
		if n > 1 {
			a = c.Mul(a, a)
		}
	}
	return out
}

// SinCos are the sine and the cosine.
func (c *Ctx) SinCos(a Complex) (sin, cos Complex) {
	if a.Real() {
		s, co := c.sincos(a.Re)
		return OfReal(s), OfReal(co)
	}
	i := c.I()
	up, down := c.Exp(c.Mul(i, a)), c.Exp(c.Neg(c.Mul(i, a)))
	two := c.Number(big.NewRat(2, 1))
	return c.Quo(c.Sub(up, down), c.Mul(two, i)), c.Quo(c.Add(up, down), two)
}

// Atan is the arc tangent of a real number.
func (c *Ctx) Atan(a Complex) Complex {
	if !a.Real() {
		return OfReal(c.fail())
	}
	return OfReal(c.atan(a.Re))
}

// PiC is π.
func (c *Ctx) PiC() Complex { return OfReal(c.Pi()) }

// Floor is the integral part of a real number, if the enclosure has one only.
func (c *Ctx) Floor(a Complex) *big.Int {
	if !a.Real() || a.Re.R > 0 || a.Re.Bound() > 4096 {
		c.fail()
		return new(big.Int)
	}
	r := new(big.Float).SetMantExp(big.NewFloat(1), int(math.Max(math.Ceil(a.Re.R), -1<<20)))
	p := c.prec + 4096
	low, high := floor(at(p).Sub(a.Re.M, r)), floor(at(p).Add(a.Re.M, r))
	if low.Cmp(high) != 0 {
		c.fail()
	}
	return low
}

func floor(f *big.Float) *big.Int {
	n, acc := f.Int(nil)
	if acc == big.Above {
		n.Sub(n, big.NewInt(1))
	}
	return n
}
