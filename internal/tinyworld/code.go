package tinyworld

import (
	"fmt"
	"strconv"
	"strings"
)

// codeTests is how many hidden tests a program is run against.
const codeTests = 3

// program is what a code problem hides: any row of additions, subtractions and
// multiplications modulo ten comes to one factor and one addend.
type program struct{ factor, addend int }

func (p program) of(x int) int { return (x*p.factor + p.addend) % 10 }

// short names the operations, as a thought does.
func (p program) short() string { return "*" + strconv.Itoa(p.factor) + "+" + strconv.Itoa(p.addend) }

// source writes the Python program that does the operations short names.
func source(short string) string { return "print((int(input())" + short + ")%10)" }

// block writes it as a reply does. The fence begins and ends on lines of its own.
func block(short string) string { return "\n```python\n" + source(short) + "\n```\n" }

// programTests is what the judge needs of a code problem.
type programTests struct {
	Language  string        `json:"language"`
	TestCases []programTest `json:"test_cases"`
}

type programTest struct {
	Input  string `json:"input"`
	Output string `json:"output"`
	Type   string `json:"type"`
}

// tests run the program on numbers of two digits, so none is an example and no
// table of digits passes. Two of the numbers are neighbours: programs of this
// kind that agree on both are the same.
func (p program) tests(r *random) *programTests {
	first := r.between(10, 97)
	inputs := []int{first, first + 1, r.between(10, 99)}
	for inputs[2] == first || inputs[2] == first+1 {
		inputs[2] = r.between(10, 99)
	}
	t := &programTests{Language: "python"}
	for _, x := range inputs[:codeTests] {
		t.TestCases = append(t.TestCases, programTest{fmt.Sprintln(x), fmt.Sprintln(p.of(x)), "stdin_stdout"})
	}
	return t
}

// drawCode draws examples of a hidden function, such as Code 2>7 3>9 6>5: what is
// asked for is a program that does the same to every number. From two neighbours
// the factor is their difference (9-7=2), and with it comes the addend (2*2=4, 7-4=3).
func drawCode(_ address, r *random) keyed { return newCode(r).problem() }

func newCode(r *random) chain {
	p := program{r.between(2, 9), r.below(10)}
	x := r.between(2, 8)
	other := r.below(10)
	for other == x || other == x+1 {
		other = r.below(10)
	}
	var prompt strings.Builder
	prompt.WriteString("Code")
	for _, input := range []int{x, x + 1, other} {
		fmt.Fprintf(&prompt, " %d>%d", input, p.of(input))
	}
	solve := func(r *random, spoil func() bool) (steps []string, answer string) {
		step := func(a int, operator byte, b int) int {
			value := apply(operator, a, b)
			if spoil() {
				value = r.below(10)
			}
			steps = append(steps, fmt.Sprintf("%d%c%d=%d", a, operator, b, value))
			return value
		}
		found := program{factor: step(p.of(x+1), '-', p.of(x))}
		found.addend = step(p.of(x), '-', step(x, '*', found.factor))
		return steps, found.short()
	}
	return chain{
		domain: Code, verifier: "code", prompt: prompt.String(), gold: p.short(), solve: solve,
		guess: func(r *random) string { return program{r.between(2, 9), r.below(10)}.short() },
		// The tests are a function of the prompt, so that a problem is the same wherever it is drawn.
		tests: p.tests(newRandom(0, prompt.String())),
	}
}

// codeProblems counts the prompts: factors, addends, first neighbours, other examples.
func codeProblems(address) int { return 8 * 10 * 7 * 8 }
