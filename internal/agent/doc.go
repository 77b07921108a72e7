// Package agent runs one attempt on the machine it was launched on: it is what
// `r1ctl agent` does. It fetches the spec and the inputs from S3, starts the
// trainer (and the verifier beside it), watches over them, brings what they
// make to S3 while they run, and writes result.json last.
//
// The working folder is the trainer's working directory (docs/job-contract.md)
// and holds two files of the agent's own: trainer.log, the output of trainer and verifier,
// and ended.json, written when the trainer's end is decided. An agent that
// finds ended.json finishes the upload of the one before it; an agent that
// finds job.json without it says that the trainer died with that agent.
//
// S3 may be away for hours at any point. While the trainer runs, what could
// not be written is tried again at the next tick, from the local files, so
// nothing piles up in memory; at the end the agent waits for S3 up to
// Config.Patience. The working folder goes only after the result is in S3.
//
// Below the attempt's prefix the agent writes heartbeat.json, result.json, the
// streams metrics/ and log/ (package stream), and checkpoints/step-N/ with the
// object COMPLETE, an r1.Checkpoint, written last and deleted first. A
// checkpoint is deleted only after heartbeat.json names a newer one.
//
// Trainer and verifier are started without secrets, each in a process group of
// its own, and the kernel kills them when the agent dies, however it dies. What a
// trainer started carries a mark in its environment, and nothing that does
// outlives the trainer. Inputs come through a cache that all agents of the machine
// share; what nobody asked for the longest leaves it when an attempt begins or ends.
//
// An exit 0 is a success only when it is proven (r1.ProveBeginning,
// r1.ProveProgress) and all outputs hold something.
package agent
