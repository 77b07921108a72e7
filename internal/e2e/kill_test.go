//go:build e2e

package e2e

import (
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/r1ctl/r1ctl/internal/r1"
	"github.com/r1ctl/r1ctl/internal/runs"
)

// attempts gives the attempts of every job by name.
func attempts(st runs.Status) map[string]int {
	n := map[string]int{}
	for _, s := range st.Stages {
		for _, j := range s.Jobs {
			n[s.Name+"/"+j.Name] = j.Attempts
		}
	}
	return n
}

// TestServerKilledWhileATrainerRuns kills the whole engine in the middle of RL:
// the trainer goes on, resume finds it again, and nothing runs twice.
func TestServerKilledWhileATrainerRuns(t *testing.T) {
	m := newMachine(t)
	started := decode[struct {
		Run string `json:"run"`
	}](t, m.mustRun("start", "r1-zero", "--profile", "smoke", "--detach", "-o", "json",
		"--set", "zero.params.steps=40", "--set", "zero.params.reference_refresh_steps=20")) // long enough to be met in the middle

	training := func() bool {
		for _, s := range m.status(started.Run).Stages {
			midway := func(j runs.Job) bool { return j.State == r1.RunRunning && j.Phase == "train" && j.Step < j.Total }
			if s.Kind == r1.KindGRPO && slices.ContainsFunc(s.Jobs, midway) {
				return len(m.trainers()) > 0
			}
		}
		return false
	}
	waitFor(t, "running trainer of an RL stage", 5*time.Minute, training)
	before := attempts(m.status(started.Run))
	alive := m.trainers()
	m.killServer()

	for _, pid := range alive {
		if err := syscall.Kill(pid, 0); err != nil {
			t.Errorf("trainer %d did not outlive the server: %v", pid, err)
		}
	}
	out, errs, code := m.run("resume", started.Run, "-o", "json")
	if code != 0 {
		t.Fatalf("resume: exit code %d\n%s%s", code, out, errs)
	}
	after := decode[runs.Status](t, out)
	if after.State != r1.RunCompleted {
		t.Fatalf("run is %s: %s", after.State, after.Error)
	}
	for job, n := range attempts(after) {
		if had := before[job]; had > 0 && n != had {
			t.Errorf("%s had %d attempts at the kill and %d at the end; want no further one", job, had, n)
		}
		if n > 1 {
			t.Errorf("%s took %d attempts, want 1", job, n)
		}
	}
	if left := m.trainers(); len(left) > 0 {
		t.Errorf("trainers left behind: %v", left)
	}
}

// TestCancelLeavesNothingBehindAndResumeContinues cancels a run in the middle.
func TestCancelLeavesNothingBehindAndResumeContinues(t *testing.T) {
	m := newMachine(t)
	started := decode[struct {
		Run string `json:"run"`
	}](t, m.mustRun("start", "r1-zero", "--profile", "smoke", "--detach", "-o", "json"))
	waitFor(t, "running trainer", 5*time.Minute, func() bool { return len(m.trainers()) > 0 })
	m.mustRun("cancel", started.Run)
	if left := m.trainers(); len(left) > 0 {
		t.Errorf("trainers left behind: %v", left)
	}
	cancelled := m.status(started.Run)
	if cancelled.State != r1.RunCancelled {
		t.Errorf("run is %s, want cancelled", cancelled.State)
	}
	committed := []string{}
	for _, s := range cancelled.Stages {
		if s.State == r1.RunCompleted {
			committed = append(committed, s.Name)
		}
	}
	after := decode[runs.Status](t, m.mustRun("resume", started.Run, "-o", "json"))
	for _, s := range after.Stages {
		if s.State != r1.RunCompleted {
			t.Errorf("stage %s is %s after the resume", s.Name, s.State)
		}
		if slices.Contains(committed, s.Name) && s.Attempts != 1 {
			t.Errorf("stage %s was committed before the cancel and took %d attempts", s.Name, s.Attempts)
		}
	}
}
