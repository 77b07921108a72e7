// Package chaos hurts r1ctl on purpose, and counts what comes of it.
//
// It starts real runs with the real binary (built with the tag "chaos", so that
// it has the points of internal/fault), kills, stops and starves their processes
// one after another, waits each time until the run goes on, and at the end audits
// what is left: jobs that ran twice at a time, processes left behind, damaged
// artifacts, failures without a name. Most runs have a scripted trainer, which
// keeps the job contract and trains nothing; some have the real one.
//
// kinds.go is the table of faults. A fault happens in a rig: r1ctl as a person has
// it on a laptop, or Temporal, S3 and two workers as services have it. What the
// suite knows of a run it reads from disk and from /proc, so that nothing has to
// be well for it to see. The command is in cmd/chaos.
package chaos
