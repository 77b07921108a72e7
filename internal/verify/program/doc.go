// Package program judges programs: it takes the program out of a response, runs
// it against the tests of its problem, and says which tests it passes.
//
// The expected outputs never enter the sandbox. What comes out of it, whatever
// the program did in there, is compared here: a program can only pass a test by
// giving the right output. Trouble of the sandbox is a fault, never a failed test.
//
// Programs run in a Runner (internal/sandbox), or at a service by URL
// (SandboxFusion, Piston). What does not live here: how programs are kept
// inside walls, and how test results become a number (internal/verify/reward).
package program
