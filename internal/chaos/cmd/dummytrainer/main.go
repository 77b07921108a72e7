// Command dummytrainer keeps the job contract (docs/job-contract.md) and trains
// nothing: the chaos suite's scripted trainer. It walks through the steps of a job
// at a pace it is told, saves checkpoints, resumes from them, and makes outputs
// that are the same bytes however often it was interrupted, so that any damage on
// the way shows in their digests.
//
// The folder of --control is how it is told what to do:
//
//	pace                    how long a step takes, such as "20ms"; read at each step
//	hold                    while it is there no trainer takes a step; it says so by eval lines
//	behave/STAGE.JOB        {"do": …, "at_step": N}: misbehave once; see misbehave.go
//	doubled.jsonl           written by it: jobs that two trainers did at a time
//	running/STAGE.JOB       locked by the trainer of a job
package main

import (
	"fmt"
	"os"
	"os/signal"
	"syscall"
)

// Exit codes of the contract.
const (
	exitFailed     = 1
	exitTerminated = 128 + int(syscall.SIGTERM)
)

func main() {
	if len(os.Args) == 2 && os.Args[1] == lingerVerb {
		linger()
		return
	}
	if len(os.Args) != 4 || os.Args[1] != "--control" {
		fmt.Fprintln(os.Stderr, "usage: dummytrainer --control FOLDER job.json")
		os.Exit(2)
	}
	terminated := make(chan os.Signal, 1)
	signal.Notify(terminated, syscall.SIGTERM)
	t, err := open(os.Args[2], os.Args[3], terminated)
	if err == nil {
		err = t.train()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "dummytrainer:", err)
		os.Exit(exitFailed)
	}
}
