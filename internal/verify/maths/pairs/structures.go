package pairs

import (
	"fmt"
	"slices"
	"strings"
)

func equations(g *gen) sample {
	a, b, c := g.nonzero(9), g.nonzero(9), g.nonzero(20)
	k := g.between(2, 5)
	if abs(b) == 1 {
		b = 2 * b
	}
	side := func(a, b int) string { return poly("x", a, 0) + term(b, "y") }
	return sample{
		gold: fmt.Sprintf("%s = %d", side(a, b), c),
		equal: []string{
			fmt.Sprintf("%s = %d", side(k*a, k*b), k*c), fmt.Sprintf("%d = %s", c, side(a, b)), fmt.Sprintf("%s%s = 0", side(a, b), term(-c, "")), fmt.Sprintf("y = %sx + %s", bracket(frac(-a, b)), bracket(frac(c, b))),
			fmt.Sprintf("%s = %d", side(-a, -b), -c), fmt.Sprintf(`0 = %s%s`, side(-a, -b), term(c, "")),
		},
		unequal: []string{
			fmt.Sprintf("%s = %d", side(a, b), c+1), fmt.Sprintf("%s = %d", side(a, -b), c), fmt.Sprintf("%s = %d", side(a, b), -c), fmt.Sprintf("%s = %d", side(a+10, b), c), fmt.Sprintf("%s%s = 0", side(a, b), term(c, "")),
			fmt.Sprintf("%s = %d", side(k*a, k*b), c),
		},
	}
}

func bracket(s string) string { return "(" + s + ")" }

func circles(g *gen) sample {
	a, b, r := g.nonzero(9), g.nonzero(9), g.between(2, 9)
	return sample{
		gold: fmt.Sprintf("(x%s)^2 + (y%s)^2 = %d", term(-a, ""), term(-b, ""), r*r),
		equal: []string{
			fmt.Sprintf("x^2%s + y^2%s%s = 0", term(-2*a, "x"), term(-2*b, "y"), term2(a*a+b*b-r*r)), fmt.Sprintf("%d = (x%s)^2 + (y%s)^2", r*r, term(-a, ""), term(-b, "")),
			fmt.Sprintf("(y%s)^2 + (x%s)^2 = %d^2", term(-b, ""), term(-a, ""), r),
		},
		unequal: []string{
			fmt.Sprintf("(x%s)^2 + (y%s)^2 = %d", term(a, ""), term(-b, ""), r*r), fmt.Sprintf("(x%s)^2 + (y%s)^2 = %d", term(-a, ""), term(-b, ""), r), fmt.Sprintf("(x%s)^2 - (y%s)^2 = %d", term(-a, ""), term(-b, ""), r*r),
			fmt.Sprintf("x^2%s + y^2%s%s = 0", term(-2*a, "x"), term(-2*b, "y"), term2(a*a+b*b-r*r+1)),
		},
	}
}

// term2 is a term that may be nothing.
func term2(n int) string {
	if n == 0 {
		return ""
	}
	return term(n, "")
}

func inequalities(g *gen) sample {
	n := g.nonzero(30)
	k := g.between(2, 9)
	return sample{
		gold:    fmt.Sprintf("x > %d", n),
		equal:   []string{fmt.Sprintf("%d < x", n), fmt.Sprintf(`x \gt %d`, n), fmt.Sprintf(`(%d, \infty)`, n), fmt.Sprintf(`x \in (%d, +\infty)`, n), fmt.Sprintf("%dx > %d", k, k*n), fmt.Sprintf("-x < %d", -n)},
		unequal: []string{fmt.Sprintf(`x \ge %d`, n), fmt.Sprintf("x < %d", n), fmt.Sprintf("x > %d", n+1), fmt.Sprintf(`[%d, \infty)`, n), fmt.Sprintf(`(-\infty, %d)`, n), fmt.Sprintf("-x > %d", -n)},
	}
}

