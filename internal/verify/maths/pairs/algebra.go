package pairs

import (
	"fmt"
	"math/big"
)

func squareFree(g *gen, high int) int {
	for {
		n := g.between(2, high)
		ok := true
		for d := 2; d*d <= n; d++ {
			ok = ok && n%(d*d) != 0
		}
		if ok {
			return n
		}
	}
}

func surds(g *gen) sample {
	a, b := g.between(2, 12), squareFree(g, 40)
	return sample{
		gold: fmt.Sprintf(`%d\sqrt{%d}`, a, b),
		equal: []string{
			fmt.Sprintf(`\sqrt{%d}`, a*a*b), fmt.Sprintf(`\frac{%d}{\sqrt{%d}}`, a*b, b), fmt.Sprintf(`%d \cdot \sqrt{%d}`, a, b), fmt.Sprintf(`\sqrt{%d} \cdot %d`, b, a),
			fmt.Sprintf(`%d\sqrt{%d} - \sqrt{%d}`, a+1, b, b), fmt.Sprintf("%d*sqrt(%d)", a, b), fmt.Sprintf(`%d \cdot %d^{\frac{1}{2}}`, a, b),
		},
		unequal: []string{
			fmt.Sprintf(`-%d\sqrt{%d}`, a, b), fmt.Sprintf(`%d\sqrt{%d}`, a+1, b), fmt.Sprintf(`%d\sqrt{%d}`, a, b+1), fmt.Sprintf(`\sqrt{%d}`, a*b), fmt.Sprintf(`\sqrt{%d}`, a*a*b+1),
			fmt.Sprint(a * b), fmt.Sprintf(`\frac{%d}{\sqrt{%d}}`, a, b), fmt.Sprintf(`%d\sqrt[3]{%d}`, a, b),
		},
	}
}

func nested(g *gen) sample {
	a, b := squareFree(g, 15), squareFree(g, 15)
	for a == b {
		b = squareFree(g, 15)
	}
	p := g.between(2, 9)
	if g.IntN(2) == 0 {
		return sample{
			gold:    fmt.Sprintf(`\sqrt{%d} + \sqrt{%d}`, a, b),
			equal:   []string{fmt.Sprintf(`\sqrt{%d + 2\sqrt{%d}}`, a+b, a*b), fmt.Sprintf(`\sqrt{%d} + \sqrt{%d}`, b, a), fmt.Sprintf(`\frac{%d}{\sqrt{%d} - \sqrt{%d}}`, a-b, a, b)},
			unequal: []string{fmt.Sprintf(`\sqrt{%d}`, a+b), fmt.Sprintf(`\sqrt{%d} - \sqrt{%d}`, a, b), fmt.Sprintf(`\sqrt{%d + 2\sqrt{%d}}`, a+b+1, a*b), fmt.Sprintf(`\sqrt{%d - 2\sqrt{%d}}`, a+b, a*b)},
		}
	}
	return sample{
		gold:  fmt.Sprintf(`\frac{%d + \sqrt{%d}}{2}`, p, b),
		equal: []string{fmt.Sprintf(`\frac{%d}{2} + \frac{\sqrt{%d}}{2}`, p, b), fmt.Sprintf(`\frac{\sqrt{%d} + %d}{2}`, b, p), fmt.Sprintf(`\frac{1}{2}(%d + \sqrt{%d})`, p, b), fmt.Sprintf(`(%d+\sqrt{%d})/2`, p, b)},
		unequal: []string{
			fmt.Sprintf(`\frac{%d - \sqrt{%d}}{2}`, p, b), fmt.Sprintf(`\frac{-%d + \sqrt{%d}}{2}`, p, b), fmt.Sprintf(`%d + \frac{\sqrt{%d}}{2}`, p, b), fmt.Sprintf(`\frac{%d \pm \sqrt{%d}}{2}`, p, b),
		},
	}
}

