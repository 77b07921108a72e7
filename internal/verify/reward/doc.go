// Package reward computes rewards of responses: numbers made from the text of a
// response and from what a judge says of it.
//
// Lookup finds a reward by its name, New checks its parameters, and Score
// computes it. A reward that cannot be computed is unknown, never 0. Thirteen
// rewards carry the names and constants of open-r1; where upstream's rule has a
// defect the default here is right, and the parameter compat reproduces upstream
// as it is (docs/rewards.md, whose table is made from the definitions here).
//
// What does not live here: deciding whether an answer or a program is right (a
// Judge does that, and this package only declares what it asks of one), rewards
// written by users (package outside), weights and sums (the trainer), I/O.
package reward
