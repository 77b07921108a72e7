// Package generate is a trainer (docs/job-contract.md) for jobs of kind sample
// whose model is behind an endpoint: it renders prompts, asks, has the answers
// verified while others are under way, and writes the rows in the prompts' order,
// whatever came back first. `r1ctl generate job.json` runs it under the agent.
//
// An answer is on disk (Answers) before anything else is done with it, by the
// digest of what was asked, so it is never asked for again: not after a kill, and
// on this machine not in another attempt either. A checkpoint holds the rows that
// are done and the answers that wait for an earlier row.
//
// How an endpoint is spoken to is package chat's matter.
package generate
