package pairs

import (
	"fmt"
	"math"
	"math/big"
	"strings"
)

func integers(g *gen) sample {
	n := g.nonzero(5_000_000)
	if g.IntN(2) == 0 {
		n = g.nonzero(500)
	}
	k := g.between(1, 99)
	s := sample{
		gold: fmt.Sprint(n),
		equal: []string{
			fmt.Sprint(n), thousands(n), fmt.Sprintf("%d.0", n), fmt.Sprintf("x = %d", n), fmt.Sprintf("%d + %d", n-k, k),
			fmt.Sprintf(`\frac{%d}{%d}`, n*k, k), fmt.Sprintf("%d - %d", n+k, k), fmt.Sprintf(`\text{%d}`, n), fmt.Sprintf(`\mathbf{%d}`, n),
			strings.ReplaceAll(thousands(n), ",", "{,}"), fmt.Sprintf(`x = %d + %d = %d`, n-k, k, n),
		},
		unequal: []string{
			fmt.Sprint(n + 1), fmt.Sprint(n - 1), fmt.Sprint(-n), fmt.Sprint(10 * n), thousands(n + k), fmt.Sprintf("%d.5", n), fmt.Sprintf("x = %d", n+k),
			fmt.Sprintf("%d + %d", n, k), fmt.Sprintf("%d, %d", n, n+k), fmt.Sprintf(`\frac{%d}{%d}`, n*k+1, k+1000),
			fmt.Sprintf(`%d\text{ or }%d`, n, n+k), fmt.Sprintf("(%d, %d)", n, k),
		},
	}
	if (n*k+1)%(k+1000) == 0 || n*(k+1000) == n*k+1 {
		s.unequal = s.unequal[:8]
	}
	return s
}

// fixed writes n·10^-places.
func fixed(n, places int) string {
	sign := ""
	if n < 0 {
		sign = "-"
	}
	d := int(math.Pow10(places))
	return fmt.Sprintf("%s%d.%0*d", sign, abs(n)/d, places, abs(n)%d)
}

func decimals(g *gen) sample {
	places := g.between(1, 5)
	n := g.nonzero(3_000_000)
	d := int(math.Pow10(places))
	return sample{
		gold:  fixed(n, places),
		equal: []string{fixed(n, places), fixed(n*10, places+1), frac(n, d), fmt.Sprintf("%d/%d", n, d), "y = " + fixed(n, places), fmt.Sprintf(`\frac{%d}{%d}`, 3*n, 3*d)},
		unequal: []string{
			fixed(n+1, places), fixed(n-1, places), fixed(-n, places), fixed(n, places+1), fixed(n*10+1, places+1), frac(n+d, d), frac(n, d*10),
			frac(n*1000+1, d*7),
		},
	}
}

func fractions(g *gen) sample {
	q := g.between(2, 97)
	p := g.nonzero(300)
	for gcd(p, q) != 1 {
		p++
	}
	k := g.between(2, 9)
	s := sample{
		gold: frac(p, q),
		equal: []string{
			frac(p, q), fmt.Sprintf("%d/%d", p, q), fmt.Sprintf(`\frac{%d}{%d}`, k*p, k*q), fmt.Sprintf(`\frac{%d}{%d}`, -p, -q), fmt.Sprintf("%d/%d", k*p, k*q),
			fmt.Sprintf(`%s + \frac{%d}{%d}`, frac(p-k, q), k, q), fmt.Sprintf(`%s \cdot %s`, frac(p, k), frac(k, q)), fmt.Sprintf(`-\left(\frac{%d}{%d}\right)`, -p, q),
			fmt.Sprintf(`%d \div %d`, p, q), fmt.Sprintf(`\frac{%d}{%d \cdot %d}`, k*p, k, q),
		},
		unequal: []string{
			frac(-p, q), frac(p+1, q), frac(p, q+1), frac(p-q, q), fmt.Sprintf("%d/%d", p, q+1), fmt.Sprint(p), fmt.Sprintf(`%s + \frac{1}{%d}`, frac(p, q), k),
			fmt.Sprintf(`\frac{%d}{%d}`, k*p+1, k*q),
		},
	}
	if p*p != q*q {
		s.unequal = append(s.unequal, frac(q, p))
	}
	if abs(p) < 10 && q < 10 && p > 0 {
		s.equal = append(s.equal, fmt.Sprintf(`\frac%d%d`, p, q))
	}
	return s
}

