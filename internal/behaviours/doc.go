// Package behaviours counts in a trace what shows how it reasons: verification,
// backtracking, subgoals and backward chaining (the four habits), and the ten
// reflective words of the paper on R1. It reads by rules, so it is fast, the same
// every time, and blind in known ways: rules.go and game.go define each rule and say
// what it cannot see; docs/behaviours.md says how well they do on labelled traces.
//
// What does not live here: whether an answer is right (internal/verify), and what to
// do about rows (internal/curate's step behaviours).
package behaviours
