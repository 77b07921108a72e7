package ball_test

import (
	"math"
	"math/big"
	"math/rand/v2"
	"testing"

	"github.com/r1ctl/r1ctl/internal/verify/maths/ball"
)

// TestEncloses computes at two precisions: the value of the higher must lie
// within the enclosure of the lower, whose middle must agree with float64.
func TestEncloses(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	functions := map[string]struct {
		f    func(c *ball.Ctx, x ball.Complex) ball.Complex
		want func(x float64) float64
	}{
		"exp":  {(*ball.Ctx).Exp, math.Exp},
		"ln":   {(*ball.Ctx).Ln, math.Log},
		"sqrt": {(*ball.Ctx).Sqrt, math.Sqrt},
		"atan": {(*ball.Ctx).Atan, math.Atan},
		"sin":  {func(c *ball.Ctx, x ball.Complex) ball.Complex { s, _ := c.SinCos(x); return s }, math.Sin},
		"cos":  {func(c *ball.Ctx, x ball.Complex) ball.Complex { _, s := c.SinCos(x); return s }, math.Cos},
		"1/x":  {func(c *ball.Ctx, x ball.Complex) ball.Complex { return c.Quo(c.Number(big.NewRat(1, 1)), x) }, func(x float64) float64 { return 1 / x }},
		"x^7":  {func(c *ball.Ctx, x ball.Complex) ball.Complex { return c.PowInt(x, 7) }, func(x float64) float64 { return math.Pow(x, 7) }},
	}
	for name, fn := range functions {
		for i := range 200 {
			x := big.NewRat(1+rnd.Int64N(1_000_000), 1+rnd.Int64N(10_000))
			if i%10 == 0 {
				x = big.NewRat(1, 1+rnd.Int64N(1<<40))
			}
			low, high := ball.New(128, 1e6), ball.New(700, 1e6)
			a, b := fn.f(low, low.Number(x)), fn.f(high, high.Number(x))
			if !low.OK || !high.OK {
				t.Fatalf("%s(%s) failed", name, x)
			}
			off := new(big.Float).SetPrec(2000).Sub(a.Re.M, b.Re.M)
			if off.Sign() != 0 {
				if e := float64(off.MantExp(nil)) - 1; e > a.Re.R+1e-3 {
					t.Errorf("%s(%s): off by 2^%.1f, and the radius is 2^%.1f", name, x, e, a.Re.R)
				}
			}
			f, _ := x.Float64()
			got, _ := a.Re.M.Float64()
			if want := fn.want(f); math.Abs(got-want) > 1e-6*max(1, math.Abs(want)) {
				t.Errorf("%s(%s) = %v, want %v", name, x, got, want)
			}
		}
	}
}

func TestFails(t *testing.T) {
	zero := big.NewRat(0, 1)
	for name, f := range map[string]func(c *ball.Ctx){
		"1/0":                func(c *ball.Ctx) { c.Quo(c.Number(big.NewRat(1, 1)), c.Number(zero)) },
		"1/sin π":            func(c *ball.Ctx) { s, _ := c.SinCos(c.PiC()); c.Quo(c.Number(big.NewRat(1, 1)), s) },
		"ln 0":               func(c *ball.Ctx) { c.Ln(c.Number(zero)) },
		"a number too large": func(c *ball.Ctx) { c.Exp(c.Number(big.NewRat(1<<40, 1))) },
		"⌊sin π⌋":            func(c *ball.Ctx) { s, _ := c.SinCos(c.PiC()); c.Floor(s) },
		"too many steps": func(c *ball.Ctx) {
			for range 2000 {
				c.Exp(c.Number(big.NewRat(1, 3)))
			}
		},
	} {
		c := ball.New(192, 20000)
		if f(c); c.OK {
			t.Errorf("%s: enclosed", name)
		}
	}
}
