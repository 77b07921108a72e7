package reward

import (
	"math/rand/v2"
	"regexp"
	"strings"
	"testing"
)

// The scanner finds what this expression finds.
var stepRule = regexp.MustCompile(`(?m)^[ \t]*(?:[0-9]+[.)]|[-*])[ \t]+\**(?:Step [0-9]+:|(?:First|Second|Next|Finally),)?|\bStep [0-9]+:|\b(?:First|Second|Next|Finally),`)

func TestStepsAreThoseOfTheRule(t *testing.T) {
	random := rand.New(rand.NewPCG(5, 6))
	pieces := []string{"First,", "Second,", "Next,", "Finally,", "Step 1:", "Step 12:", "Step :", "Step", "1.", "23)", "-", "*", "**", " ", "\t", "\n", "\n", "a", "_", "3", ".", ":", "é"}
	found := 0
	for range 20000 {
		var b strings.Builder
		for range random.IntN(12) {
			b.WriteString(pieces[random.IntN(len(pieces))])
		}
		text := b.String()
		want := len(stepRule.FindAllStringIndex(text, -1))
		if got := steps(text, 1000); got != want {
			t.Fatalf("got %d steps, want %d in %q", got, want, text)
		}
		if got := steps(text, 2); got != min(2, want) {
			t.Fatalf("got %d steps of 2 at most, want %d in %q", got, min(2, want), text)
		}
		found += want
	}
	if found < 10000 {
		t.Errorf("only %d steps to find: the texts say little", found)
	}
}