func mixed(g *gen) sample {
	q := g.between(2, 20)
	p := g.between(1, q-1)
	w := g.between(1, 40)
	return sample{
		gold:    fmt.Sprintf(`%d\frac{%d}{%d}`, w, p, q),
		equal:   []string{frac(w*q+p, q), fmt.Sprintf("%d %d/%d", w, p, q), fmt.Sprintf(`%d + \frac{%d}{%d}`, w, p, q), fmt.Sprintf(`%d \frac{%d}{%d}`, w, 2*p, 2*q)},
		unequal: []string{frac(w*p, q), frac(w*q+p+1, q), fmt.Sprintf(`%d\frac{%d}{%d}`, w+1, p, q), fmt.Sprintf(`%d \cdot \frac{%d}{%d}`, w, p, q+1), fmt.Sprintf(`-%d\frac{%d}{%d}`, w, p, q)},
	}
}

func powers(g *gen) sample {
	b, k := g.between(2, 9), g.between(20, 400)
	huge := fmt.Sprintf("%d^{%d}", b, 1000*k)
	full := new(big.Int).Exp(big.NewInt(int64(b)), big.NewInt(int64(k)), nil).String()
	if g.IntN(4) == 0 {
		return sample{
			gold:    huge,
			equal:   []string{fmt.Sprintf("%d^{%d}", b*b, 500*k), fmt.Sprintf(`%d \cdot %d^{%d}`, b, b, 1000*k-1)},
			unequal: []string{fmt.Sprintf("%d^{%d}", b, 1000*k+1), huge + " + " + huge, fmt.Sprintf("%d^{-%d}", b, 1000*k), fmt.Sprintf("%d^{%d}", b+1, 1000*k)},
		}
	}
	if g.IntN(2) == 0 {
		return sample{
			gold:  fmt.Sprintf(`\frac{1}{%d^{%d}}`, b, k),
			equal: []string{fmt.Sprintf("%d^{-%d}", b, k), fmt.Sprintf(`\left(\frac{1}{%d}\right)^{%d}`, b, k), fmt.Sprintf(`\frac{%d}{%d^{%d}}`, b, b, k+1), "1/" + full},
			unequal: []string{
				fmt.Sprintf(`\frac{1}{%d^{%d}}`, b, k-1), fmt.Sprintf(`\frac{1}{%d^{%d}}`, b, k+1), "0", fmt.Sprintf(`\frac{1}{%d^{%d}+1}`, b, k), fmt.Sprintf("-%d^{-%d}", b, k),
			},
		}
	}
	last := full[:len(full)-1] + string('0'+(full[len(full)-1]-'0'+1)%10)
	return sample{
		gold:    fmt.Sprintf("%d^{%d}", b, k),
		equal:   []string{full, fmt.Sprintf(`%d^{%d} \cdot %d`, b, k-1, b), fmt.Sprintf("%d^%d", b, k), fmt.Sprintf(`%d^{%d} - %d^{%d}`, b, k+1, b, k) + fmt.Sprintf(` - %d \cdot %d^{%d}`, b-2, b, k)},
		unequal: []string{last, fmt.Sprintf("%d^{%d}", b, k+1), fmt.Sprintf("%d^{%d} + 1", b, k), fmt.Sprintf("-%d^{%d}", b, k), full + "0"},
	}
}

