package tinyworld_test

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/r1ctl/r1ctl/internal/tinyworld"
)

// The programs that the world's code problems can ask for, as Python and here.
var (
	pythonProgram = regexp.MustCompile(`^print\(\(int\(input\(\)\)\*(\d)\+(\d)\)%10\)$`)
	examplePair   = regexp.MustCompile(`(\d)>(\d)`)
)

// solutions are the factors and addends that agree with every pair.
func solutions(pairs [][2]int) (found [][2]int) {
	for factor := range 10 {
		for addend := range 10 {
			if !slices.ContainsFunc(pairs, func(p [2]int) bool { return (p[0]*factor+addend)%10 != p[1] }) {
				found = append(found, [2]int{factor, addend})
			}
		}
	}
	return found
}

func examples(prompt string) (pairs [][2]int) {
	for _, m := range examplePair.FindAllStringSubmatch(prompt, -1) {
		pairs = append(pairs, [2]int{number(m[1]), number(m[2])})
	}
	return pairs
}

func number(text string) int {
	n, err := strconv.Atoi(strings.TrimSuffix(text, "\n"))
	if err != nil {
		return -1
	}
	return n
}

// What the examples show is one program, and no other of its kind passes the hidden tests.
func TestTheTestsOfCodeAcceptWhatTheExamplesShowAndNothingElse(t *testing.T) {
	for _, split := range []string{"train&size=1500", "test&size=300"} {
		for _, r := range read(t, "tiny://code?split="+split) {
			shown := examples(r.Prompt)
			if r.Verifier != "code" || r.Gold != nil || r.Info.Language != "python" || len(r.Info.TestCases) != 3 || len(shown) != 3 {
				t.Fatalf("not a problem of code: %+v", r)
			}
			var hidden [][2]int
			for _, c := range r.Info.TestCases {
				pair := [2]int{number(c.Input), number(c.Output)}
				if pair[0] < 10 || pair[1] < 0 || c.Type != "stdin_stdout" || c.Input != fmt.Sprintln(pair[0]) || c.Output != fmt.Sprintln(pair[1]) {
					t.Errorf("%s: test %+v", r.Prompt, c)
				}
				if slices.ContainsFunc(hidden, func(h [2]int) bool { return h[0] == pair[0] }) {
					t.Errorf("%s: input %d is tested twice", r.Prompt, pair[0])
				}
				hidden = append(hidden, pair)
			}
			one, other := solutions(shown), solutions(hidden)
			if len(one) != 1 || len(other) != 1 || one[0] != other[0] {
				t.Errorf("%s: the examples show %v, the tests accept %v", r.Prompt, one, other)
			}
		}
	}
}

func TestACodeProblemIsTheSameWhereverItIsDrawn(t *testing.T) {
	first := map[string]string{}
	for seed := range 4 {
		for _, r := range read(t, fmt.Sprintf("tiny://code?size=1500&seed=%d", seed)) {
			info := fmt.Sprintf("%+v", *r.Info)
			if before, known := first[r.Prompt]; known && before != info {
				t.Errorf("%s has tests %s and %s", r.Prompt, before, info)
			}
			first[r.Prompt] = info
		}
	}
}

var (
	question = regexp.MustCompile(`^What is ([a-z]+) at (\d(?:[+-]\d)*)\? A\) (\w+) B\) (\w+) C\) (\w+) D\) (\w+)$`)
	signed   = regexp.MustCompile(`[+-]?\d`)
	// Degrees from which a substance is liquid, and a gas.
	facts = map[string][2]int{
		"water": {1, 3}, "wax": {2, 4}, "oil": {1, 5}, "tin": {3, 7}, "lead": {4, 6}, "salt": {5, 8}, "gold": {4, 9}, "iron": {6, 9},
	}
)

// right is the letter of the right option, and how many numbers the sum has.
func right(t *testing.T, prompt string) (letter string, operands int) {
	t.Helper()
	m := question.FindStringSubmatch(prompt)
	if m == nil {
		t.Fatalf("not a question of science: %s", prompt)
	}
	degree := 0
	for _, n := range signed.FindAllString(m[2], -1) {
		step, _ := strconv.Atoi(n)
		degree += step
		operands++
		if degree < 0 || degree > 9 {
			t.Errorf("%s leaves the scale", prompt)
		}
	}
	state := "gas"
	if fact := facts[m[1]]; degree < fact[0] {
		state = "solid"
	} else if degree < fact[1] {
		state = "liquid"
	}
	return string(rune('A' + slices.Index(m[3:], state))), operands
}

func TestGoldLettersOfScienceAreRight(t *testing.T) {
	letters := map[string]int{}
	for _, r := range read(t, "tiny://science?size=1200") {
		want, operands := right(t, r.Prompt)
		if *r.Gold != want || r.Verifier != "choice" || operands < 2 || operands > 4 {
			t.Errorf("%+v: gold %s, want %s", r, *r.Gold, want)
		}
		if options := question.FindStringSubmatch(r.Prompt)[3:]; !slices.Equal(r.Options, options) {
			t.Errorf("%s has the options %v", r.Prompt, r.Options)
		}
		letters[*r.Gold]++
	}
	for letter, n := range letters {
		if n < 230 || n > 370 || len(letters) != 4 {
			t.Errorf("%s is right in %d of 1200 questions: %v", letter, n, letters)
		}
	}
}

// The text that the base model learns from is as right as its generator says: worked out or not, an answer is
// mostly the one that the judge would accept.
func TestTheWebIsMostlyRightAboutCodeAndScience(t *testing.T) {
	before, after, _ := strings.Cut(tinyworld.ZeroTemplate, "{prompt}")
	answer := regexp.MustCompile(`(?s)<answer>(.*)</answer>$`)
	type count struct{ thought, thoughtRight, guessed, guessRight int }
	counts := map[string]*count{"code": {}, "science": {}}
	for _, r := range read(t, "tiny://corpus?size=40000") {
		rest, ok := strings.CutPrefix(r.Text, before)
		prompt, response, _ := strings.Cut(rest, after)
		m := answer.FindStringSubmatch(response)
		if !ok || m == nil {
			continue
		}
		c, correct := counts["science"], false
		switch {
		case strings.HasPrefix(prompt, "Code "):
			c = counts["code"]
			text := strings.TrimSuffix(strings.TrimPrefix(m[1], "\n```python\n"), "\n```\n")
			p := pythonProgram.FindStringSubmatch(text)
			if p == nil {
				t.Fatalf("no program: %s", response)
			}
			correct = solutions(examples(prompt))[0] == [2]int{number(p[1]), number(p[2])}
		case question.MatchString(prompt):
			letter, _ := right(t, prompt)
			correct = m[1] == letter
		default:
			continue
		}
		n, good := &c.guessed, &c.guessRight
		if strings.Contains(response, "=") {
			n, good = &c.thought, &c.thoughtRight
		}
		*n++
		if correct {
			*good++
		}
	}
	for domain, c := range counts {
		for kind, s := range map[string]struct{ right, of int }{"thoughts": {c.thoughtRight, c.thought}, "guesses": {c.guessRight, c.guessed}} {
			if s.of < 300 {
				t.Fatalf("%s: %d %s", domain, s.of, kind)
			}
			if percent := 100 * s.right / s.of; percent < 84 || percent > 97 {
				t.Errorf("%s: %d %% of %d %s are right", domain, percent, s.of, kind)
			}
		}
	}
}
