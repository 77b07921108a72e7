package expr_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/r1ctl/r1ctl/internal/verify/maths/expr"
)

func TestParse(t *testing.T) {
	for _, c := range []struct {
		text string
		want error
	}{
		{`\frac{1}{2}x^2 + \sqrt[3]{y}`, nil},
		{`x \in (1, \infty)`, nil},
		{`\int_0^1 x\,dx`, expr.ErrUnknown},
		{`\begin{cases} x \\ y \end{cases}`, expr.ErrUnknown},
		{`the answer`, nil}, // words are text
		{`2 to 5`, expr.ErrUnknown},
		{`1/2x`, expr.ErrAmbiguous},
		{`2\frac{5}{3}`, expr.ErrAmbiguous},
		{`\frac123`, expr.ErrAmbiguous},
		{`1.234.567`, expr.ErrAmbiguous},
		{`0.333...`, expr.ErrAmbiguous},
		{strings.Repeat("(", 100) + "1" + strings.Repeat(")", 100), expr.ErrLimit},
		{strings.Repeat("9", 3000), expr.ErrLimit},
		{strings.Repeat("x", 5000), expr.ErrLimit},
		{``, expr.ErrUnknown},
		{`)`, expr.ErrUnknown},
	} {
		if _, err := expr.Parse(c.text); !errors.Is(err, c.want) {
			t.Errorf("%.40s: %v, want %v", c.text, err, c.want)
		}
	}
}

func TestOrder(t *testing.T) {
	for _, c := range []struct {
		a, b  string
		sign  int
		known bool
	}{
		{`\sqrt2`, `1.41`, 1, true},
		{`\pi`, `\frac{22}{7}`, -1, true},
		{`-\infty`, `-10^{100}`, -1, true},
		{`\infty`, `\infty`, 0, true},
		{`\sqrt{8}`, `2\sqrt2`, 0, true},
		{`x`, `1`, 0, false},
		{`i`, `1`, 0, false},
	} {
		a, err := expr.Parse(c.a)
		if err != nil {
			t.Fatal(err)
		}
		b, err := expr.Parse(c.b)
		if err != nil {
			t.Fatal(err)
		}
		if sign, known := expr.Order(a, b); sign < 0 != (c.sign < 0) || sign > 0 != (c.sign > 0) || known != c.known {
			t.Errorf("%s and %s: %d, %v", c.a, c.b, sign, known)
		}
	}
}
