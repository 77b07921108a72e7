// Package reuse says which committed result a job of a plan may take instead of being
// run. An equal fingerprint is needed, and does not suffice: results whose inputs were
// made anew, and came out as other bytes, are not those that the job would make. plan
// asks it before a run, the engine again for each job when its inputs are there.
//
// It decides; it neither commits nor writes anything.
package reuse
