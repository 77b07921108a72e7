package tinyworld

import (
	"fmt"
	"strconv"
	"strings"
)

// Bounds of the parameters min and max.
const (
	fewestSteps = 2
	mostSteps   = 12
)

// The default length of a chain: operands of arithmetic and of the sums of science, moves of logic.
var (
	arithmeticSteps     = stepRange{3, 7}
	arithmeticLongSteps = stepRange{8, 9}
	logicSteps          = stepRange{3, 7}
	scienceSteps        = stepRange{2, 4}
)

// chain is a problem that is solved from left to right, one step after another.
type chain struct {
	domain   string
	verifier string
	prompt   string
	gold     string
	// solve returns the steps as a thought has them, 3*4=2 or 1R=C, and the answer
	// they arrive at. spoil says before each step whether it goes wrong; a wrong step
	// takes its result from r, and what follows goes on from there.
	solve   func(r *random, spoil func() bool) (steps []string, answer string)
	guess   func(r *random) string // an answer out of the blue
	options []string               // of multiple choice: the texts, A first
	tests   *programTests          // of code, which is judged by them and has no gold answer
}

func (c chain) problem() keyed {
	row, id, split := newProblem(c.domain, c.prompt, c.gold, c.verifier)
	row.Options, row.Tests = c.options, c.tests
	if c.tests != nil {
		row.Gold = ""
	}
	return keyed{row, id, split}
}

// written is an answer as a careful reply has it: a program in a fenced block.
func (c chain) written(answer string) string {
	if c.domain == Code {
		return block(answer)
	}
	return answer
}

// boxed is an answer as a reasoning model ends with it; programs stand in no box.
func (c chain) boxed(answer string) string {
	if c.domain == Code {
		return block(answer)
	}
	return `\boxed{` + answer + "}"
}

// bare is an answer without any mark-up.
func (c chain) bare(answer string) string {
	if c.domain == Code {
		return source(answer)
	}
	return answer
}

// correctly never spoils a step.
func correctly() bool { return false }

// drawArithmetic draws a chain such as 3*4+5*2-7=?, worked out strictly from
// left to right, every result modulo ten.
func drawArithmetic(a address, r *random) keyed { return newArithmetic(r, a.min, a.max).problem() }

// drawArithmeticLong draws a chain that the base model has rarely seen the like of.
func drawArithmeticLong(a address, r *random) keyed {
	c := newArithmetic(r, a.min, a.max)
	c.domain = ArithmeticLong
	return c.problem()
}

func newArithmetic(r *random, least, most int) chain {
	operands := make([]int, r.between(least, most))
	operators := make([]byte, len(operands))
	var prompt strings.Builder
	for i := range operands {
		operands[i] = r.between(2, 9)
		if i > 0 {
			operators[i] = "+-*"[r.below(3)]
			prompt.WriteByte(operators[i])
		}
		prompt.WriteString(strconv.Itoa(operands[i]))
	}
	prompt.WriteString("=?")
	solve := func(r *random, spoil func() bool) (steps []string, answer string) {
		value := operands[0]
		for i := 1; i < len(operands); i++ {
			step := strconv.Itoa(value) + string(operators[i]) + strconv.Itoa(operands[i]) + "="
			value = apply(operators[i], value, operands[i])
			if spoil() {
				value = r.below(10)
			}
			steps = append(steps, step+strconv.Itoa(value))
		}
		return steps, strconv.Itoa(value)
	}
	_, gold := solve(r, correctly)
	guess := func(r *random) string { return strconv.Itoa(r.below(10)) }
	return chain{domain: Arithmetic, verifier: "integer", prompt: prompt.String(), gold: gold, solve: solve, guess: guess}
}

func apply(operator byte, a, b int) int {
	switch operator {
	case '+':
		return (a + b) % 10
	case '-':
		return (a - b + 10) % 10
	default:
		return a * b % 10
	}
}

// arithmeticProblems counts the chains an address can name.
func arithmeticProblems(a address) int {
	total, chains := 0, 8
	for operands := 2; operands <= a.max; operands++ {
		chains *= 3 * 8
		if operands >= a.min {
			total += chains
		}
	}
	return total
}

// seats are around a round table in this order.
const seats = "ABCD"

// drawLogic draws a walk around a table of four seats, such as B 1R 2R 3S=?:
// start at B, move one seat on (R), again one on, then to the seat across (S); L
// goes one back. The moves are numbered, as models this small copy by looking up
// a mark, not by counting.
func drawLogic(a address, r *random) keyed { return newLogic(r, a.min, a.max).problem() }

func newLogic(r *random, least, most int) chain {
	moves := make([]byte, r.between(least, most))
	for i := range moves {
		moves[i] = "RLS"[r.below(3)]
	}
	start := r.below(len(seats))
	var prompt strings.Builder
	prompt.WriteByte(seats[start])
	for i, move := range moves {
		fmt.Fprintf(&prompt, " %d%c", i+1, move)
	}
	prompt.WriteString("=?")
	solve := func(r *random, spoil func() bool) (steps []string, answer string) {
		seat := start
		for i, move := range moves {
			step := strconv.Itoa(i+1) + string(move) + "="
			seat = (seat + map[byte]int{'R': 1, 'S': 2, 'L': 3}[move]) % len(seats)
			if spoil() {
				seat = r.below(len(seats))
			}
			steps = append(steps, step+seats[seat:seat+1])
		}
		return steps, seats[seat : seat+1]
	}
	_, gold := solve(r, correctly)
	guess := func(r *random) string { i := r.below(len(seats)); return seats[i : i+1] }
	return chain{domain: Logic, verifier: "choice", prompt: prompt.String(), gold: gold, solve: solve, guess: guess}
}

// logicProblems counts the walks an address can name.
func logicProblems(a address) int {
	total, walks := 0, len(seats)
	for moves := 1; moves <= a.max; moves++ {
		walks *= 3
		if moves >= a.min {
			total += walks
		}
	}
	return total
}
