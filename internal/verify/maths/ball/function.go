package ball

import (
	"math"
	"math/big"
)

const margin = 64 // bits beyond the precision, for the errors of a series

// cost charges for a series.
func (c *Ctx) cost() bool {
	c.Left -= 40 + int(c.prec)/8
	return c.step()
}

func at(prec uint) *big.Float { return new(big.Float).SetPrec(prec) }

func small(prec uint, n int64) *big.Float { return at(prec).SetInt64(n) }

// Pi encloses π.
func (c *Ctx) Pi() Real { return c.within(c.piTo(), exp2(big.NewFloat(4))-float64(c.prec)-margin/2) }

// piTo is π by Machin's formula, to the precision and more than a large angle needs.
func (c *Ctx) piTo() *big.Float {
	if c.pi == nil {
		p := c.prec + margin
		a := atanInverse(p, 5)
		b := atanInverse(p, 239)
		c.pi = a.Sub(a.Mul(a, small(p, 16)), b.Mul(b, small(p, 4)))
		c.Left -= int(p) / 8
	}
	return c.pi
}

// atanInverse is atan(1/n).
func atanInverse(p uint, n int64) *big.Float {
	power := at(p).Quo(small(p, 1), small(p, n))
	square := small(p, n*n)
	sum := at(p).Set(power)
	for k := int64(1); exp2(power) > -float64(p)-8; k++ {
		power.Quo(power, square)
		term := at(p).Quo(power, small(p, 2*k+1))
		if k%2 == 1 {
			term.Neg(term)
		}
		sum.Add(sum, term)
	}
	return sum
}

func (c *Ctx) ln2To() *big.Float {
	if c.ln2 == nil {
		p := c.prec + margin
		c.ln2 = atanhTwice(p, at(p).Quo(small(p, 1), small(p, 3)))
	}
	return c.ln2
}

// atanhTwice is 2 atanh z = ln((1+z)/(1-z)) for small z.
func atanhTwice(p uint, z *big.Float) *big.Float {
	square := at(p).Mul(z, z)
	power := at(p).Set(z)
	sum := at(p).Set(z)
	for k := int64(1); power.Sign() != 0 && exp2(power) > exp2(sum)-float64(p)-8; k++ {
		power.Mul(power, square)
		sum.Add(sum, at(p).Quo(power, small(p, 2*k+1)))
	}
	return sum.Mul(sum, small(p, 2))
}

// exp encloses e^x.
func (c *Ctx) exp(x Real) Real {
	if x.Zero() {
		return c.Rat(big.NewRat(1, 1))
	}
	e := exp2(x.M)
	if e > 25 || x.R > 0 || !c.cost() {
		return c.fail()
	}
	p := c.prec + margin
	k := int64(0)
	rest := at(p).Set(x.M)
	if e > -1 {
		f, _ := at(64).Quo(x.M, c.ln2To()).Float64()
		k = int64(math.Round(f))
		rest.Sub(rest, at(p).Mul(small(p, k), c.ln2To()))
	}
	const halvings = 12
	rest.SetMantExp(rest, -halvings)
	sum := small(p, 1)
	term := small(p, 1)
	for n := int64(1); n < 4000; n++ {
		term.Quo(term.Mul(term, rest), small(p, n))
		if term.Sign() == 0 || exp2(term) < -float64(p)-8 {
			break
		}
		sum.Add(sum, term)
	}
	for range halvings {
		sum.Mul(sum, sum)
	}
	sum.SetMantExp(sum, int(k))
	return c.within(sum, exp2(sum)+1+x.R)
}

// ln encloses the logarithm of what is known to be positive.
func (c *Ctx) ln(x Real) Real {
	if s, known := x.Sign(); !known || s <= 0 || !c.cost() {
		return c.fail()
	}
	p := c.prec + margin
	m := at(p)
	k := x.M.MantExp(m) // m in [1/2, 1)
	m.SetPrec(p)
	if m.Cmp(big.NewFloat(0.75)) < 0 {
		m.SetMantExp(m, 1)
		k--
	}
	const roots = 8
	for range roots {
		m.Sqrt(m)
	}
	one := small(p, 1)
	num := at(p).Sub(m, one)
	sum := at(p)
	if num.Sign() != 0 {
		sum = atanhTwice(p, num.Quo(num, at(p).Add(m, one)))
		sum.SetMantExp(sum, roots)
	}
	if k != 0 {
		sum.Add(sum, at(p).Mul(small(p, int64(k)), c.ln2To()))
	}
	r := x.R - (exp2(x.M) - 2)
	return c.within(sum, plus(r, 28-float64(p)+roots+2))
}

// sincos encloses both.
func (c *Ctx) sincos(x Real) (sin, cos Real) {
	if x.Zero() {
		return x, c.Rat(big.NewRat(1, 1))
	}
	e := exp2(x.M)
	if e > maxTrig || !c.cost() {
		return c.fail(), c.fail()
	}
	p := c.prec + margin
	rest := at(p).Set(x.M)
	quarter := int64(0)
	lost := 0.0
	if e >= 0 { // reduce by multiples of π/2
		if e > 30 {
			return c.fail(), c.fail()
		}
		half := at(p).SetMantExp(c.piTo(), -1)
		f, _ := at(64).Quo(x.M, half).Float64()
		quarter = int64(math.Round(f))
		rest.Sub(rest, at(p).Mul(small(p, quarter), half))
		lost = e + 4
	}
	s, co := at(p).Set(rest), small(p, 1)
	term := at(p).Set(rest)
	for n := int64(2); n < 4000 && term.Sign() != 0; n++ {
		term.Quo(term.Mul(term, rest), small(p, n))
		if exp2(term) < -float64(p)-8 {
			break
		}
		signed := at(p).Set(term)
		if n%4 >= 2 {
			signed.Neg(signed)
		}
		if n%2 == 0 {
			co.Add(co, signed)
		} else {
			s.Add(s, signed)
		}
	}
	switch ((quarter % 4) + 4) % 4 {
	case 1:
		s, co = co, s.Neg(s)
	case 2:
		s, co = s.Neg(s), co.Neg(co)
	case 3:
		s, co = co.Neg(co), s
	}
	r := plus(x.R, lost+8-float64(p))
	if math.IsInf(x.R, -1) && e < 0 {
		r = e + 8 - float64(p) // relative, as nothing cancels
	}
	return c.within(s, r), c.within(co, plus(r, 8-float64(p)))
}

// atan encloses the arc tangent.
func (c *Ctx) atan(x Real) Real {
	if x.Zero() {
		return x
	}
	if !c.cost() {
		return c.fail()
	}
	p := c.prec + margin
	z := at(p).Set(x.M)
	one := small(p, 1)
	const halvings = 8
	done := 0
	for ; done < halvings && exp2(z) > -6; done++ {
		root := at(p).Mul(z, z)
		root.Sqrt(root.Add(root, one))
		z.Quo(z, root.Add(root, one))
	}
	square := at(p).Mul(z, z)
	power := at(p).Set(z)
	sum := at(p).Set(z)
	for k := int64(1); power.Sign() != 0 && exp2(power) > exp2(sum)-float64(p)-8; k++ {
		power.Mul(power, square)
		term := at(p).Quo(power, small(p, 2*k+1))
		if k%2 == 1 {
			term.Neg(term)
		}
		sum.Add(sum, term)
	}
	sum.SetMantExp(sum, done)
	return c.within(sum, plus(x.R, exp2(sum)+16-float64(p)))
}