func intervals(g *gen) sample {
	a := g.between(-30, 20)
	b := a + g.between(1, 20)
	open, shut := g.pick("(", "["), g.pick(")", "]")
	if open == "(" && shut == ")" {
		shut = "]"
	}
	flip := map[string]string{"(": "[", "[": "(", ")": "]", "]": ")"}
	less := map[string]string{"(": "<", "[": `\le`, ")": "<", "]": `\le`}
	s := sample{
		gold: fmt.Sprintf("%s%d, %d%s", open, a, b, shut),
		equal: []string{
			fmt.Sprintf("%s%d,%d%s", open, a, b, shut), fmt.Sprintf(`%s%d, \frac{%d}{2}%s`, open, a, 2*b, shut), fmt.Sprintf(`x \in %s%d, %d%s`, open, a, b, shut), fmt.Sprintf(`\left%s%d, %d\right%s`, open, a, b, shut),
		},
		unequal: []string{
			fmt.Sprintf("%s%d, %d%s", open, a-1, b, shut), fmt.Sprintf("%s%d, %d%s", open, a, b+1, shut), fmt.Sprintf("%s%d, %d%s", flip[open], a, b, shut), fmt.Sprintf("%s%d, %d%s", open, a, b, flip[shut]),
			fmt.Sprintf(`%s%d, \infty)`, open, a), fmt.Sprintf(`(-\infty, %d%s`, b, shut),
		},
	}
	if open != "[" || shut != "]" {
		s.equal = append(s.equal, fmt.Sprintf(`%d %s x %s %d`, a, less[open], less[shut], b))
	}
	return s
}

func unions(g *gen) sample {
	a := g.between(-20, 0)
	b := a + g.between(1, 9)
	c := b + g.between(1, 9)
	d := c + g.between(1, 9)
	return sample{
		gold:    fmt.Sprintf(`(%d,%d) \cup [%d,%d]`, a, b, c, d),
		equal:   []string{fmt.Sprintf(`[%d,%d] \cup (%d,%d)`, c, d, a, b), fmt.Sprintf(`(%d,%d)\cup[%d,%d]`, a, b, c, d), fmt.Sprintf(`x \in (%d,%d) \cup [%d,%d]`, a, b, c, d), fmt.Sprintf(`(%d,%d)\cup[%d,%d)\cup\{%d\}`, a, b, c, d, d)},
		unequal: []string{fmt.Sprintf(`(%d,%d) \cup (%d,%d]`, a, b, c, d), fmt.Sprintf(`(%d,%d]`, a, d), fmt.Sprintf(`(%d,%d) \cup [%d,%d]`, a, b, c, d+1), fmt.Sprintf(`(%d,%d] \cup [%d,%d]`, a, b, c, d)},
	}
}

// distinct draws n different integers, written.
func (g *gen) distinct(n, high int) []int {
	var out []int
	for len(out) < n {
		if v := g.nonzero(high); !slices.Contains(out, v) {
			out = append(out, v)
		}
	}
	return out
}

func written(ns []int) string {
	var out []string
	for _, n := range ns {
		out = append(out, fmt.Sprint(n))
	}
	return strings.Join(out, ", ")
}

func (g *gen) shuffled(ns []int) []int {
	out := slices.Clone(ns)
	g.Shuffle(len(out), func(i, j int) { out[i], out[j] = out[j], out[i] })
	return out
}

func sets(g *gen) sample {
	ns := g.distinct(g.between(2, 5), 40)
	braces := func(s string) string { return `\{` + s + `\}` }
	other := slices.Clone(ns)
	other[g.IntN(len(other))] = 99
	return sample{
		gold:    braces(written(ns)),
		equal:   []string{braces(written(g.shuffled(ns))), `\left\{` + written(g.shuffled(ns)) + `\right\}`, braces(written(append(slices.Clone(ns), ns[0]))), `x \in ` + braces(written(ns)), `\lbrace ` + written(ns) + ` \rbrace`},
		unequal: []string{braces(written(other)), braces(written(ns[1:])), braces(written(append(slices.Clone(ns), 77))), braces(written(append([]int{-ns[0]}, ns[1:]...)) + ", 88"), `\emptyset`},
	}
}

func plusMinus(g *gen) sample {
	a, b := g.nonzero(20), squareFree(g, 30)
	two := fmt.Sprintf(`%d + \sqrt{%d}, %d - \sqrt{%d}`, a, b, a, b)
	return sample{
		gold:    fmt.Sprintf(`%d \pm \sqrt{%d}`, a, b),
		equal:   []string{two, fmt.Sprintf(`\{%d - \sqrt{%d}, %d + \sqrt{%d}\}`, a, b, a, b), fmt.Sprintf(`x = %d \pm \sqrt{%d}`, a, b), fmt.Sprintf(`x = %d - \sqrt{%d} \text{ or } x = %d + \sqrt{%d}`, a, b, a, b), fmt.Sprintf(`%d \mp \sqrt{%d}`, a, b)},
		unequal: []string{fmt.Sprintf(`%d + \sqrt{%d}`, a, b), fmt.Sprintf(`%d \pm \sqrt{%d}`, a+1, b), fmt.Sprintf(`%d \pm \sqrt{%d}`, a, b+1), fmt.Sprintf(`%d + \sqrt{%d}, %d + 2\sqrt{%d}`, a, b, a, b), fmt.Sprintf(`\pm \sqrt{%d}`, b)},
	}
}

