package expr

import (
	"math/big"

	"github.com/r1ctl/r1ctl/internal/verify/maths/ball"
)

// call computes a function of one argument.
func (e *evaluator) call(n *Node) value {
	arg := n.Args[0]
	v := e.eval(arg)
	if !e.ok() {
		return e.fail()
	}
	rat := func(num, den int64) ball.Complex { return e.c.Number(big.NewRat(num, den)) }
	switch n.Name {
	case "floor", "ceil":
		return e.integral(v, n.Name == "ceil")
	case "ln", "log":
		if v.r != nil && v.r.Cmp(big.NewRat(1, 1)) == 0 {
			return value{r: new(big.Rat)}
		}
		if !e.positive(v) {
			return e.fail()
		}
		ln := e.c.Ln(e.z(v))
		if n.Name == "log" && !e.natural {
			ln = e.c.Quo(ln, e.c.Ln(rat(10, 1)))
		}
		return e.seen(ln)
	}
	z := e.z(v)
	switch n.Name {
	case "sin", "cos", "tan", "cot", "sec", "csc":
		if arg.Op == Num && arg.Val.Cmp(big.NewRat(10, 1)) >= 0 {
			return e.fail() // sin 30 may mean degrees
		}
		sin, cos := e.c.SinCos(z)
		switch n.Name {
		case "sin":
			return e.seen(sin)
		case "cos":
			return e.seen(cos)
		case "tan":
			return e.seen(e.c.Quo(sin, cos))
		case "cot":
			return e.seen(e.c.Quo(cos, sin))
		case "sec":
			return e.seen(e.c.Quo(rat(1, 1), cos))
		}
		return e.seen(e.c.Quo(rat(1, 1), sin))
	case "sinh", "cosh", "tanh":
		up, down := e.c.Exp(z), e.c.Exp(e.c.Neg(z))
		sinh, cosh := e.c.Mul(e.c.Sub(up, down), rat(1, 2)), e.c.Mul(e.c.Add(up, down), rat(1, 2))
		switch n.Name {
		case "sinh":
			return e.seen(sinh)
		case "cosh":
			return e.seen(cosh)
		}
		return e.seen(e.c.Quo(sinh, cosh))
	case "arctan":
		return e.seen(e.c.Atan(z))
	case "arcsin":
		return e.seen(e.arcsin(v))
	case "arccos":
		return e.seen(e.c.Sub(e.c.Mul(rat(1, 2), e.c.PiC()), e.arcsin(v)))
	}
	return e.fail()
}

func (e *evaluator) arcsin(v value) ball.Complex {
	one := big.NewRat(1, 1)
	if v.r != nil && new(big.Rat).Abs(v.r).Cmp(one) == 0 {
		return e.c.Mul(e.c.Number(new(big.Rat).Mul(v.r, big.NewRat(1, 2))), e.c.PiC())
	}
	z := e.z(v)
	rest := e.c.Sub(e.c.Number(one), e.c.Mul(z, z))
	if !e.positive(value{z: rest}) || !z.Real() {
		return e.fail().z
	}
	return e.c.Atan(e.c.Quo(z, e.c.Sqrt(rest)))
}

func (e *evaluator) integral(v value, up bool) value {
	sign := int64(1)
	if up { // ⌈x⌉ = -⌊-x⌋
		sign = -1
	}
	var floor *big.Int
	if v.r != nil {
		r := new(big.Rat).Mul(v.r, big.NewRat(sign, 1))
		floor = new(big.Int).Div(r.Num(), r.Denom())
	} else {
		z := v.z
		if up {
			z = e.c.Neg(z)
		}
		floor = e.c.Floor(z)
	}
	return value{r: new(big.Rat).SetInt(floor.Mul(floor, big.NewInt(sign)))}
}
