package tinyworld

import (
	"fmt"
	"strconv"
)

// substances of this world, with the degree from which each is liquid and the one
// from which it is a gas. The scale is the world's own and goes from 0 to 9.
var substances = []struct {
	name         string
	melts, boils int
}{
	{"water", 1, 3}, {"wax", 2, 4}, {"oil", 1, 5}, {"tin", 3, 7}, {"lead", 4, 6}, {"salt", 5, 8}, {"gold", 4, 9}, {"iron", 6, 9},
}

// states a substance can be in; it never gets hot enough for the last.
var states = []string{"solid", "liquid", "gas", "plasma"}

const optionLetters = "ABCD"

// drawScience draws a question of multiple choice, such as What is tin at 2+6-3?
// A) gas B) liquid C) solid D) plasma: tin starts at 2 degrees, gets 6 warmer and 3
// colder. First the sum, then the facts about tin, then what they mean, then the letter.
func drawScience(a address, r *random) keyed { return newScience(r, a.min, a.max).problem() }

func newScience(r *random, least, most int) chain {
	substance := pick(r, substances)
	start, changes := r.below(10), make([]int, r.between(least, most)-1)
	degree, sum := start, strconv.Itoa(start)
	for i := range changes {
		next := r.below(9) // of the other degrees
		if next >= degree {
			next++
		}
		changes[i] = next - degree
		degree = next
		sum += fmt.Sprintf("%+d", changes[i])
	}
	options := shuffled(r, states)
	prompt := "What is " + substance.name + " at " + sum + "?"
	for i, option := range options {
		prompt += " " + optionLetters[i:i+1] + ") " + option
	}
	solve := func(r *random, spoil func() bool) (steps []string, answer string) {
		value := start
		for _, change := range changes {
			step := fmt.Sprintf("%d%+d=", value, change)
			value = (value + change + 10) % 10 // after a spoilt step the scale goes round, as numbers do here
			if spoil() {
				value = r.below(10)
			}
			steps = append(steps, step+strconv.Itoa(value))
		}
		steps = append(steps, fmt.Sprintf("%s melts at %d boils at %d", substance.name, substance.melts, substance.boils))
		state := stateAt(value, substance.melts, substance.boils)
		if spoil() {
			state = pick(r, states)
		}
		steps = append(steps, "so "+state)
		// Models this small read on from a mark and not back to it: they find the letter
		// of a word by going through the options.
		for i, option := range options {
			steps = append(steps, optionLetters[i:i+1]+") "+option)
			if option == state {
				return steps, optionLetters[i : i+1]
			}
		}
		return steps, ""
	}
	_, gold := solve(r, correctly)
	return chain{
		domain: Science, verifier: "choice", prompt: prompt, gold: gold, solve: solve, options: options,
		guess: func(r *random) string { i := r.below(len(optionLetters)); return optionLetters[i : i+1] },
	}
}

func stateAt(degree, melts, boils int) string {
	switch {
	case degree < melts:
		return "solid"
	case degree < boils:
		return "liquid"
	default:
		return "gas"
	}
}

func shuffled[T any](r *random, from []T) []T {
	to := make([]T, len(from))
	copy(to, from)
	for i := len(to) - 1; i > 0; i-- {
		j := r.below(i + 1)
		to[i], to[j] = to[j], to[i]
	}
	return to
}

// scienceProblems counts the questions an address can name: substances, orders of
// the options, and sums, each of which goes to one of the nine other degrees.
func scienceProblems(a address) int {
	total, sums := 0, 10
	for operands := 2; operands <= a.max; operands++ {
		sums *= 9
		if operands >= a.min {
			total += len(substances) * 24 * sums
		}
	}
	return total
}
