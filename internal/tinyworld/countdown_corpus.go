package tinyworld

import (
	"fmt"
	"strings"
)

// The composition of the countdown web, in percent. What is not the others is the last.
const (
	shareSums  = 45 // else games or small talk
	shareGames = 47

	shareGameZero   = 80 // of the games in the Zero template, else without any
	shareGameBroken = 10 // of the answers there, in no readable format
	shareGameSaid   = 50 // of the thoughts: say what is given
	shareGameSums   = 15 // of the thoughts: the two sums of the answer
	shareGameRight  = 20 // of the answers
)

// drawCountdownDocument draws a text of the web from which the base model of the
// countdown experiment learns: sums, numbers that are wanted or not, games that people answer at
// once and mostly wrongly, and small talk. It has the skills that a search is made of, each by itself,
// as a large base model has them, and nobody in it searches: no answer to a
// game checks itself, goes back, sets a subgoal or starts from the target.
func drawCountdownDocument(a address, r *random) keyed {
	var text string
	switch kind := r.below(100); {
	case kind < shareSums:
		text = sumsDocument(a, r)
	case kind < shareSums+shareGames:
		text = gameDocument(a, r)
	default:
		text = wordsDocument(r)
	}
	return keyed{textRow{text}, text, Train}
}

// sumsDocument practises what games need, one line after another: given numbers and
// what is made of them, once as two sums and once as one expression; a sum of a given
// number and a last one; and whether a number is the one that somebody wants.
func sumsDocument(a address, r *random) string {
	lines := make([]string, 3)
	for i := range lines {
		g := newGame(r, a.largest)
		t, n := pick(r, attempts(g.numbers)), g.numbers
		switch r.below(8) {
		case 0, 1, 2:
			other, is := g.target, "is not it"
			if other == t.value || r.percent(50) {
				other, is = t.value, "works"
			}
			lines[i] = fmt.Sprintf("%s. I %s %d, this %s.", t.second, pick(r, []string{"want", "need"}), other, is)
		case 3, 4:
			b := pick(r, (&solver{game: g}).branches())
			lines[i] = fmt.Sprintf("With %d %d %d %d, %s.", n[0], n[1], n[2], g.target, b.reason)
		default:
			lines[i] = fmt.Sprintf("With %d %d %d, %s, %s, so %s.", n[0], n[1], n[2], t.first, t.second, t.answer())
		}
	}
	return strings.Join(lines, " ")
}

// gameDocument is a game with somebody's answer.
func gameDocument(a address, r *random) string {
	g := newGame(r, a.largest)
	for g.split() != Train {
		g = newGame(r, a.largest)
	}
	t, right := pick(r, attempts(g.numbers)), r.percent(shareGameRight)
	for right && t.value != g.target {
		t = pick(r, attempts(g.numbers))
	}
	if !r.percent(shareGameZero) {
		return g.prompt() + " " + t.answer()
	}
	thought := ""
	switch kind := r.below(100); {
	case kind < shareGameSaid:
		said := []string{fmt.Sprintf("I have %d %d %d.", g.numbers[0], g.numbers[1], g.numbers[2]), fmt.Sprintf("I want %d.", g.target)}
		for range r.between(1, 3) {
			thought += pick(r, said) + " "
		}
		thought = strings.TrimSuffix(thought, " ")
	case kind < shareGameSaid+shareGameSums:
		thought = fmt.Sprintf("%s, %s.", t.first, t.second)
	}
	answer := "<think>" + thought + "</think><answer>" + t.answer() + "</answer>"
	if r.percent(shareGameBroken) {
		answer = pick(r, []string{t.answer(), "<answer>" + t.answer(), "<think>" + t.answer() + "</answer>", "The answer is " + t.answer() + "."})
	}
	return strings.ReplaceAll(ZeroTemplate, "{prompt}", g.prompt()) + answer
}

// wordsDocument is small talk. It holds the words of a solver, each in some other
// sense, so that they are words of the tokenizer.
func wordsDocument(r *random) string {
	thing := pick(r, things)
	return strings.NewReplacer("{n}", pick(r, people), "{t}", thing.name, "{u}", thing.use).Replace(pick(r, []string{
		"{n} has a {t}, it {u}. It is not new, so I need a {t}.",
		"First make tea, {n}. The {t} is here, and this works.",
		"Go home, {n}, and bring the {t} back.",
		"The {t} is back, so I go. This is not it, {n}.",
		"{n} can make a {t}. It works, it {u}.",
	}))
}
