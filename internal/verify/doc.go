// Package verify is the one judge of r1ctl: it decides verdicts for RL, rejection
// sampling and evaluation alike, and serves them with the rewards of package
// reward over HTTP.
//
// A row names its verifier, or its domain implies one (judge.go has the table,
// docs/verifiers.md the rules). What a verifier can settle from text is settled
// here, purely and at once; what needs a process (math-verify, reasoning-gym, a
// sandbox) goes to parts that the caller gives, with limits of its own, so that
// slow items do not hold quick ones.
//
// Rules that never bend: the gold answer is read first, and one that cannot be
// read makes the item unverified, never wrong; a fault or an outage is that item's
// unverified; every item gets exactly one result, in order.
//
// What does not live here: how mathematics, choices, puzzles and programs are
// judged (the packages below), weights and sums of rewards, and reward models
// (the trainer).
package verify
