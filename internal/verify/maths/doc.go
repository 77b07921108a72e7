// Package maths judges mathematical answers: it takes the final answer out of a
// reply and tells whether it is equal to the gold answer. Tier 0 reads numbers,
// words and collections of such; tier 1 reads LaTeX and plain expressions
// (package expr). Both are pure Go, bounded in time, and never guess: what they
// cannot prove is not decided, and a second opinion (tier 2) is asked for
// elsewhere. docs/math.md has the conventions.
//
// What does not live here: the second opinion, rewards, and how a response
// splits into thinking and reply.
package maths
