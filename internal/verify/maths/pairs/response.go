package pairs

import (
	"fmt"
	"math/rand/v2"
	"strings"
)

// Responses makes n rows as a model answers competition problems: a reply of 1
// to 2 KB that ends in a boxed answer, with the mix of gold answers that such
// sets have (nine in ten are numbers and fractions; facts on MATH), half right.
func Responses(seed uint64, n int) []Pair {
	g := &gen{rand.New(rand.NewPCG(seed, 0x726573706f6e7365))}
	numbers := []maker{{"integer", smallIntegers}, {"integer", smallIntegers}, {"integer", smallIntegers}, {"fraction", fractions}, {"decimal", decimals}, {"surd", surds}}
	others := []maker{
		{"polynomial", polynomials}, {"interval", intervals}, {"tuple", tuples}, {"pi and e", constants}, {"matrix", matrices}, {"equation", equations}, {"text", texts},
		{"unit", units}, {"set", sets}, {"nested surd", nested}, {"percentage", percentages}, {"angle", angles}, {"trigonometry", trigonometry},
	}
	out := make([]Pair, 0, n)
	for i := range n {
		m := numbers[g.IntN(len(numbers))]
		if g.IntN(10) < 2 {
			m = others[g.IntN(len(others))]
		}
		s := m.make(g)
		answers, equal := s.unequal, i%2 == 1
		if equal {
			answers = append(s.equal, s.gold, s.gold, s.gold, s.gold)
		}
		out = append(out, Pair{Kind: m.kind, Gold: s.gold, Answer: g.solution(answers[g.IntN(len(answers))]), Equal: equal})
	}
	return out
}

func smallIntegers(g *gen) sample {
	n := g.nonzero(2000)
	return sample{
		gold:    fmt.Sprint(n),
		equal:   []string{fmt.Sprint(n), thousands(n), fmt.Sprintf("%d.0", n), fmt.Sprintf("x = %d", n)},
		unequal: []string{fmt.Sprint(n + 1), fmt.Sprint(-n), fmt.Sprint(2 * n), fmt.Sprint(n + g.between(2, 900)), frac(2*n+1, 2)},
	}
}

// solution writes steps that mention other numbers, and the answer in a box.
func (g *gen) solution(answer string) string {
	var b strings.Builder
	b.WriteString("Let me work through the problem step by step.\n\n")
	size := g.between(1000, 1900)
	for step := 1; b.Len() < size; step++ {
		a, c := g.nonzero(50), g.nonzero(50)
		fmt.Fprintf(&b, "**Step %d.** ", step)
		switch g.IntN(4) {
		case 0:
			fmt.Fprintf(&b, "Substituting $x = %d$ into the expression, we get $%d \\cdot %d = %d$, which simplifies the left-hand side.\n\n", a, a, c, a*c)
		case 1:
			fmt.Fprintf(&b, "The discriminant is \\[ \\Delta = b^2 - 4ac = %d - 4 \\cdot %d = %d, \\] so there are two cases to look at.\n\n", a*a, c, a*a-4*c)
		case 2:
			fmt.Fprintf(&b, "By the given condition $\\frac{%d}{%d} + %d = k$, and since all terms are rational we may multiply both sides.\n\n", a, abs(c)+1, c)
		default:
			fmt.Fprintf(&b, "Hence \\begin{align*} f(%d) &= %d + %d \\\\ &= %d. \\end{align*} This agrees with what we found above.\n\n", a, a, c, a+c)
		}
	}
	b.WriteString(g.pick("Therefore, the final answer is $\\boxed{"+answer+"}$.", "Thus the answer is \\[\\boxed{"+answer+"}\\]", "\\boxed{"+answer+"}"))
	return b.String()
}
