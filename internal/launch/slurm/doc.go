// Package slurm launches attempts as batch jobs of a Slurm cluster, by its
// commands (sbatch, squeue, scancel, scontrol, sacct), here or over ssh.
//
// An attempt has a folder on a file system that the workers and the nodes share,
// <root>/<run>/<stage>/<job>/<attempt>/:
//
//	submit.lock   held by the worker that submits, for moments
//	intent.json   an sbatch was begun, and its answer is not known yet
//	job.json      the answer: the number of the job
//	env           what the agent finds in its environment; 0600, removed when it begins
//	claim         a link whose target is the number of the one job that may begin, or "none"
//	start.json    written by that job's process, first thing
//	stop.json     somebody asked it to stop, and until when it may take
//	exit.json     written by the process, last thing
//	end.json      how the attempt ended, once and for all
//	slurm-N.log   what job N printed
//	work/         the agent's, see internal/agent
//
// sbatch is not idempotent, and one that got no answer may have made a job, or may
// make it later. So a job bears a name made of the attempt's key, Submit looks for that
// name before it calls sbatch, and never calls it again before the scheduler had time to show
// what an unanswered call made. The last word is the claim's: a link is made once, also on NFS, so of
// several jobs of a key one begins, and none after the attempt was stopped or found ended.
//
// How it ended is decided once, by whoever first sees the job in a final state, from three
// witnesses: the scheduler's state, its exit code, and exit.json. Where the scheduler has forgotten the job
// (MinJobAge), accounting (sacct) or the completion log (sacct -c) is asked, and without
// both exit.json alone decides. A scheduler that gives no answer is Unknown.
//
// A job that lives on after its node was declared lost writes below its own prefix
// and in its own folder only, as every attempt; and it ends itself when it sees end.json.
//
// All attempts are looked at by one squeue a tick. The launched program takes part by calling Main.
package slurm
