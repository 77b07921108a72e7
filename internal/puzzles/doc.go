// Package puzzles gives reasoning-gym's puzzles as datasets: the addresses
// rg://FAMILY?size=N&seed=S, read strictly and without Python, and their rows,
// which r1trainer.puzzles makes in the trainer's environment.
//
// An address and the pinned version of the library stand for the rows. They are
// made once: the curate job that reads them commits what it kept under a digest,
// and whoever needs the rows afterwards reads that.
//
// What does not live here: judging answers (internal/verify/pool).
package puzzles
