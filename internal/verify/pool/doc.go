// Package pool keeps Python processes that judge answers: mathematics by
// math-verify, puzzles by reasoning-gym (r1trainer.judges).
//
// A process judges one item at a time. Libraries that work on what a model wrote
// can hang, crash or eat memory, so the item's time is bounded twice, by an alarm
// inside and by SIGKILL from here, and a process that was killed, crashed or said
// what it should not is replaced. That costs its item only, which is unverified
// and never wrong.
//
// What does not live here: when such a judge is asked, and how an answer is found
// in a response (internal/verify).
package pool
