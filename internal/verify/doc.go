// Package verify is the one judge of r1ctl: it decides verdicts and text
// rewards for RL, rejection sampling and evaluation alike.
//
// The judging itself (Judge, Score, Format, Language, Split) is pure: no I/O,
// no clock, no state, linear in the text. Handler and Serve put it behind HTTP
// as docs/job-contract.md describes, in a process that holds no secrets.
//
// Rules that never bend: the gold answer is read first, and a gold answer that
// cannot be read makes the item unverified, never wrong; a fault in one item is
// that item's unverified; every item gets exactly one result, in order.
//
// What does not live here: weights and sums of rewards (the trainer), reward
// models, and anything that runs untrusted programs.
package verify
