// Package r1 holds the nouns of r1ctl and the interfaces between its parts:
// stages, jobs, attempts, specs, manifests, commits, verdicts, launchers,
// errors, and the layout of a run in S3.
//
// It imports the standard library only, does no I/O, and is imported by
// everything else. Behaviour lives elsewhere: recipes build a Plan, the store
// in internal/artifact moves bytes, internal/agent runs an attempt.
package r1