func tuples(g *gen) sample {
	ns := g.distinct(g.between(2, 4), 50)
	swap := slices.Clone(ns)
	swap[0], swap[1] = swap[1], swap[0]
	change := slices.Clone(ns)
	change[g.IntN(len(change))] += 100
	tuple := func(ns []int) string { return "(" + written(ns) + ")" }
	return sample{
		gold:    tuple(ns),
		equal:   []string{strings.ReplaceAll(tuple(ns), " ", ""), `\left(` + written(ns) + `\right)`, strings.Replace(tuple(ns), fmt.Sprint(ns[0]), fmt.Sprintf(`\frac{%d}{2}`, 2*ns[0]), 1), strings.ReplaceAll(tuple(ns), " ", `\,`)},
		unequal: []string{tuple(swap), tuple(change), tuple(append(slices.Clone(ns), 3)), tuple(append([]int{-ns[0]}, ns[1:]...)), fmt.Sprint(ns[0])},
	}
}

func pointLists(g *gen) sample {
	ns := g.distinct(4, 30)
	p, q := fmt.Sprintf("(%d, %d)", ns[0], ns[1]), fmt.Sprintf("(%d, %d)", ns[2], ns[3])
	return sample{
		gold:    p + ", " + q,
		equal:   []string{p + "," + q, p + `\text{ and }` + q, `\{` + q + ", " + p + `\}`, q + `\text{ or }` + p},
		unequal: []string{p, fmt.Sprintf("(%d, %d), %s", ns[1], ns[0], q), p + ", " + fmt.Sprintf("(%d, %d)", ns[2], ns[3]+100), p + ", " + q + ", (100, 0)"},
	}
}

func matrices(g *gen) sample {
	rows, cols := g.between(2, 3), g.between(1, 3)
	ns := g.distinct(rows*cols, 60)
	write := func(env string, rows, cols int, ns []int) string {
		var b strings.Builder
		b.WriteString(`\begin{` + env + `} `)
		for i := range rows {
			if i > 0 {
				b.WriteString(` \\ `)
			}
			b.WriteString(strings.ReplaceAll(written(ns[i*cols:(i+1)*cols]), ", ", " & "))
		}
		return b.String() + ` \end{` + env + `}`
	}
	change := slices.Clone(ns)
	change[g.IntN(len(change))]++
	double := slices.Clone(ns)
	for i := range double {
		double[i] *= 2
	}
	swap := slices.Clone(ns)
	swap[0], swap[len(swap)-1] = swap[len(swap)-1], swap[0]
	return sample{
		gold:    write("pmatrix", rows, cols, ns),
		equal:   []string{write("bmatrix", rows, cols, ns), write("pmatrix", rows, cols, ns), `\frac{1}{2}` + write("pmatrix", rows, cols, double), strings.ReplaceAll(write("pmatrix", rows, cols, ns), ` \\ `, `\\`), `A = ` + write("pmatrix", rows, cols, ns)},
		unequal: []string{write("pmatrix", rows, cols, change), write("pmatrix", rows, cols, double), write("pmatrix", rows, cols, swap), "2" + write("bmatrix", rows, cols, ns), fmt.Sprint(ns[0])},
	}
}

func units(g *gen) sample {
	n := g.between(2, 89)
	type unit struct{ small, big, other string }
	u := []unit{{"cm", "m", "kg"}, {"g", "kg", "s"}, {"mm", "cm", "g"}, {"cents", "dollars", "cm"}, {"minutes", "hours", "meters"}}[g.IntN(5)]
	ratio := map[string]int{"cm": 100, "g": 1000, "mm": 10, "cents": 100, "minutes": 60}[u.small]
	q := func(n any, unit string) string { return fmt.Sprintf(`%v\text{ %s}`, n, unit) }
	return sample{
		gold:    q(n, u.big),
		equal:   []string{q(n, u.big), fmt.Sprint(n), fmt.Sprintf(`%d \mathrm{~%s}`, n, u.big), q(n*ratio, u.small), fmt.Sprintf(`%d\,\text{%s}`, n, u.big), q(fmt.Sprintf("%d.0", n), u.big), fmt.Sprintf(`x = %d \text{ %s}`, n, u.big)},
		unequal: []string{q(n+1, u.big), q(n, u.small), q(n, u.other), fmt.Sprint(n + 1), q(-n, u.big), fmt.Sprintf(`%d\text{ %s}^2`, n, u.big)},
	}
}