func constants(g *gen) sample {
	a, b := g.between(1, 20), g.between(2, 15)
	if g.IntN(2) == 0 {
		return sample{
			gold:    fmt.Sprintf(`\frac{%d\pi}{%d}`, a, b),
			equal:   []string{fmt.Sprintf(`\frac{%d}{%d}\pi`, a, b), fmt.Sprintf(`%d\pi/%d`, a, b), fmt.Sprintf(`\frac{%d}{%d} \cdot \pi`, 2*a, 2*b), fmt.Sprintf(`\pi - \frac{%d}{%d}\pi`, b-a, b)},
			unequal: []string{fmt.Sprintf(`\frac{%d\pi}{%d}`, a+1, b), fmt.Sprintf(`-\frac{%d\pi}{%d}`, a, b), fmt.Sprintf(`\frac{%d}{%d}`, a, b), fmt.Sprintf(`\frac{%d}{%d\pi}`, a, b), fmt.Sprintf(`\frac{%d\pi^2}{%d}`, a, b), frac(22*a, 7*b)},
		}
	}
	return sample{
		gold:    fmt.Sprintf(`%de^{%d}`, a+1, b),
		equal:   []string{fmt.Sprintf(`%d \cdot e^{%d}`, a+1, b), fmt.Sprintf(`e^{%d} \cdot %d`, b, a+1), fmt.Sprintf(`%d \exp(%d)`, a+1, b), fmt.Sprintf(`%de \cdot e^{%d}`, a+1, b-1), fmt.Sprintf(`e^{%d + \ln %d}`, b, a+1)},
		unequal: []string{fmt.Sprintf(`%de^{%d}`, a+1, b+1), fmt.Sprintf(`%de^{-%d}`, a+1, b), fmt.Sprintf(`e^{%d}`, (a+1)*b), fmt.Sprintf(`%d\pi^{%d}`, a+1, b), fmt.Sprintf(`%de^{%d} + 1`, a+1, b)},
	}
}

func logarithms(g *gen) sample {
	a, k := g.between(2, 12), g.between(2, 6)
	power := new(big.Int).Exp(big.NewInt(int64(a)), big.NewInt(int64(k)), nil)
	if g.IntN(2) == 0 {
		return sample{
			gold:    fmt.Sprintf(`\ln %s`, power),
			equal:   []string{fmt.Sprintf(`%d\ln %d`, k, a), fmt.Sprintf(`\ln(%d^{%d})`, a, k), fmt.Sprintf(`-\ln\left(\frac{1}{%s}\right)`, power), fmt.Sprintf(`%d\ln(%d) + \ln %d`, k-1, a, a)},
			unequal: []string{fmt.Sprintf(`%d\ln %d`, k+1, a), fmt.Sprintf(`\ln %d`, a*k+1), fmt.Sprintf(`-\ln %s`, power), fmt.Sprintf(`(\ln %d)^{%d} + 10`, a, k)},
		}
	}
	return sample{
		gold:    fmt.Sprint(k),
		equal:   []string{fmt.Sprintf(`\log_{%d} %s`, a, power), fmt.Sprintf(`\log_{%d}(%s)`, a, power), fmt.Sprintf(`\frac{\ln %s}{\ln %d}`, power, a)},
		unequal: []string{fmt.Sprintf(`\log_{%d} %s`, a+1, power), fmt.Sprintf(`\log_{%d}(%s+1)`, a, power), fmt.Sprintf(`-\log_{%d}(%s)`, a, power)},
	}
}

func combinatorics(g *gen) sample {
	n := g.between(4, 20)
	k := g.between(2, n-2)
	value := new(big.Int).Binomial(int64(n), int64(k))
	more := new(big.Int).Add(value, big.NewInt(1))
	return sample{
		gold: value.String(),
		equal: []string{
			fmt.Sprintf(`\binom{%d}{%d}`, n, k), fmt.Sprintf(`\frac{%d!}{%d! \cdot %d!}`, n, k, n-k), fmt.Sprintf(`C_{%d}^{%d}`, n, k), fmt.Sprintf(`\dbinom{%d}{%d}`, n, n-k),
			fmt.Sprintf(`{%d \choose %d}`, n, k),
		},
		unequal: []string{more.String(), fmt.Sprintf(`\binom{%d}{%d}`, n+1, k), fmt.Sprintf(`\frac{%d!}{%d!}`, n, k), fmt.Sprintf(`%d! + 2`, k), fmt.Sprintf(`\binom{%d}{%d} + 1`, n, k)},
	}
}

