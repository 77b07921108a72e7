package maths_test

import (
	"strings"
	"testing"

	"github.com/r1ctl/r1ctl/internal/r1"
	"github.com/r1ctl/r1ctl/internal/verify/maths"
)

// say is the short form of a decision: = equal, ≠ not, ? not decided.
func say(d maths.Decision) string {
	switch {
	case !d.Decided:
		return "?"
	case d.Label == r1.Correct:
		return "="
	case d.Label == r1.Wrong:
		return "≠"
	}
	return "broken: " + string(d.Label)
}

func TestCompare(t *testing.T) {
	for _, c := range []struct{ gold, answer, want string }{
		// What math-verify is known to get wrong.
		{`$\frac{1}{2^{99}}$`, `$\frac{1}{2^{98}}$`, "≠"},
		{`$1,2,\ldots,n$`, `$1,3,5,\ldots,2n-1$`, "≠"},
		{`3*x-1*y+13=0`, `3x + 4y + 14=0`, "≠"},
		{`$3\text{ cm}$`, `3 m`, "?"},
		{`$3\text{ cm}$`, `3\text{ m}`, "≠"},
		{`$(1,2)$`, `$\{1,2\}$`, "?"},
		{`$(1,2)$`, `$\{1,3\}$`, "≠"},
		{`$10\%$`, `$10$`, "?"},
		{`$50$`, `$50\%$`, "?"},
		{`$10\%$`, `0.1`, "="},
		{`$10\%$`, `$\frac{1}{10}$`, "="},
		{`$45^\circ$`, `$\frac{\pi}{4}$`, "="},
		{`$C_5^2$`, `$10$`, "="},
		{`$\text{yes}$`, `yes`, "="},
		{`$\text{yes}$`, `No.`, "≠"},
		{`$\sqrt{1/n}$`, `$\frac1{\sqrt n}$`, "="},
		{`$i$`, `$\sqrt{-1}$`, "="},
		{`0,111`, `0.111`, "?"},
		{`1/3`, `0.333`, "?"},
		{`1/3`, `0.35`, "≠"},
		{`0.33`, `0.34`, "≠"},

		// Numbers as they are written.
		{`7`, `7.0`, "="},
		{`1,234`, `1234`, "="},
		{`1234567.5`, `1,234,567.50`, "="},
		{`$1{,}000$`, `1000`, "="},
		{`1\,000`, `1000`, "="},
		{`-\frac12`, `\frac{-1}{2}`, "="},
		{`\dfrac{3}{4}`, `0.75`, "="},
		{`1\frac{1}{2}`, `\frac{3}{2}`, "="},
		{`1 1/2`, `1.5`, "="},
		{`2\frac{5}{3}`, `\frac{10}{3}`, "?"},
		{`0.\overline{3}`, `\frac13`, "="},
		{`1.5\times10^{3}`, `1500`, "="},
		{`100000000000000000001`, `100000000000000000002`, "≠"},
		{`2^{100}`, `1267650600228229401496703205376`, "="},
		{`2^{100000}`, `2^{100001}`, "≠"},
		{`5!`, `120`, "="},
		{`\binom{6}{2}`, `15`, "="},
		{`\frac{1}{0}`, `5`, "?"},

		// Surds and constants.
		{`\sqrt{8}`, `2\sqrt2`, "="},
		{`\frac{1}{\sqrt{2}}`, `\frac{\sqrt{2}}{2}`, "="},
		{`\sqrt{5+2\sqrt6}`, `\sqrt2+\sqrt3`, "="},
		{`\sqrt[3]{-8}`, `-2`, "="},
		{`\sqrt{2}`, `1.41`, "?"},
		{`\sqrt{2}`, `1.5`, "≠"},
		{`e^{i\pi}`, `-1`, "="},
		{`\ln 8`, `3\ln 2`, "="},
		{`\log_2 8`, `3`, "="},
		{`\log 100`, `2`, "?"},
		{`\log 6`, `\log 2 + \log 3`, "="},
		{`\sin 30^\circ`, `\frac12`, "="},
		{`e^{\pi\sqrt{163}}`, `262537412640768744`, "≠"},
		{`|-3|`, `3`, "="},
		{`(2+3i)(1-i)`, `5+i`, "="},
		{`\infty`, `-\infty`, "≠"},
		{`\arctan 1`, `\pi/4`, "="},

		// Variables.
		{`(x+1)^2`, `x^2+2x+1`, "="},
		{`(x+1)^2`, `x^2+2x+2`, "≠"},
		{`\sin^2 x`, `1-\cos^2 x`, "="},
		{`\sqrt{x^2}`, `x`, "?"},
		{`\frac{x^2-1}{x-1}`, `x+1`, "="},
		{`x+1`, `y+1`, "?"},
		{`n!`, `n\cdot(n-1)!`, "="},
		{`\sin(n\pi)`, `0`, "?"},
		{`2ab`, `2ba`, "="},
		{`5`, `5x`, "?"},
		{`x^{100}`, `x^{101}`, "≠"},

		// Collections.
		{`\{1,2\}`, `\{2,1\}`, "="},
		{`1,2`, `\{2,1\}`, "="},
		{`1,2`, `2,1`, "?"},
		{`1 \text{ or } 2`, `2, 1`, "="},
		{`\pm 3`, `3, -3`, "="},
		{`\pm 3`, `3`, "≠"},
		{`1\pm\sqrt2`, `1-\sqrt2, 1+\sqrt2`, "="},
		{`5`, `5 or 6`, "≠"},
		{`(1,2)`, `(2,1)`, "≠"},
		{`(1,2)`, `(1,2,3)`, "≠"},
		{`(1,2)`, `\left(1, \frac{4}{2}\right)`, "="},
		{`[1,2]`, `(1,2)`, "≠"},
		{`[1,2)`, `[1,2]`, "≠"},
		{`(-\infty, 3]`, `x \le 3`, "="},
		{`(-\infty,1)\cup(1,\infty)`, `x \neq 1`, "="},
		{`(2,\infty)`, `x>3`, "≠"},
		{`(0,1)\cup[1,2)`, `(0,2)`, "="},
		{`\begin{pmatrix}1&2\\3&4\end{pmatrix}`, `\begin{bmatrix} 1 & 2 \\ 3 & \frac{8}{2} \end{bmatrix}`, "="},
		{`\begin{pmatrix}1&2\\3&4\end{pmatrix}`, `\begin{pmatrix}1&3\\2&4\end{pmatrix}`, "≠"},
		{`3:4`, `6:8`, "="},
		{`3:4`, `4:3`, "≠"},

		// Equations and inequalities.
		{`x=5`, `5`, "="},
		{`5`, `x = 2+3 = 5`, "="},
		{`5`, `x = 6 = 5`, "?"},
		{`y=2x+1`, `2x-y+1=0`, "="},
		{`y=2x+1`, `y=2x+2`, "≠"},
		{`x^2+y^2=4`, `x^2+y^2=9`, "≠"},
		{`2x+4y=6`, `x+2y=3`, "="},
		{`x+y<3`, `3>y+x`, "="},
		{`x+y<3`, `x+y\le3`, "≠"},
		{`x=1, y=2`, `y=2, x=1`, "="},
		{`f(x)=2x+1`, `2x+1`, "="},
		{`a=1, b=2`, `a=2, b=1`, "≠"},
		{`x\in(0,1)`, `0<x<1`, "="},
		{`\frac{a}{b}c`, `\frac{a}{bc}`, "≠"},
		{`y = \frac{1}{x}`, `xy=1`, "?"},

		// Units.
		{`5\text{ cm}`, `5`, "="},
		{`5`, `5 \mathrm{~cm}`, "="},
		{`5\text{ cm}`, `50\text{ mm}`, "="},
		{`5\text{ cm}^2`, `5\text{ cm}`, "≠"},
		{`\$5`, `5 dollars`, "="},
		{`\$5`, `\text{€}5`, "≠"},
		{`90^\circ`, `90`, "="},
		{`3\text{ m}`, `300`, "?"},
		{`12\text{ apples}`, `12`, "="},
		{`5 million`, `5`, "≠"},
		{`60 \text{ km/h}`, `60`, "="},

		// Words and letters.
		{`\text{(A)}`, `A`, "="},
		{`(B)`, `\textbf{C}`, "≠"},
		{`\text{Tuesday}`, `tuesday`, "="},
		{`\text{Alice}`, `Bob`, "?"},

		// Doubtful conventions, and what looks equal and is not.
		{`45\text{ rad}`, `45^\circ`, "≠"},
		{`3\text{ cm}`, `3^\circ`, "?"},
		{`\frac{dy}{dx}`, `\frac{y}{x}`, "?"},
		{`\ln|x|+C`, `\ln x+C`, "?"},
		{`\frac{\sin^2 x}{2}+C`, `-\frac{\cos^2 x}{2}+C`, "?"},
		{`x=\frac{\pi}{4}+k\pi`, `x=\frac{5\pi}{4}+k\pi`, "?"},
		{`4k+1, k \in \mathbb{Z}`, `4k-3, k\in\mathbb{Z}`, "?"},
		{`1.234`, `1,234`, "?"},
		{`10 m/s`, `10 \text{ m/s}`, "?"},
		{`\text{May}`, `5`, "?"},
		{`\text{true}`, `1`, "?"},
		{`(1.5, 2.5)`, `(1,5; 2,5)`, "?"},
		{`\frac13`, `33\%`, "?"},
		{`[0,1]`, `0\le x\le 1`, "="},
		{`(0,1)`, `0<x<1`, "?"},
		{`x \le -1 \text{ or } x\ge 2`, `(-\infty,-1]\cup[2,\infty)`, "="},
		{`12:30`, `12:30`, "="},
		{`3:30`, `1:10`, "?"},
		{`\begin{pmatrix}1\\2\end{pmatrix}`, `(1,2)`, "?"},
		{`1011_2`, `11`, "?"},
		{`1011_2`, `1100_2`, "≠"},
		{`\emptyset`, `\text{no solution}`, "?"},
		{`(-8)^{1/3}`, `-2`, "?"},
		{`9^9^9^9`, `1`, "?"},
		{`x^2 - 5x + 6 = 0`, `(x-2)(x-3)=0`, "="},
		{`(-1)^n`, `\cos(n\pi)`, "="},
		{`\mathbb{R}\setminus\{1\}`, `(-\infty,1)\cup(1,\infty)`, "="},
		{`\sqrt{x}\cdot\sqrt{x}`, `x`, "="},

		// Gold that nobody can read is never rewarded.
		{``, ``, "?"},
		{`\frac{1}{`, `\frac{1}{`, "?"},
		{`???`, `???`, "?"},
		{`5`, ``, "≠"},
	} {
		d := maths.Compare(c.gold, c.answer)
		if got := say(d); got != c.want {
			t.Errorf("%s against %s: %s (%s, tier %d), want %s", c.answer, c.gold, got, d.Reason, d.Tier, c.want)
		}
	}
}

