// Package workflows holds the deterministic half of r1ctl: Recipe walks the
// DAG of a run, Stage runs the jobs of one stage, and job.go drives one job
// through its attempts. Nothing here does I/O; side effects live in package
// tasks. Payloads carry references, never data.
//
// A stage kind needs no code of its own here: the plan says which jobs a stage
// has and in which order they run, so GRPO phases, a distillation matrix and a
// single SFT job are the same walk. Only curate differs, because its job is
// computed by the worker and not launched.
package workflows