func scientific(g *gen) sample {
	m, k := g.between(11, 98), g.between(2, 15)
	for m%10 == 0 {
		m++
	}
	zeros := strings.Repeat("0", k-1)
	return sample{
		gold: fmt.Sprintf(`%s \times 10^{%d}`, fixed(m, 1), k),
		equal: []string{
			fmt.Sprintf("%d%s", m, zeros), fmt.Sprintf(`%d \cdot 10^{%d}`, m, k-1), fmt.Sprintf(`%s \cdot 10^{%d}`, fixed(m*10, 2), k), fmt.Sprintf("%sE%d", fixed(m, 1), k),
			fmt.Sprintf(`\frac{%d}{10} \times 10^{%d}`, m, k),
		},
		unequal: []string{
			fmt.Sprintf(`%s \times 10^{%d}`, fixed(m, 1), k+1), fmt.Sprintf(`%s \times 10^{-%d}`, fixed(m, 1), k), fmt.Sprintf("%d%s", m+1, zeros), fmt.Sprintf("%d0%s", m, zeros),
			fmt.Sprintf(`%s \times 10^{%d}`, fixed(m+1, 1), k),
		},
	}
}

func percentages(g *gen) sample {
	p := g.between(2, 250)
	return sample{
		gold: fmt.Sprintf(`%d\%%`, p),
		equal: []string{
			fmt.Sprintf(`%d\%%`, p), fixed(p, 2), frac(p, 100), fmt.Sprintf("%d.0%%", p), fmt.Sprintf(`%d \%%`, p), fmt.Sprintf(`%d\text{ percent}`, p), fmt.Sprintf("%d percent", p),
		},
		unequal: []string{fmt.Sprintf(`%d\%%`, p+1), fmt.Sprintf(`-%d\%%`, p), fixed(p, 3), fixed(p+1, 2), frac(p, 1000), fmt.Sprintf(`%d.5\%%`, p), frac(p+1, 100)},
	}
}

// tiny differences, which a comparison of floats misses.
func tiny(g *gen) sample {
	n := g.between(2, 50)
	for isSquare(n) {
		n++
	}
	// A convergent of √n by Newton, exact to far beyond float64.
	r := big.NewRat(int64(math.Sqrt(float64(n)))+1, 1)
	for range 5 {
		r = new(big.Rat).Mul(big.NewRat(1, 2), new(big.Rat).Add(r, new(big.Rat).Quo(big.NewRat(int64(n), 1), r)))
	}
	k := g.between(20, 60)
	nines := strings.Repeat("9", k)
	switch g.IntN(3) {
	case 0:
		return sample{
			gold:    fmt.Sprintf(`\sqrt{%d}`, n),
			equal:   []string{fmt.Sprintf(`\frac{%d}{\sqrt{%d}}`, n, n), fmt.Sprintf("%d^{1/2}", n)},
			unequal: []string{fmt.Sprintf(`\frac{%s}{%s}`, r.Num(), r.Denom()), fmt.Sprintf(`\sqrt{%d + 10^{-%d}}`, n, k), fmt.Sprintf(`\sqrt{%d} + 10^{-%d}`, n, k)},
		}
	case 1:
		return sample{
			gold:    fmt.Sprint(n),
			equal:   []string{fmt.Sprintf("%d.%s", n, strings.Repeat("0", k)), fmt.Sprintf(`\sqrt{%d}`, n*n)},
			unequal: []string{fmt.Sprintf("%d.%s", n-1, nines), fmt.Sprintf(`%d + 10^{-%d}`, n, k), fmt.Sprintf(`\frac{%d%s}{1%s}`, n, strings.Repeat("0", k-1)+"1", strings.Repeat("0", k)), fmt.Sprintf(`%d + e^{-%d}`, n, k)},
		}
	}
	return sample{
		gold:    "x",
		equal:   []string{fmt.Sprintf(`\frac{%dx}{%d}`, n, n), fmt.Sprintf(`%dx - %dx`, n+1, n)},
		unequal: []string{fmt.Sprintf(`x + 10^{-%d}`, k), fmt.Sprintf(`\frac{1%sx}{1%s}`, nines, strings.Repeat("0", k)+"0"), fmt.Sprintf(`x + \frac{x}{10^{%d}}`, k)},
	}
}

func isSquare(n int) bool {
	r := int(math.Round(math.Sqrt(float64(n))))
	return r*r == n
}
