package estimate

import (
	"slices"
	"testing"

	"github.com/r1ctl/r1ctl/internal/curate"
)

// Every step that curate has is one that the estimate has an opinion of.
func TestEveryStepHasAShare(t *testing.T) {
	for _, s := range curate.Steps() {
		if _, known := keeps(s.Name); !known && !slices.Contains([]string{"cap", "select", "mix"}, s.Name) {
			t.Errorf("nothing is said of the rows that %s keeps", s.Name)
		}
	}
}
