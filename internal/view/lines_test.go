package view

import (
	"bytes"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/r1ctl/r1ctl/internal/r1"
	"github.com/r1ctl/r1ctl/internal/runs"
)

func TestLinesSayEveryEventOnceAndProgressNowAndThen(t *testing.T) {
	var out bytes.Buffer
	v := New(&out, Options{Getenv: func(string) string { return "" }})
	st := halfway()
	v.Begin(&r1.Run{ID: st.Run, Recipe: st.Recipe, Profile: st.Profile})
	for i, seconds := range []int{0, 1, 20, 31, 32, 50, 62} {
		if i == 4 {
			for k := range st.Stages {
				if st.Stages[k].Name == "zero" {
					st.Stages[k].State, st.Stages[k].Error, st.Stages[k].ErrorName = r1.RunFailed, "loss is NaN", "diverged"
				}
			}
		}
		notice := ""
		if i == 1 || i == 2 {
			notice = "storage does not answer"
		}
		v.lines.show(st, notice, noon.Add(time.Duration(seconds)*time.Second))
	}
	text := out.String()
	for want, times := range map[string]int{
		"run full-r1-1123-k7q2": 1, "started    grpo": 1, "completed": 3, "zero               failed": 1, "[diverged] loss is NaN": 1,
		"phase-02 is in attempt 2": 1, "phase-02  120/160  reward 1.83": 1, "distill/student-32 starting": 2,
		"filtering": 2, "waiting for a slot": 2, "dev2": 0, "storage does not answer": 1, "\x1b": 0,
	} {
		if got := strings.Count(text, want); got != times {
			t.Errorf("%q is said %d times, want %d, in\n%s", want, got, times, text)
		}
	}
}

func TestTableSaysWhatToDo(t *testing.T) {
	var out bytes.Buffer
	Table(&out, failed(), noon)
	for _, want := range []string{"STAGE", "eval-zero", "skipped", "failed: zero: [diverged] zero/phase-01 failed", "try: lower learning_rate"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is missing in\n%s", want, out.String())
		}
	}
}

func TestTableCountsAttemptsOnlyWhereAJobNeededMore(t *testing.T) {
	st := failed()
	one, two := &st.Stages[0], &st.Stages[1]
	one.Attempts, one.Jobs = 2, []runs.Job{{Name: "phase-01", State: r1.RunCompleted, Attempts: 1}, {Name: "phase-02", State: r1.RunCompleted, Attempts: 1}}
	two.Attempts, two.Retried, two.Ends = 4, 2, map[r1.Class]int{r1.ClassPreempted: 1, r1.ClassInfrastructure: 1}
	two.Jobs = []runs.Job{{Name: "phase-01", State: r1.RunCompleted, Attempts: 3}, {Name: "phase-02", State: r1.RunFailed, Attempts: 1}}
	var out bytes.Buffer
	Table(&out, st, noon)
	rows := strings.Split(out.String(), "\n")
	if !strings.Contains(rows[2], " 2/2 ") || strings.Contains(rows[2], "attempt") {
		t.Errorf("two jobs without trouble: %q", rows[2])
	}
	if !strings.Contains(rows[3], " 1/2 ") || !strings.Contains(rows[3], "4 attempts at 2 jobs (1 preempted, 1 infrastructure)") {
		t.Errorf("two jobs with trouble: %q", rows[3])
	}
}

func TestLinesOfAHeldRun(t *testing.T) {
	var out bytes.Buffer
	v := New(&out, Options{Getenv: func(string) string { return "" }})
	st := held()
	for i := range 5 { // a pause is no news for long
		v.lines.show(st, "", noon.Add(time.Duration(i)*time.Hour))
	}
	st.State, st.Paused, st.Stages[3].State = r1.RunWaiting, nil, r1.RunRunning
	v.lines.show(st, "", noon.Add(6*time.Hour))
	for want, times := range map[string]int{
		"paused by ada; continue with: r1ctl unpause full-r1-1123-k7q2": 1, "zero               paused": 1, "goes on": 2,
		"waiting    waits for you: r1ctl approve full-r1-1123-k7q2 eval-dev1  (is Dev1 good enough?)": 1,
	} {
		if got := strings.Count(out.String(), want); got != times {
			t.Errorf("%q is said %d times, want %d, in\n%s", want, got, times, out.String())
		}
	}
}

// What a guard has to say is news once, and stays in the table.
func TestWarningsAreSaid(t *testing.T) {
	st := halfway()
	for i := range st.Stages {
		if st.Stages[i].Name == "zero" {
			st.Stages[i].Jobs[1].Warnings = []r1.Warning{
				{Guard: "kl", Time: noon, Step: 90, Message: "the KL is 1.4"},
				{Guard: "length", Time: noon.Add(time.Second), Step: 100, Message: "responses are \x1b[31mlong"},
			}
		}
	}
	var out bytes.Buffer
	v := New(&out, Options{Getenv: func(string) string { return "" }})
	for i := range 3 {
		v.lines.show(st, "", noon.Add(time.Duration(i)*time.Second))
	}
	Table(&out, st, noon)
	for want, times := range map[string]int{"warning: kl at step 90: the KL is 1.4": 1, "warning: zero: kl at step 90": 1, "warning: length at step 100": 1, "\x1b": 0} {
		if got := strings.Count(out.String(), want); got != times {
			t.Errorf("%q is said %d times, want %d, in\n%s", want, got, times, out.String())
		}
	}
	if frame := strings.Join(Frame(st, Viewport{Now: noon, Width: 160}), "\n"); !strings.Contains(frame, "warning: length") {
		t.Errorf("the frame does not warn:\n%s", frame)
	}
}

// A roll-back is news once, stays in the table, and is what is odd about a job until
// a guard warns again. A phase that goes on with it does not tell it as its own.
func TestRollBacksAreSaid(t *testing.T) {
	st := halfway()
	zero := slices.IndexFunc(st.Stages, func(s runs.Stage) bool { return s.Name == "zero" })
	jobs := st.Stages[zero].Jobs
	back := r1.Rollback{Job: jobs[0].Name, Guard: "kl", Message: "the KL is \x1b[31m1.4", Attempt: 1, AtStep: 57, ToStep: 40,
		Change: []r1.ParamChange{{Param: "learning_rate", From: 1e-4, To: 5e-5}}}
	jobs[0].Rollbacks, jobs[1].Rollbacks = []r1.Rollback{back}, []r1.Rollback{back}
	show := func() string {
		var out bytes.Buffer
		v := New(&out, Options{Getenv: func(string) string { return "" }})
		for i := range 3 {
			v.lines.show(st, "", noon.Add(time.Duration(i)*time.Second))
		}
		Table(&out, st, noon)
		return out.String()
	}
	said := "rolled back to step 40 by kl: learning_rate 0.0001 → 5e-05 (attempt 1, at step 57: the KL is"
	for want, times := range map[string]int{said: 2, "rolled back: zero: " + said: 1, "\x1b": 0} {
		if got := strings.Count(show(), want); got != times {
			t.Errorf("%q is said %d times, want %d, in\n%s", want, got, times, show())
		}
	}
	odd := "goes on with what " + jobs[0].Name + " has changed: learning_rate 0.0001 → 5e-05"
	if frame := strings.Join(Frame(st, Viewport{Now: noon, Width: 200}), "\n"); !strings.Contains(frame, odd) {
		t.Errorf("the frame does not say %q:\n%s", odd, frame)
	}
}
