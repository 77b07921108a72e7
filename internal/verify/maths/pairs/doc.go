// Package pairs makes pairs of a gold answer and an answer whose truth is known
// because of how they were made: an answer is the gold answer written in
// another way, or one that a single change made unequal. It holds the judge of
// package maths to account, and never asks it anything.
package pairs
