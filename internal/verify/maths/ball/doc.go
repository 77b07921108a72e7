// Package ball computes with enclosures: a value is a complex number with a
// bound on how far off it may be, so that two values whose enclosures do not
// meet are proven to differ. It is the arithmetic behind equality at random
// points; it knows nothing of expressions.
//
// Where a result cannot be enclosed (a division by what may be zero, a
// logarithm across its cut, a number too large) the context fails: Ctx.OK is
// false from then on, and what was computed means nothing.
package ball
