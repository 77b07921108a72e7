package behaviours_test

import (
	"encoding/json"
	"maps"
	"strings"
	"testing"

	"github.com/r1ctl/r1ctl/internal/behaviours"
	"github.com/r1ctl/r1ctl/internal/tinyworld"
)

// shown is a compact form: counts in the order of Names.
func shown(c behaviours.Counts) [4]int { return c.Shown }

func TestSentencesOfAnyTrace(t *testing.T) {
	c := behaviours.New()
	for _, x := range []struct {
		trace string
		want  [4]int // verification, backtracking, subgoals, backward chaining
	}{
		{"", [4]int{}},
		{"The sum is 12.", [4]int{}},
		{"Let me double-check: 3*4 is 12.", [4]int{1, 0, 0, 0}},
		{"LET ME CHECK THAT. Let’s verify it.", [4]int{2, 0, 0, 0}},
		{"There is no need to verify this.", [4]int{}},
		{"Wait, that's not right. Let me try again.", [4]int{0, 2, 0, 0}},
		{"Wait for me.", [4]int{}},
		{"First, let's find the radius. Step 2: the area.", [4]int{0, 0, 2, 0}},
		{"Let me work backwards from 24.", [4]int{0, 0, 0, 1}},
		{"To get 24 from 6, we need 4 times that.", [4]int{0, 0, 0, 1}},
		{"I made a mistake, I made a mistake", [4]int{0, 1, 0, 0}}, // one sentence
	} {
		if got := shown(c.Text(x.trace)); got != x.want {
			t.Errorf("%q: got %v, want %v", x.trace, got, x.want)
		}
	}
}

func TestCalculationsOfAGame(t *testing.T) {
	c := behaviours.New()
	g := behaviours.Game{Numbers: []int64{9, 2, 4}, Target: 13}
	for _, x := range []struct {
		name, trace string
		want        [4]int
	}{
		{"one attempt", "9+2=11, 11+4=15.", [4]int{}},
		{"a second one, without a word", "9+2=11, 11+4=15. 9*2=18, 18-4=14.", [4]int{0, 1, 0, 0}},
		{"a second one, announced", "9+2=11, 11+4=15. Go back. 9*2=18, 18-4=14.", [4]int{0, 1, 0, 0}},
		{"the same first step", "9+2=11, 11+4=15. 9+2=11, 11-4=7.", [4]int{0, 1, 0, 0}},
		{"said again", "9+4=13. 9*4=36, 36/2=18. 9*4=36, 36/2=18.", [4]int{0, 1, 0, 0}},
		{"said again after its end", "9*2=18, 18-4=14. 9+4=13, 13-2=11. 9+2=11, 11+4=15. 9+2=11, 11-4=7.", [4]int{0, 3, 0, 0}},
		{"a solution said again", "9*2=18, 18-4=14. 9+2=11, 11+2=13. 9+4=13, 13*2=26. Yes, 9+4=13, 13*2=26.", [4]int{0, 2, 0, 0}},
		{"compared", "9+2=11, 11 is not 13. Too low! 13 is 13, it works.", [4]int{3, 0, 0, 0}},
		{"from the target", "13-4=9, so I need 9. 13+2=15.", [4]int{0, 0, 0, 2}},
		{"a number on the way", "Let me try to get to 17. Let me make 13.", [4]int{0, 0, 1, 0}},
		{"other people's numbers", "7+7=14. 5*5=25.", [4]int{}},
		{"signs of all kinds", `9 \times 2 = 18, 18 − 4 = 14. 9 x 4 = 36 ≠ 13.`, [4]int{1, 1, 0, 0}},
	} {
		if got := shown(c.Game(x.trace, g)); got != x.want {
			t.Errorf("%s: %q: got %v, want %v", x.name, x.trace, got, x.want)
		}
	}
}

// The solver of the tiny world knows what each of its traces shows; the rules must
// find it in the text.
func TestTracesOfTheSolverShowWhatTheyWereMadeToShow(t *testing.T) {
	c := behaviours.New()
	sets := []string{"all", "none", "empty", "verification", "backtracking", "subgoals", "backward-chaining",
		"verification,backtracking", "subgoals,backward-chaining", "backtracking,backward-chaining", "verification,subgoals"}
	for _, set := range sets {
		for _, answers := range []string{"right", "wrong"} {
			rows, err := tinyworld.Open("tiny://countdown-traces?size=400&seed=5&behaviours=" + set + "&answers=" + answers)
			if err != nil {
				t.Fatal(err)
			}
			wrong := 0
			for raw := range rows {
				var row behaviours.Row
				var made struct {
					Behaviours map[string]int `json:"behaviours"`
				}
				if err := json.Unmarshal(raw, &row); err != nil {
					t.Fatal(err)
				}
				if err := json.Unmarshal(raw, &made); err != nil {
					t.Fatal(err)
				}
				got := c.Row(row).ByName()
				maps.DeleteFunc(got, func(_ string, n int) bool { return n == 0 })
				if !maps.Equal(got, made.Behaviours) {
					if wrong++; wrong < 4 {
						t.Errorf("%s, %s: %s\n%s\ncounted %v, made to show %v", set, answers, row.Prompt, row.Response, got, made.Behaviours)
					}
				}
			}
			if wrong > 0 {
				t.Errorf("%s, %s: %d of 400 traces", set, answers, wrong)
			}
		}
	}
}

func TestReflectiveWordsAreWholeWordsInAnyCase(t *testing.T) {
	c := behaviours.New()
	for text, want := range map[string]int{
		"":                               0,
		"Wait, but that is WRONG.":       3,
		"waiting checks buttons checked": 0,
		"double-check (check) re-check":  3,
		"check_it 3check check3":         0,
		"wait's but’s":                   2,
		"error... retry!evaluate,verify": 4,
		"however\nmistake\tmistake":      3,
		"naïvecheck écheck check":        1,
		"<think>wait</think>":            1,
		strings.Repeat("wait but ", 400): 800,
	} {
		if got := c.Text(text).Reflective(); got != want {
			t.Errorf("%q: got %d, want %d", text, got, want)
		}
	}
}

func FuzzCount(f *testing.F) {
	for _, s := range []string{"", "9+2=11", "Wait, no. \xff", "<think>", `\times`, "9.5.5=", "’", strings.Repeat("a", 1000)} {
		f.Add(s)
	}
	c := behaviours.New()
	f.Fuzz(func(t *testing.T, text string) {
		for _, n := range c.Game(text, behaviours.Game{Numbers: []int64{9, 2}, Target: 11}).Shown {
			if n < 0 || n > len(text) {
				t.Fatalf("%q: %d", text, n)
			}
		}
		c.Text(text)
	})
}
