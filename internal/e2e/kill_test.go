//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"path"
	"slices"
	"syscall"
	"testing"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"

	"github.com/r1ctl/r1ctl/internal/embedded/server"
	"github.com/r1ctl/r1ctl/internal/r1"
	"github.com/r1ctl/r1ctl/internal/runs"
	"github.com/r1ctl/r1ctl/internal/tasks"
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

// followLimit is what a loaded machine gets to follow a job again. An idle one
// needs less than 10 s, which the log of the test says.
const followLimit = time.Minute

// following is what the engine says of the attempt that it follows for a stage:
// the activity's own heartbeat, and when it came.
func (m *machine) following(run, stage string) (tasks.Progress, time.Time) {
	m.t.Helper()
	probe, err := server.Probe(m.state)
	if err != nil {
		m.t.Fatal(err)
	}
	c, err := client.Dial(client.Options{HostPort: probe.Endpoints.TemporalAddress, Namespace: probe.Endpoints.Namespace})
	if err != nil {
		m.t.Fatal(err)
	}
	defer c.Close()
	d, err := c.DescribeWorkflowExecution(context.Background(), run+"/"+stage, "")
	if err != nil {
		m.t.Fatal(err)
	}
	for _, a := range d.PendingActivities {
		if a.ActivityType.GetName() == tasks.RunAttempt && a.State == enumspb.PENDING_ACTIVITY_STATE_STARTED && a.HeartbeatDetails != nil {
			var p tasks.Progress
			if err := converter.GetDefaultDataConverter().FromPayloads(a.HeartbeatDetails, &p); err != nil {
				m.t.Fatal(err)
			}
			return p, a.LastHeartbeatTime.AsTime()
		}
	}
	return tasks.Progress{}, time.Time{}
}

// longRL starts r1-zero with one job of RL that is long enough to be met in its
// middle, and waits until it is there.
func (m *machine) longRL(steps int) (run string, at runs.Job) {
	m.t.Helper()
	run = decode[struct {
		Run string `json:"run"`
	}](m.t, m.mustRun("start", "r1-zero", "--profile", "smoke", "--detach", "-o", "json", "--set", "zero.params.checkpoint_steps=4",
		"--set", fmt.Sprintf("zero.params.steps=%d", steps), "--set", fmt.Sprintf("zero.params.reference_refresh_steps=%d", steps))).Run
	zero := m.until(run, "zero", "trains", func(s runs.Stage) bool {
		j := s.Jobs[0]
		return s.State == r1.RunRunning && j.Phase == runs.PhaseTrain && j.Step > 4 && len(m.trainers()) > 0
	})
	return run, zero.Jobs[0]
}

// TestServerKilledWhileATrainerRuns kills the whole engine in the middle of RL:
// the trainer goes on, resume finds it again, and nothing runs twice.
func TestServerKilledWhileATrainerRuns(t *testing.T) {
	m := newMachine(t)
	run, job := m.longRL(100)
	before := attempts(m.status(run))
	alive := m.trainers()
	killed := time.Now()
	m.killServer()

	m.mustRun("resume", run, "--detach")
	restarted := time.Now()
	var now tasks.Progress
	waitFor(t, "engine that follows the attempt", followLimit, func() bool {
		var beat time.Time
		now, beat = m.following(run, "zero")
		return beat.After(killed) && now.State == string(r1.StateRunning) && now.Step > job.Step
	})
	t.Logf("followed again %.1f s after the kill, %.1f s after resume returned: attempt %d, step %d, at the kill step %d",
		time.Since(killed).Seconds(), time.Since(restarted).Seconds(), now.Attempt, now.Step, job.Step)
	if now.Attempt != job.Attempts {
		t.Errorf("the engine follows attempt %d, and attempt %d was running", now.Attempt, job.Attempts)
	}
	for _, pid := range alive {
		if !slices.Contains(m.trainers(), pid) {
			t.Errorf("trainer %d did not outlive the server", pid)
		}
	}

	out, errs, code := m.run("resume", run, "-o", "json")
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

// TestTrainerKilled kills the trainer in the middle of RL: the next attempt goes
// on from the newest complete checkpoint.
func TestTrainerKilled(t *testing.T) {
	m := newMachine(t)
	run, job := m.longRL(120)
	layout, key := r1.Layout{Recipe: "r1-zero", Run: run}, r1.JobKey{Run: run, Stage: "zero", Job: job.Name}
	var beat r1.Heartbeat
	waitFor(t, "checkpoint in S3", 5*time.Minute, func() bool {
		m.get(path.Join(layout.Attempt(key.Attempt(1)), r1.HeartbeatFile), &beat)
		return beat.Checkpoint != nil
	})
	killed := time.Now()
	for _, pid := range m.trainers() {
		if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
	}
	m.until(run, "zero", "trains again", func(s runs.Stage) bool { return s.Jobs[0].Attempts == 2 && s.Jobs[0].Since != nil })
	m.mustRun("resume", run) // which only watches

	var first, second r1.Result
	var spec r1.Spec
	m.get(path.Join(layout.Attempt(key.Attempt(1)), r1.ResultFile), &first)
	m.get(path.Join(layout.Attempt(key.Attempt(2)), r1.SpecFile), &spec)
	m.get(path.Join(layout.Attempt(key.Attempt(2)), r1.ResultFile), &second)
	if first.Outcome == r1.Succeeded || first.Name == "" || first.Checkpoint == nil || second.Began == nil || second.Timing == nil {
		t.Fatalf("the first attempt says %+v, the second %+v", first, second)
	}
	newest := first.Checkpoint.Step
	if newest < beat.Checkpoint.Step || spec.Resume == nil || spec.Resume.Step != newest || !second.Began.Resumed || second.Began.Step != newest {
		t.Errorf("the newest complete checkpoint is of step %d; the controller chose %+v, and the trainer began at %+v", newest, spec.Resume, *second.Began)
	}
	if st := m.status(run); st.State != r1.RunCompleted || stageOf(t, st, "zero").Attempts != 2 {
		t.Errorf("run is %s, zero took %d attempts", st.State, stageOf(t, st, "zero").Attempts)
	}
	began := second.Started.Add(time.Duration((second.Timing.Download + second.Timing.Startup) * float64(time.Second)))
	since := func(at time.Time) float64 { return at.Sub(killed).Seconds() }
	t.Logf("trained again %.1f s after the kill, %.1f s of which are the trainer's own start: the end was known after %.1f s (%s), the next attempt prepared after %.1f s, its agent up after %.1f s",
		since(began), second.Timing.Startup, since(first.Ended), first.Name, since(spec.Created), since(second.Started))
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
