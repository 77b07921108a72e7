package expr

import (
	"math/big"
	"math/rand/v2"
)

// sampler compares two expressions at random points.
type sampler struct {
	rnd       *rand.Rand
	names     []string
	a, b      *Node
	natural   bool
	imaginary bool // i is in them: values need not be real
	rounds    bool // a difference of a few per cent may be rounding
	prec      uint
	budget    int // points that may still be tried
	oneSided  int // points where one has a real value and the other has none
}

// tally compares at up to n valid points.
func (s *sampler) tally(n int, pick func(i int) *big.Rat) tally {
	var t tally
	for i := 0; i < 2*n && t.valid < n && s.budget > 0; i++ {
		s.budget--
		point := make([]*big.Rat, len(s.names))
		for j := range point {
			point[j] = pick(i)
		}
		v, far := s.at(point)
		switch v {
		case Equal:
			t.valid++
		case Unequal:
			t.valid++
			if t.differ++; far {
				t.far++
			}
			if !s.rounds || far {
				return t
			}
		}
	}
	return t
}

// at compares at one point; Undecided where one has no real value there. far
// says that the values are no roundings of each other.
func (s *sampler) at(point []*big.Rat) (v Verdict, far bool) {
	prec := s.prec
	if prec == 0 {
		prec = lowPrec
	}
	e := newEvaluator(prec)
	e.names, e.point, e.natural = s.names, point, s.natural
	x := e.eval(s.a)
	has := e.ok()
	if e.c.OK = true; e.c.Left < 0 {
		s.budget = 0 // it is too much work at every point
		return Undecided, false
	}
	y := e.eval(s.b)
	if e.c.Left < 0 {
		s.budget = 0
	}
	if !has || !e.ok() {
		if real := func(v value) bool { return v.r != nil || v.z.Real() }; e.c.Left > 0 && (has && real(x) || e.ok() && real(y)) {
			s.oneSided++
		}
		return Undecided, false
	}
	if x.r != nil && y.r != nil && x.r.Cmp(y.r) == 0 {
		return Equal, false
	}
	zx, zy := e.z(x), e.z(y)
	if !s.imaginary && (!zx.Real() || !zy.Real()) {
		if zx.Real() != zy.Real() {
			s.oneSided++
		}
		return Undecided, false
	}
	d := e.c.Sub(zx, zy)
	scale := max(zx.Bound(), zy.Bound())
	switch {
	case !e.ok():
		return Undecided, false
	case d.NonZero() || x.r != nil && y.r != nil:
		return Unequal, d.Bound() > scale-5
	case d.Bound() <= min(scale, 0)-float64(prec)+lost && e.high-e.low < maxSpan:
		return Equal, false
	case d.Bound() <= -float64(prec)+lost && scale < -float64(prec)/2 && e.high-e.low < maxSpan:
		return Equal, false // both are zero
	}
	return Undecided, false
}

// fraction is between 0 and 1 at half of the points, and up to 9 at the others.
func (s *sampler) fraction(i int) *big.Rat {
	den := 1009 + s.rnd.Int64N(3000)
	num := 1 + s.rnd.Int64N(den-1)
	if i%2 == 1 {
		num += den * (1 + s.rnd.Int64N(8))
	}
	return big.NewRat(num, den)
}

func (s *sampler) integer(int) *big.Rat { return big.NewRat(2+s.rnd.Int64N(37), 1) }

func (s *sampler) signed(i int) *big.Rat {
	r := s.fraction(i)
	if i < 2 || s.rnd.IntN(2) == 0 {
		r.Neg(r)
	}
	return r
}
