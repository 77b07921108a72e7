// Package testcases makes tests of programming problems: programs that a model has
// written (generators) print inputs, programs that are right say what the output
// is, and programs that are wrong show which inputs are worth anything. An input is
// kept if all right programs agree on its output, and a wrong one gives another.
//
// All of them are untrusted, and run in a sandbox that somebody else has
// (internal/verify/program). What does not live here: asking the model (a stage of
// kind sample), and judging with the tests (verifier code).
package testcases