func TestExtract(t *testing.T) {
	for _, c := range []struct{ reply, want string }{
		{`So \boxed{5}.`, "5"},
		{`\boxed{1} then \boxed{\frac{1}{2}}`, `\frac{1}{2}`},
		{`\boxed{\boxed{5}}`, `\boxed{5}`},
		{`<answer> 7 </answer>`, "7"},
		{`\boxed{3} <answer>it is \boxed{4}</answer>`, "4"},
		{`<answer>The answer is 12.</answer>`, "12"},
		{`The answer is $\frac{3}{4}$.`, `\frac{3}{4}`},
		{`**Answer:** 42`, "42"},
		{`We get $x=2$ and so $y = 3$.`, "y = 3"},
		{"He has 3 apples and she has 1,234 of them in the end.", "1,234"},
		{`yes`, "yes"},
		{`so it is \boxed{12`, ""},
		{``, ""},
		{"nothing of any value was found in this long reply, and no number is here at all", ""},
		{`\boxed{\{1,2\}}`, `\{1,2\}`},
	} {
		if got, _ := maths.Extract(c.reply); got != c.want {
			t.Errorf("%q: %q, want %q", c.reply, got, c.want)
		}
	}
}

func TestJudge(t *testing.T) {
	for _, c := range []struct{ gold, reply, want, reason string }{
		{"5", `So the answer is $\boxed{5}$.`, "=", ""},
		{"5", `So the answer is $\boxed{6}$.`, "≠", ""},
		{"5", "I do not know what to make of it, and there is nothing that I can say.", "≠", maths.ReasonNoAnswer},
		{"5", `it is \boxed{5`, "≠", maths.ReasonNoAnswer},
		{"", `\boxed{5}`, "?", maths.ReasonGold},
		{"", "", "?", maths.ReasonGold},
		{`\int x\,dx`, `\boxed{5}`, "?", maths.ReasonGold},
		{"5", `\boxed{\int x\,dx}`, "?", maths.ReasonUnparsable},
		{"5", `\boxed{` + strings.Repeat("5", 10_000) + `}`, "≠", maths.ReasonTooLong},
		{`\frac{1}{3}`, `\boxed{0.333}`, "?", maths.ReasonRounded},
		{"10", `\boxed{10\%}`, "?", maths.ReasonPercent},
		{"1, 2", `\boxed{2, 1}`, "?", maths.ReasonOrder},
		{`\text{Anna}`, `\boxed{\text{Ben}}`, "?", maths.ReasonText},
		{"x+1", `\boxed{t+1}`, "?", maths.ReasonVariables},
		{`(1,2)`, `\boxed{\{1,2\}}`, "?", maths.ReasonKind},
		{`3\text{ m}`, `\boxed{300}`, "?", maths.ReasonUnit},
		{`\frac{1}{2x}`, `\boxed{1/2x}`, "?", maths.ReasonAmbiguous},
	} {
		d := maths.Judge(c.gold, c.reply)
		if say(d) != c.want || d.Reason != c.reason {
			t.Errorf("%.60s against %s: %s %q, want %s %q", c.reply, c.gold, say(d), d.Reason, c.want, c.reason)
		}
	}
}