func complexes(g *gen) sample {
	a, b, c, d := g.nonzero(9), g.nonzero(9), g.nonzero(9), g.nonzero(9)
	re, im := a*c-b*d, a*d+b*c
	for re == 0 || im == 0 {
		c++
		if c == 0 {
			c = 1
		}
		re, im = a*c-b*d, a*d+b*c
	}
	z := func(re, im int) string { return fmt.Sprintf("%d%s", re, term(im, "i")) }
	return sample{
		gold:    z(re, im),
		equal:   []string{fmt.Sprintf("(%s)(%s)", z(a, b), z(c, d)), fmt.Sprintf("%s%s", poly("i", im, 0), term(re, "")), fmt.Sprintf(`%d%s\sqrt{-1}`, re, term(im, "")), fmt.Sprintf(`\frac{(%s)(%s)}{%d}`, z(re, im), z(c, d), c*c+d*d) + fmt.Sprintf(`(%s)`, z(c, -d))},
		unequal: []string{z(re, -im), z(-re, im), z(re+1, im), z(im, re+im+1), fmt.Sprint(re), fmt.Sprintf("(%s)(%s)", z(a, b), z(c, d+1))},
	}
}

func polynomials(g *gen) sample {
	a, b, c, d := g.nonzero(6), g.nonzero(9), g.nonzero(6), g.nonzero(9)
	x := g.pick("x", "t", "n", "y")
	p := []int{a * c, a*d + b*c, b * d}
	one, two := poly(x, a, b), poly(x, c, d)
	return sample{
		gold: poly(x, p...),
		equal: []string{
			fmt.Sprintf("(%s)(%s)", one, two), fmt.Sprintf(`(%s) \cdot (%s)`, two, one), fmt.Sprintf("(%s)*(%s)", one, two), poly(x, p[0], p[1]-1, p[2]+3) + "+" + x + "-3",
			fmt.Sprintf(`%s(%s)%s`, x, poly(x, p[0], p[1]), term(p[2], "")), fmt.Sprintf(`\frac{%s}{2}`, poly(x, 2*p[0], 2*p[1], 2*p[2])),
		},
		unequal: []string{
			poly(x, p[0], p[1], p[2]+1), poly(x, p[0], p[1]+1, p[2]), poly(x, -p[0], -p[1], -p[2]), fmt.Sprintf("(%s)(%s)", one, poly(x, c, d+1)), poly(x, p[0]+1, p[1], p[2]),
			fmt.Sprintf("(%s)(%s)%s", one, two, "+1"), poly(x, p[0], p[1], p[2], 0),
		},
	}
}

func rationals(g *gen) sample {
	a, b := g.nonzero(9), g.nonzero(9)
	for a == b {
		b = g.nonzero(9)
	}
	one, two := poly("x", 1, a), poly("x", 1, b)
	return sample{
		gold:    fmt.Sprintf(`\frac{1}{%s} + \frac{1}{%s}`, one, two),
		equal:   []string{fmt.Sprintf(`\frac{%s}{%s}`, poly("x", 2, a+b), poly("x", 1, a+b, a*b)), fmt.Sprintf(`\frac{%s}{(%s)(%s)}`, poly("x", 2, a+b), one, two), fmt.Sprintf(`(%s)^{-1} + (%s)^{-1}`, two, one)},
		unequal: []string{fmt.Sprintf(`\frac{%s}{%s}`, poly("x", 2, a+b+1), poly("x", 1, a+b, a*b)), fmt.Sprintf(`\frac{2}{%s}`, poly("x", 2, a+b)), fmt.Sprintf(`\frac{1}{%s} - \frac{1}{%s}`, one, two)},
	}
}

