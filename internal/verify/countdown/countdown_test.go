package countdown_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/r1ctl/r1ctl/internal/verify/countdown"
)

func TestAnswersAreWorkedOut(t *testing.T) {
	all := countdown.Game{Numbers: []int64{3, 4, 5, 5}, Target: 24, UseAll: true}
	some := countdown.Game{Numbers: []int64{2, 3, 25, 100}, Target: 150}
	for _, c := range []struct {
		game   countdown.Game
		answer string
		want   error
	}{
		{all, "(5*5)-4+3", nil},
		{all, "5*5 - (4 - 3)", nil},
		{all, "5 * 5 - 4 + 3 = 24", nil},
		{all, `5 \times 5 - (4 - 3)`, nil},
		{all, `$\left(5 × 5\right) − 4 + 3$`, nil},
		{all, "5*5-4+3=25", countdown.ErrMissed}, // the claim is false
		{all, "5*5-4-3", countdown.ErrMissed},
		{all, "4*(5+3-5)", countdown.ErrMissed}, // 12
		{all, "4*5+4", countdown.ErrWrongNumbers},
		{all, "5*5-1", countdown.ErrWrongNumbers},
		{all, "24", countdown.ErrWrongNumbers},
		{all, "5*5-4+3-(5-5)", countdown.ErrWrongNumbers},
		{all, "55-34+3", countdown.ErrWrongNumbers}, // digits are not put together
		{all, "5/(5-5)+3+4", countdown.ErrMissed},
		{all, "-4+3+5*5", countdown.ErrNotExpression},
		{all, "5**5-4+3", countdown.ErrNotExpression},
		{all, "five times five", countdown.ErrNotExpression},
		{all, "", countdown.ErrNotExpression},
		{all, "5*(5-4+3", countdown.ErrNotExpression},
		{all, "__import__('os')", countdown.ErrNotExpression},
		{some, "2*3*25", nil},
		{some, "100+2*25", nil},
		{some, `\frac{3*100}{2}`, nil},
		{some, `\frac{3*100}{2-2}`, countdown.ErrMissed},
		{some, "2*3*25*2/2", countdown.ErrWrongNumbers},
		{some, "100/3*2*25", countdown.ErrMissed}, // in fractions, not in integers
	} {
		if got := c.game.Judge(c.answer); !errors.Is(got, c.want) {
			t.Errorf("%q: got %v, want %v", c.answer, got, c.want)
		}
	}
}

func TestFractionsOnTheWayAreExact(t *testing.T) {
	g := countdown.Game{Numbers: []int64{1, 3, 3, 7}, Target: 7, UseAll: true}
	if err := g.Judge("1/3*3*7"); err != nil {
		t.Errorf("1/3*3*7 is 7: %v", err)
	}
}

func TestGamesThatCannotBeJudged(t *testing.T) {
	for name, g := range map[string]countdown.Game{
		"no numbers": {Target: 3}, "negative": {Numbers: []int64{-1}}, "too many": {Numbers: make([]int64, 33)},
	} {
		if g.Check() == nil {
			t.Errorf("%s: was accepted", name)
		}
	}
}

func FuzzJudge(f *testing.F) {
	for _, s := range []string{"", "5*5-4+3", strings.Repeat("(", 1000), strings.Repeat("9", 1000), `\frac{5}{0}`, "\xff", "=", "1=1", "5/0=24"} {
		f.Add(s)
	}
	g := countdown.Game{Numbers: []int64{3, 4, 5, 5}, Target: 24}
	f.Fuzz(func(t *testing.T, answer string) {
		if g.Judge(answer) == nil && !strings.ContainsAny(answer, "345") {
			t.Fatalf("%q reaches 24 without the numbers", answer)
		}
	})
}
