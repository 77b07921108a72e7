// Command bench measures what the agent costs the trainer: `make bench-agent`.
//
// It trains the same job alone and under the agent, at once and by turns of half a second in
// which the other stands still, and compares the trainer's own time from its first line of
// metrics to its summary. Trainer, agent, verifier and S3 server are the real ones, with the
// settings that a run on one machine has; only what follows the agent from
// outside (Temporal, the worker) is absent. The jobs are those of full-r1's
// laptop profile with shorter training and far more checkpoints.
package main
