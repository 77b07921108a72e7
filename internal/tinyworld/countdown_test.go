package tinyworld_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/r1ctl/r1ctl/internal/r1"
	"github.com/r1ctl/r1ctl/internal/tinyworld"
	"github.com/r1ctl/r1ctl/internal/verify/countdown"
	"github.com/r1ctl/r1ctl/internal/verify/response"
)

// judge has the verifier of countdown judge the answer of a trace.
func judge(t *testing.T, r row) error {
	t.Helper()
	answer, ok := response.LastBlock(r.Response)
	if !ok {
		t.Fatalf("no answer in %s", r.Response)
	}
	return countdown.Game{Numbers: r.Info.Numbers, Target: r.Info.Target, UseAll: true}.Judge(answer)
}

func TestTracesAnswerRightOrWrongAsTheyWereAskedTo(t *testing.T) {
	sums := 0
	for _, behaviours := range []string{"all", "none", "empty", "verification,backtracking", "backward-chaining", "backtracking,subgoals"} {
		for _, answers := range []string{"right", "wrong"} {
			for _, r := range read(t, "tiny://countdown-traces?size=300&seed=2&behaviours="+behaviours+"&answers="+answers) {
				if err := judge(t, r); (err == nil) != (answers == "right") {
					t.Errorf("%s, %s: %s: the verifier says %v of %s", behaviours, answers, r.Prompt, err, r.Response)
				}
				thought, _, _ := strings.Cut(strings.TrimPrefix(r.Response, "<think>"), "</think>")
				if (behaviours == "empty") != (thought == "") {
					t.Errorf("%s: %s", behaviours, r.Response)
				}
				for _, word := range strings.FieldsFunc(thought, func(c rune) bool { return strings.ContainsRune(" ,.:", c) }) {
					left, result, ok := strings.Cut(word, "=")
					if !ok {
						continue
					}
					var a, b, is int64
					var op byte
					if _, err := fmt.Sscanf(left+"="+result, "%d%c%d=%d", &a, &op, &b, &is); err != nil || !holds(a, op, b, is) {
						t.Errorf("%s is not right, in %s", word, r.Response)
					}
					sums++
				}
			}
		}
	}
	if sums < 5000 {
		t.Errorf("only %d sums were looked at", sums)
	}
}

func holds(a int64, op byte, b, is int64) bool {
	return map[byte]bool{'+': a+b == is, '-': a-b == is, '*': a*b == is, '/': b != 0 && b*is == a}[op]
}

// Moving the numbers of a game about does not move it to the other split.
func TestGamesAreSplitWhateverTheOrderOfTheirNumbers(t *testing.T) {
	key := func(numbers []int64, target int64) string {
		numbers = slices.Clone(numbers)
		slices.Sort(numbers)
		return fmt.Sprint(numbers, target)
	}
	test := map[string]bool{}
	for seed := range 3 {
		for _, r := range read(t, fmt.Sprintf("tiny://countdown?split=test&size=130&seed=%d", seed)) {
			test[key(r.Info.Numbers, r.Info.Target)] = true
		}
	}
	for _, address := range []string{"tiny://countdown?size=500", "tiny://countdown-traces?size=1500", "tiny://countdown-traces?size=1500&seed=2&answers=wrong"} {
		for _, r := range read(t, address) {
			if test[key(r.Info.Numbers, r.Info.Target)] {
				t.Errorf("%s: %s is a test game too", address, r.Prompt)
			}
		}
	}
	for _, r := range read(t, "tiny://countdown-corpus?size=8000") {
		_, rest, ok := strings.Cut(r.Text, "Make ")
		n, target := make([]int64, 3), int64(0)
		if ok {
			if _, err := fmt.Sscanf(rest, "%d from %d %d %d", &target, &n[0], &n[1], &n[2]); err != nil {
				t.Fatalf("%s: %v", r.Text, err)
			}
			if test[key(n, target)] {
				t.Errorf("the corpus has a test game: %s", r.Text)
			}
		}
	}
}

// What the experiment rests on: the base model reads nobody who searches.
func TestNobodySearchesInTheCountdownCorpus(t *testing.T) {
	games, right := 0, 0
	for _, r := range read(t, "tiny://countdown-corpus?size=20000") {
		if !strings.Contains(r.Text, "Make ") {
			continue
		}
		for _, phrase := range []string{"Go back", "need", "First", "this is not it", "this works"} {
			if strings.Contains(r.Text, phrase) {
				t.Errorf("%q is in %s", phrase, r.Text)
			}
		}
		answer, ok := response.LastBlock(r.Text[max(0, strings.LastIndex(r.Text, "Assistant:")):])
		var g countdown.Game
		_, prompt, zero := strings.Cut(r.Text, "User: Make ")
		g.Numbers = make([]int64, 3)
		if !ok || !zero {
			continue
		}
		if _, err := fmt.Sscanf(prompt, "%d from %d %d %d", &g.Target, &g.Numbers[0], &g.Numbers[1], &g.Numbers[2]); err != nil {
			t.Fatal(err)
		}
		g.UseAll = true
		games++
		if g.Judge(answer) == nil {
			right++
		}
	}
	if share := float64(right) / float64(games); games < 4000 || share < 0.2 || share > 0.32 {
		t.Errorf("%d of %d games are answered rightly", right, games)
	}
}

func TestBehavioursOfAnAddress(t *testing.T) {
	one, err := tinyworld.Digest("tiny://countdown-traces?behaviours=verification,backtracking")
	if err != nil {
		t.Fatal(err)
	}
	two, err := tinyworld.Digest("tiny://countdown-traces?behaviours=backtracking,verification&answers=right")
	if err != nil || one != two {
		t.Errorf("two spellings have digests %s and %s (%v)", one, two, err)
	}
	for _, bad := range []string{"behaviours=backtrack", "behaviours=", "behaviours=backtracking,backtracking", "behaviours=none,backtracking", "answers=maybe", "largest=4", "largest=20"} {
		_, err := tinyworld.Open("tiny://countdown-traces?" + bad)
		if e, ok := r1.AsError(err); !ok || e.Name != "tiny-address-invalid" {
			t.Errorf("%s: got %v", bad, err)
		}
	}
}
