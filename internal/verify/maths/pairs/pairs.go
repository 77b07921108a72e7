package pairs

import (
	"fmt"
	"math/rand/v2"
	"strings"
)

// Pair is a gold answer and an answer, with the truth of it.
type Pair struct {
	Kind         string
	Gold, Answer string
	Equal        bool
}

// maker makes one gold answer with answers that are equal to it, and unequal ones.
type maker struct {
	kind string
	make func(g *gen) sample
}

type sample struct {
	gold    string
	equal   []string
	unequal []string
}

// gen draws what makers need.
type gen struct{ *rand.Rand }

// Generate makes n pairs from a seed, of every kind in turn, half of them equal.
func Generate(seed uint64, n int) []Pair {
	g := &gen{rand.New(rand.NewPCG(seed, 0x6d61746873))}
	all := makers()
	out := make([]Pair, 0, n)
	for i := 0; len(out) < n; i++ {
		m := all[i%len(all)]
		s := m.make(g)
		answers, equal := s.equal, (i/len(all))%2 == 0
		if !equal {
			answers = s.unequal
		}
		answer := answers[g.IntN(len(answers))]
		out = append(out, Pair{Kind: m.kind, Gold: g.dress(s.gold), Answer: g.dress(answer), Equal: equal})
	}
	return out
}

// Kinds are the names of what is made.
func Kinds() []string {
	var out []string
	for _, m := range makers() {
		out = append(out, m.kind)
	}
	return out
}

func makers() []maker {
	return []maker{
		{"integer", integers}, {"decimal", decimals}, {"fraction", fractions}, {"mixed number", mixed}, {"power", powers},
		{"scientific", scientific}, {"percentage", percentages}, {"surd", surds}, {"nested surd", nested}, {"pi and e", constants},
		{"logarithm", logarithms}, {"combinatorics", combinatorics}, {"complex", complexes}, {"angle", angles}, {"trigonometry", trigonometry},
		{"polynomial", polynomials}, {"rational function", rationals}, {"root function", roots}, {"equation", equations}, {"circle", circles},
		{"inequality", inequalities}, {"interval", intervals}, {"union", unions}, {"set", sets}, {"plus-minus", plusMinus}, {"tuple", tuples},
		{"point list", pointLists}, {"matrix", matrices}, {"unit", units}, {"money", money}, {"text", texts}, {"letter", letters}, {"ratio", ratios},
		{"sequence", sequences}, {"tiny difference", tiny}, {"kind of thing", kinds},
	}
}

// between draws from low to high.
func (g *gen) between(low, high int) int { return low + g.IntN(high-low+1) }

// nonzero draws from -high to high without 0.
func (g *gen) nonzero(high int) int {
	n := g.between(1, high)
	if g.IntN(2) == 0 {
		return -n
	}
	return n
}

func (g *gen) pick(of ...string) string { return of[g.IntN(len(of))] }

// dress puts on what answers wear, which changes nothing.
func (g *gen) dress(s string) string {
	if g.IntN(3) == 0 && !strings.Contains(s, "$") && !plainWords(s) {
		s = g.pick(`\displaystyle `+s, `\,`+s, s+`\;`, s+" ", " "+s)
	}
	if strings.Contains(s, `\frac`) && g.IntN(3) == 0 {
		s = strings.ReplaceAll(s, `\frac`, g.pick(`\dfrac`, `\tfrac`))
	}
	if strings.Contains(s, `\cdot `) && g.IntN(3) == 0 {
		s = strings.ReplaceAll(s, `\cdot `, `\times `)
	}
	if !strings.Contains(s, `\left`) && g.IntN(4) == 0 && balanced(s) {
		s = strings.NewReplacer("(", `\left(`, ")", `\right)`).Replace(s)
	}
	if strings.Contains(s, "$") {
		return s
	}
	switch g.IntN(8) {
	case 0, 1, 2:
		return "$" + s + "$"
	case 3:
		return `\(` + s + `\)`
	case 4:
		return "$$" + s + "$$"
	case 5:
		return s + "."
	case 6:
		return `\boxed{` + s + "}"
	}
	return s
}

func plainWords(s string) bool {
	return !strings.ContainsAny(s, `\^_0123456789`)
}

// balanced says that every ( has its ), which half-open intervals have not.
func balanced(s string) bool {
	return strings.Count(s, "(") == strings.Count(s, ")") && !strings.ContainsAny(s, "[]")
}

// thousands writes separators.
func thousands(n int) string {
	s := fmt.Sprint(abs(n))
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	if n < 0 {
		return "-" + s
	}
	return s
}

func abs(n int) int {
	if n < 0 {
		return -n
	}
	return n
}

func gcd(a, b int) int {
	for b != 0 {
		a, b = b, a%b
	}
	return abs(a)
}

// frac writes p/q in LaTeX, reduced.
func frac(p, q int) string {
	if q < 0 {
		p, q = -p, -q
	}
	d := gcd(p, q)
	p, q = p/d, q/d
	if q == 1 {
		return fmt.Sprint(p)
	}
	if p < 0 {
		return fmt.Sprintf(`-\frac{%d}{%d}`, -p, q)
	}
	return fmt.Sprintf(`\frac{%d}{%d}`, p, q)
}

// term writes "+ 3x" or "- 3x" to follow something.
func term(n int, of string) string {
	sign := "+"
	if n < 0 {
		sign = "-"
	}
	if abs(n) == 1 && of != "" {
		return sign + of
	}
	return fmt.Sprintf("%s%d%s", sign, abs(n), of)
}

// poly writes coefficients, the highest first.
func poly(x string, cs ...int) string {
	var b strings.Builder
	for i, c := range cs {
		if c == 0 {
			continue
		}
		power := len(cs) - 1 - i
		of := ""
		if power == 1 {
			of = x
		} else if power > 1 {
			of = fmt.Sprintf("%s^{%d}", x, power)
			if power < 10 && c%2 == 0 {
				of = fmt.Sprintf("%s^%d", x, power)
			}
		}
		b.WriteString(term(c, of))
	}
	if b.Len() == 0 {
		return "0"
	}
	return strings.TrimPrefix(b.String(), "+")
}
