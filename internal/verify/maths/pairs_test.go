package maths_test

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/r1ctl/r1ctl/internal/r1"
	"github.com/r1ctl/r1ctl/internal/verify/maths"
	"github.com/r1ctl/r1ctl/internal/verify/maths/pairs"
)

// TestPairs judges pairs whose truth is known by construction: nothing that is
// decided may be decided wrongly. R1CTL_PAIRS sets how many.
func TestPairs(t *testing.T) {
	n := 3600
	if s := os.Getenv("R1CTL_PAIRS"); s != "" {
		var err error
		if n, err = strconv.Atoi(s); err != nil {
			t.Fatal(err)
		}
	}
	type score struct{ equal, equalDecided, unequal, unequalDecided int }
	scores := map[string]*score{}
	for _, p := range pairs.Generate(1, n) {
		s := scores[p.Kind]
		if s == nil {
			s = &score{}
			scores[p.Kind] = s
		}
		d := maths.Compare(p.Gold, p.Answer)
		if d.Decided && (d.Label == r1.Correct) != p.Equal {
			t.Errorf("%s: %s against %s: %s (%s, tier %d), by construction equal is %v", p.Kind, p.Answer, p.Gold, d.Label, d.Reason, d.Tier, p.Equal)
		}
		one := 0
		if d.Decided {
			one = 1
		} else if os.Getenv("R1CTL_UNDECIDED") != "" {
			t.Logf("undecided: %s: %s against %s: %s", p.Kind, p.Answer, p.Gold, d.Reason)
		}
		if p.Equal {
			s.equal++
			s.equalDecided += one
		} else {
			s.unequal++
			s.unequalDecided += one
		}
	}
	var lines []string
	all := score{}
	for kind, s := range scores {
		lines = append(lines, fmt.Sprintf("| %s | %d of %d | %d of %d |", kind, s.equalDecided, s.equal, s.unequalDecided, s.unequal))
		all.equal += s.equal
		all.equalDecided += s.equalDecided
		all.unequal += s.unequal
		all.unequalDecided += s.unequalDecided
	}
	slices.Sort(lines)
	t.Logf("decided, all of it rightly:\n%s\n| all | %d of %d | %d of %d |", strings.Join(lines, "\n"), all.equalDecided, all.equal, all.unequalDecided, all.unequal)
	if decided := all.equalDecided + all.unequalDecided; decided*100 < 95*n {
		t.Errorf("only %d of %d are decided", decided, n)
	}
}
