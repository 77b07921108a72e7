package slurm

import (
	"testing"
	"time"

	"github.com/r1ctl/r1ctl/internal/r1"
)

func TestStates(t *testing.T) {
	for state, want := range map[string]r1.State{
		"PENDING": r1.StatePending, "CONFIGURING": r1.StateRunning, "RUNNING": r1.StateRunning, "SUSPENDED": r1.StateRunning, "COMPLETING": r1.StateRunning,
		"COMPLETED": r1.StateEnded, "NODE_FAIL": r1.StateEnded, "PREEMPTED": r1.StateEnded, "": r1.StateUnknown, "NEW_IN_25_11": r1.StateUnknown,
	} {
		if got := phase(state); got != want {
			t.Errorf("%q is %q, want %q", state, got, want)
		}
	}
}

func TestHowItEnded(t *testing.T) {
	exit := func(code int) *exitRecord { return &exitRecord{Code: code} }
	ran := func(state, reason string, code int, d time.Duration) ending {
		start := time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC)
		return ending{state: state, reason: reason, code: code, start: start, end: start.Add(d), limit: time.Hour}
	}
	for name, c := range map[string]struct {
		t    testimony
		want r1.Outcome
		code int
	}{
		"success":                          {testimony{ending: ran("COMPLETED", "None", 0, 1), began: true, exit: exit(0)}, r1.Succeeded, 0},
		"success, its record not seen":     {testimony{ending: ran("COMPLETED", "None", 0, 1), began: true}, r1.Succeeded, 0},
		"success, preempted at the end":    {testimony{ending: ran("PREEMPTED", "None", 0, 1), began: true, exit: exit(0)}, r1.Succeeded, 0},
		"success, forgotten":               {testimony{ending: ending{state: "FAILED", code: -1}, began: true, exit: exit(0)}, r1.Succeeded, 0},
		"exit code":                        {testimony{ending: ran("FAILED", "NonZeroExitCode", 3, 1), began: true, exit: exit(3)}, r1.Failed, 3},
		"exit code, forgotten":             {testimony{ending: ending{state: "FAILED", code: -1}, began: true, exit: exit(3)}, r1.Failed, 3},
		"killed":                           {testimony{ending: ran("FAILED", "JobLaunchFailure", 137, 1), began: true}, r1.Failed, 137},
		"forgotten, without a record":      {testimony{ending: ending{state: forgotten, code: -1}, began: true}, r1.NodeLost, -1},
		"forgotten before it began":        {testimony{ending: ending{state: forgotten, code: -1}}, r1.NodeLost, -1},
		"preempted":                        {testimony{ending: ran("PREEMPTED", "None", 0, 1), began: true, exit: exit(143)}, r1.Preempted, 143},
		"node lost":                        {testimony{ending: ran("NODE_FAIL", "NodeDown", 0, 1), began: true}, r1.NodeLost, -1},
		"node lost while stopping":         {testimony{ending: ran("NODE_FAIL", "NodeDown", 0, 1), began: true, stopped: true}, r1.NodeLost, -1},
		"node did not boot":                {testimony{ending: ran("BOOT_FAIL", "None", 0, 0)}, r1.NodeLost, -1},
		"out of memory":                    {testimony{ending: ran("OUT_OF_MEMORY", "OutOfMemory", -1, 1), began: true, exit: exit(1)}, r1.OutOfMemory, 1},
		"walltime":                         {testimony{ending: ran("TIMEOUT", "TimeLimit", 143, time.Hour), began: true}, r1.TimedOut, 143},
		"walltime, heard in time":          {testimony{ending: ran("FAILED", "NonZeroExitCode", 143, 57*time.Minute), began: true, exit: exit(143), notice: 2 * time.Minute}, r1.TimedOut, 143},
		"a signal of somebody":             {testimony{ending: ran("FAILED", "NonZeroExitCode", 143, 30*time.Minute), began: true, exit: exit(143), notice: 2 * time.Minute}, r1.Preempted, 143},
		"cancelled by somebody":            {testimony{ending: ran("CANCELLED", "None", 143, 1), began: true, exit: exit(143)}, r1.Preempted, 143},
		"cancelled by somebody, pending":   {testimony{ending: ran("CANCELLED", "None", 0, 0)}, r1.Preempted, 0},
		"stopped":                          {testimony{ending: ran("FAILED", "NonZeroExitCode", 143, 1), began: true, stopped: true, exit: exit(143)}, r1.Stopped, 143},
		"stopped, pending":                 {testimony{ending: ran("CANCELLED", "None", 0, 0), stopped: true}, r1.Stopped, 0},
		"stopped, and it was done":         {testimony{ending: ran("COMPLETED", "None", 0, 1), began: true, stopped: true, exit: exit(0)}, r1.Succeeded, 0},
		"refused after it was taken":       {testimony{ending: ran("FAILED", "BadConstraints", 129, 0)}, r1.Rejected, 129},
		"its script could not be started":  {testimony{ending: ran("FAILED", "JobLaunchFailure", -1, 1)}, r1.Failed, -1},
		"its folder is not there":          {testimony{ending: ran("FAILED", "NonZeroExitCode", 70, 1)}, r1.Failed, 70},
		"the agent does not start":         {testimony{ending: ran("FAILED", "NonZeroExitCode", 1, 1)}, r1.Rejected, 1},
		"started again by an administator": {testimony{ending: ran("FAILED", "NonZeroExitCode", exitAgain, 1), began: true}, r1.Preempted, exitAgain},
	} {
		o, code, reason := judge(c.t)
		if o != c.want || code != c.code || (reason == "") != (o == r1.Succeeded) {
			t.Errorf("%s: %s, code %d, %q; want %s, %d", name, o, code, reason, c.want, c.code)
		}
	}
}

func TestWhichJobIsTheAttempt(t *testing.T) {
	old, young, over := job{id: "9", state: "PENDING"}, job{id: "10", state: "PENDING"}, job{id: "8", state: "FAILED"}
	for name, c := range map[string]struct {
		jobs  []job
		e     evidence
		id    string
		found bool
	}{
		"the first":                     {jobs: []job{young, old}, id: "9", found: true},
		"one that may begin":            {jobs: []job{over, young}, id: "10", found: true},
		"the one with the claim":        {jobs: []job{old, young}, e: evidence{claimed: "10"}, id: "10", found: true},
		"the claimant is forgotten":     {jobs: []job{young}, e: evidence{claimed: "9"}, id: "9"},
		"none, by its record":           {e: evidence{job: &jobRecord{ID: "7"}}, id: "7"},
		"nobody may begin, and one was": {jobs: []job{over}, e: evidence{claimed: nobody}, id: "8", found: true},
	} {
		if j, found := choose(c.jobs, c.e); j.id != c.id || found != c.found {
			t.Errorf("%s: job %s (%t), want %s (%t)", name, j.id, found, c.id, c.found)
		}
	}
}

func TestWhyItWaits(t *testing.T) {
	for reason, want := range map[string]string{
		"Priority":     "Priority",
		"JobHeldAdmin": "JobHeldAdmin: it is held: scontrol release lets it go on",
		"Nodes required for job are DOWN, DRAINED or reserved for jobs in higher priority partitions": "Nodes required for job are DOWN, DRAINED or reserved for jobs in higher priority partitions: nodes that it needs are down, drained or reserved",
	} {
		if got := waiting(reason); got != want {
			t.Errorf("%q: %q, want %q", reason, got, want)
		}
	}
}