func roots(g *gen) sample {
	a := g.between(2, 9)
	return sample{
		gold:    fmt.Sprintf(`%d\sqrt{x}`, a),
		equal:   []string{fmt.Sprintf(`\sqrt{%dx}`, a*a), fmt.Sprintf(`%dx^{1/2}`, a), fmt.Sprintf(`%dx^{\frac{1}{2}}`, a), fmt.Sprintf(`\frac{%dx}{\sqrt{x}}`, a), fmt.Sprintf(`%dx^{0.5}`, a)},
		unequal: []string{fmt.Sprintf(`\sqrt{%dx}`, a), fmt.Sprintf(`%dx`, a), fmt.Sprintf(`%d\sqrt[3]{x}`, a), fmt.Sprintf(`-%d\sqrt{x}`, a), fmt.Sprintf(`%d\sqrt{x+1}`, a)},
	}
}

func trigonometry(g *gen) sample {
	k := g.between(1, 5)
	kx := "x"
	if k > 1 {
		kx = fmt.Sprintf("%dx", k)
	}
	type identity struct{ a, b, not string }
	all := []identity{
		{fmt.Sprintf(`\sin^2 %s`, kx), fmt.Sprintf(`1 - \cos^2 %s`, kx), fmt.Sprintf(`1 + \cos^2 %s`, kx)},
		{fmt.Sprintf(`\sin(%dx)`, 2*k), fmt.Sprintf(`2\sin(%s)\cos(%s)`, kx, kx), fmt.Sprintf(`2\sin(%s)`, kx)},
		{fmt.Sprintf(`\cos %dx`, 2*k), fmt.Sprintf(`2\cos^2 %s - 1`, kx), fmt.Sprintf(`2\sin^2 %s - 1`, kx)},
		{fmt.Sprintf(`\tan(%s)`, kx), fmt.Sprintf(`\frac{\sin %s}{\cos %s}`, kx, kx), fmt.Sprintf(`\frac{\cos %s}{\sin %s}`, kx, kx)},
		{fmt.Sprintf(`\sec^2(%s)`, kx), fmt.Sprintf(`1 + \tan^2(%s)`, kx), fmt.Sprintf(`1 - \tan^2(%s)`, kx)},
		{fmt.Sprintf(`%d\ln(x)`, k+1), fmt.Sprintf(`\ln(x) + %d\ln(x)`, k), fmt.Sprintf(`\ln(x+%d)`, k+1)},
		{fmt.Sprintf(`e^{%dx}`, k+1), fmt.Sprintf(`(e^x)^{%d}`, k+1), fmt.Sprintf(`e^{x+%d}`, k+1)},
		{`\sinh x`, `\frac{e^x - e^{-x}}{2}`, `\frac{e^x + e^{-x}}{2}`},
	}
	id := all[g.IntN(len(all))]
	return sample{gold: id.a, equal: []string{id.b, id.a, fmt.Sprintf(`%s + %d - %d`, id.b, k, k)}, unequal: []string{id.not, "-" + id.a, fmt.Sprintf(`%s + %d`, id.b, k)}}
}

func angles(g *gen) sample {
	d := g.between(1, 71) * 5
	return sample{
		gold:    fmt.Sprintf(`%d^\circ`, d),
		equal:   []string{fmt.Sprint(d), fmt.Sprintf(`%d^{\circ}`, d), fmt.Sprintf("%d°", d), fmt.Sprintf(`%d\text{ degrees}`, d), fmt.Sprintf(`\frac{%d\pi}{180}`, d), fmt.Sprintf("%d degrees", d), fmt.Sprintf(`%d.0^\circ`, d)},
		unequal: []string{fmt.Sprintf(`%d^\circ`, d+1), fmt.Sprint(d + 5), fmt.Sprintf(`\frac{%d\pi}{180}`, d+1), fmt.Sprintf(`-%d^\circ`, d), fmt.Sprintf(`%d.5^\circ`, d)},
	}
}
