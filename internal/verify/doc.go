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
// What does not live here: weights and sums of rewards, reward models (the
// trainer), and what the packages below do:
//
//	response   takes a response apart: thinking, reply, answer block, boxes
//	maths      verifier math: tiers 0 and 1 (expr reads, ball encloses, pairs tests)
//	choice, countdown, program   the verifiers choice, countdown and code
//	pool       math-verify (tier 2 of math) and reasoning-gym, in Python processes
//	reward     the rewards; outside has those of users
//	python     Python processes that answer line by line
package verify
