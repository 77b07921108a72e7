// Package expr reads a mathematical answer, in LaTeX or plain text, into a small
// tree, and tells whether two expressions are equal: exactly where they are
// rational, else by their values, as enclosures, at random points.
//
// It never guesses. What it cannot read is an error (ErrUnknown, or ErrAmbiguous
// where there is more than one reading), and what it cannot prove is Undecided.
// The work is bounded by limits on bytes, tokens, depth, exponents, precision
// and operations, so that no input takes long.
//
// What does not live here: where in a response the answer stands, how sets,
// intervals, relations and units compare (package maths), the arithmetic of
// enclosures (package ball), and any second opinion.
package expr
