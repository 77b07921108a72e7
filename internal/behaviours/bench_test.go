package behaviours_test

import (
	"strings"
	"testing"

	"github.com/r1ctl/r1ctl/internal/behaviours"
)

// go test ./internal/behaviours -bench . -run - says how many MB a second one core counts.
func BenchmarkText(b *testing.B) {
	trace := strings.Repeat("Okay, so I need to find the number of ways to arrange the letters. First, let's find how many letters there are. "+
		"There are 11 letters, and $\\binom{11}{4} = 330$. Wait, that's not right, because two of them are equal. Let me double-check: 11! / (4! * 4! * 2!) = 34650. "+
		"So the probability is 330/34650, which simplifies to 1/105. Hmm, but the problem asks for the expected value. ", 40)
	c := behaviours.New()
	b.SetBytes(int64(len(trace)))
	for b.Loop() {
		c.Text(trace)
	}
}

func BenchmarkGame(b *testing.B) {
	trace := strings.Repeat("9-6=3, 3*3=9. I want 21, this is not it. Go back. 6+3=9, 9+9=18, which is too low. Try 9*3=27 and then 27-6=21. ", 40)
	c, g := behaviours.New(), behaviours.Game{Numbers: []int64{9, 6, 3}, Target: 21}
	b.SetBytes(int64(len(trace)))
	for b.Loop() {
		c.Game(trace, g)
	}
}