func money(g *gen) sample {
	n := g.between(101, 99999)
	for n%10 == 0 {
		n++
	}
	return sample{
		gold:    `\$` + fixed(n, 2),
		equal:   []string{fixed(n, 2), `\$ ` + fixed(n, 2), fixed(n, 2) + ` \text{ dollars}`, fixed(n, 2) + " dollars", frac(n, 100), fmt.Sprintf(`%d \text{ cents}`, n)},
		unequal: []string{`\$` + fixed(n+1, 2), `\$` + fixed(n, 1), fixed(n-1, 2), `\$` + fixed(n+100, 2), fmt.Sprintf(`%d \text{ cents}`, n+1)},
	}
}

func texts(g *gen) sample {
	words := g.pick("yes", "no", "True", "False", "even", "odd", "Monday", "Friday", "parabola", "ellipse", "Evelyn", "Briar", "east", "west", "increasing")
	not := map[string]string{
		"yes": "no", "no": "yes", "True": "false", "False": "true", "even": "odd", "odd": "even", "Monday": "Sunday", "Friday": "Monday", "parabola": "hyperbola",
		"ellipse": "parabola", "Evelyn": "Carla", "Briar": "Evelyn", "east": "west", "west": "north", "increasing": "decreasing",
	}[words]
	return sample{
		gold:    `\text{` + words + `}`,
		equal:   []string{words, strings.ToLower(words), strings.ToUpper(words), `\mathrm{` + words + `}`, `\textbf{` + words + `}`, `\text{ ` + words + ` }`},
		unequal: []string{not, `\text{` + not + `}`, "17", `\frac{1}{2}`},
	}
}

func letters(g *gen) sample {
	l := g.pick("A", "B", "C", "D", "E")
	not := g.pick("A", "B", "C", "D", "E")
	for not == l {
		not = g.pick("A", "B", "C", "D", "E")
	}
	return sample{
		gold:    l,
		equal:   []string{`\text{` + l + `}`, "(" + l + ")", `\text{(` + l + `)}`, `\textbf{(` + l + `)}`, `\mathrm{` + l + `}`, `\mathbf{` + l + `}`},
		unequal: []string{not, `\text{` + not + `}`, "(" + not + ")", `\textbf{(` + not + `)}`, l + ", " + not},
	}
}

func ratios(g *gen) sample {
	a, b := g.between(2, 40), g.between(2, 40)
	for gcd(a, b) != 1 {
		b++
	}
	return sample{
		gold:    fmt.Sprintf("%d:%d", a, b),
		equal:   []string{fmt.Sprintf("%d : %d", a, b), fmt.Sprintf("%d:%d", 71*a, 71*b), fmt.Sprintf(`%d \colon %d`, a, b)},
		unequal: []string{fmt.Sprintf("%d:%d", b, a), fmt.Sprintf("%d:%d", a+1, b), fmt.Sprintf("%d:%d:1", a, b), frac(a+1, b)},
	}
}

func sequences(g *gen) sample {
	a, d := g.between(1, 9), g.between(2, 5)
	dots := g.pick(`\ldots`, `\dots`, `\cdots`)
	return sample{
		gold:    fmt.Sprintf(`%d, %d, %d, %s, n`, a, a+d, a+2*d, dots),
		equal:   []string{fmt.Sprintf(`%d,%d,%d,\ldots,n`, a, a+d, a+2*d), fmt.Sprintf(`%d, %d, %d, \dots, n`, a, a+d, a+2*d)},
		unequal: []string{fmt.Sprintf(`%d, %d, %d, %s, n`, a, a+d+1, a+2*d+2, dots), fmt.Sprintf(`%d, %d, %s, n`, a+1, a+d, dots), fmt.Sprintf(`%d, %d, %d, %s, 2n-1`, a, a+d+1, a+2*d+2, dots), fmt.Sprint(a)},
	}
}

// kinds are things that look alike and are not.
func kinds(g *gen) sample {
	a := g.between(-9, 9)
	b := a + g.between(1, 9)
	return sample{
		gold:    fmt.Sprintf("[%d, %d]", a, b),
		equal:   []string{fmt.Sprintf(`\left[%d,%d\right]`, a, b), fmt.Sprintf(`[%d,\;%d]`, a, b)},
		unequal: []string{fmt.Sprintf("(%d, %d)", a, b), fmt.Sprintf("[%d, %d)", a, b), fmt.Sprintf(`\{%d, %d, %d\}`, a, b, b+1), fmt.Sprint(b), fmt.Sprintf(`[%d, %d]`, b, a), fmt.Sprintf(`[%d, %d, %d]`, a, b, b)},
	}
}
