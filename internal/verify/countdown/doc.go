// Package countdown judges the numbers game: reach a target from given numbers by
// + - * / and brackets. Any way that reaches it is right, so there is no reference
// answer to compare with: the expression is worked out exactly, in fractions, and
// its numbers are counted.
package countdown
