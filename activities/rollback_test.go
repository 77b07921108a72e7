package activities

import (
	"context"
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"github.com/r1ctl/r1ctl/internal/r1"
	"github.com/r1ctl/r1ctl/internal/tasks"
)

// guarded gives the world's training a guard that rolls it back twice at most.
func (w *world) guarded(from int) {
	w.t.Helper()
	w.replan(func(j *r1.PlannedJob) {
		j.FromStep, j.ToStep = from, 100
		j.Params = json.RawMessage(`{"learning_rate":1e-4,"batch_size":8,"guards":{"loss":{"do":"roll-back","most":2,"change":{"learning_rate":{"times":0.5}}},"nan":{"do":"stop"}}}`)
	})
}

// replan changes the training in the frozen run.
func (w *world) replan(change func(*r1.PlannedJob)) {
	w.t.Helper()
	var run r1.Run
	if err := w.store.GetJSON(context.Background(), w.layout.RunFile(), &run); err != nil {
		w.t.Fatal(err)
	}
	change(&run.Plan.Stages[1].Jobs[0])
	w.plans = nil
	if err := w.store.PutJSON(context.Background(), w.layout.RunFile(), run); err != nil {
		w.t.Fatal(err)
	}
}

// diverged ends an attempt as its agent does when a guard has ended the trainer.
func (w *world) diverged(attempt int, guard string, step, good int) {
	w.t.Helper()
	w.finish(w.t, attempt, r1.Result{Outcome: r1.Failed, Class: r1.ClassDiverged, Name: guard, Error: "the loss rises", Remedy: "lower learning_rate", Step: step, LastGoodStep: &good,
		Began: &r1.Beginning{Step: 0, Cursor: 0}})
}

func (w *world) specOf(attempt int) r1.Spec {
	w.t.Helper()
	spec, err := w.Activities.spec(context.Background(), w.ref("sft"), attempt)
	if err != nil {
		w.t.Fatal(err)
	}
	return spec
}

// rate is the learning rate that an attempt is given.
func (w *world) rate(attempt int) float64 {
	w.t.Helper()
	var params struct {
		Rate  float64 `json:"learning_rate"`
		Batch int     `json:"batch_size"`
	}
	if err := json.Unmarshal(w.specOf(attempt).Params, &params); err != nil || params.Batch != 8 {
		w.t.Fatalf("the parameters of attempt %d are %+v (%v)", attempt, params, err)
	}
	return params.Rate
}

// A job that diverges twice goes back twice, each time from the newest checkpoint
// that is good, at half the rate; what happens besides changes nothing of that.
func TestRollingBack(t *testing.T) {
	w := newWorld(t)
	w.compute(t)
	w.guarded(0)
	w.prepare(t, 0)
	for _, step := range []int{20, 40, 60} {
		w.keep(t, 1, step)
	}
	w.diverged(1, "loss", 70, 50)

	ref := w.prepare(t, 1)
	if ref.Resume != 40 || ref.RolledBack != "rolled back to step 40 by loss: learning_rate 0.0001 → 5e-05" {
		t.Fatalf("attempt 2 is %+v, want one from step 40 at half the rate", ref)
	}
	if w.rate(1) != 1e-4 || w.rate(2) != 5e-5 {
		t.Errorf("rates %g and %g, want 1e-4 and 5e-5", w.rate(1), w.rate(2))
	}
	want := []r1.Rollback{{Job: r1.MainJob, Guard: "loss", Message: "the loss rises", Attempt: 1, AtStep: 70, LastGoodStep: 50, ToStep: 40,
		Change: []r1.ParamChange{{Param: "learning_rate", From: 1e-4, To: 5e-5}}}}
	if got := w.specOf(2).Rollbacks; !reflect.DeepEqual(got, want) {
		t.Errorf("attempt 2 knows of %+v, want %+v", got, want)
	}

	// Preempted before it saved anything: the changes stay, and step 60 stays ruled out.
	w.finish(t, 2, r1.Result{Outcome: r1.Preempted, Class: r1.ClassPreempted})
	if ref := w.prepare(t, 2); ref.Resume != 40 || w.rate(3) != 5e-5 || len(w.specOf(3).Rollbacks) != 1 {
		t.Errorf("attempt 3 is %+v at %g, with %+v", ref, w.rate(3), w.specOf(3).Rollbacks)
	}
	// What it saves beyond that is good, until the guard speaks again.
	w.keep(t, 3, 60)
	w.keep(t, 3, 80)
	w.diverged(3, "loss", 90, 75)
	if ref := w.prepare(t, 3); ref.Resume != 60 || w.rate(4) != 2.5e-5 || len(w.specOf(4).Rollbacks) != 2 {
		t.Errorf("attempt 4 is %+v at %g, with %+v", ref, w.rate(4), w.specOf(4).Rollbacks)
	}
	if resume := w.specOf(4).Resume.Prefix; !strings.Contains(resume, "/3/") {
		t.Errorf("attempt 4 resumes from %s, want what attempt 3 saved", resume)
	}

	// Its commit says what the model was made with.
	w.launcher.onSubmit = func(r1.AttemptKey) r1.Status { return ended }
	res := success()
	res.Step, res.Began = 100, &r1.Beginning{Resumed: true, Step: 60, Cursor: 480}
	w.finish(t, 4, res)
	last := tasks.AttemptRef{JobRef: w.ref("sft"), Attempt: 4}
	if end := w.runAttempt(t, last); !end.Committed {
		t.Fatalf("end %+v", end)
	}
	commit, err := w.store.FindCommit(context.Background(), w.layout, w.ref("sft").Key())
	if err != nil || len(commit.Rollbacks) != 2 || commit.Rollbacks[1].Change[0].To != 2.5e-5 {
		t.Errorf("the commit says %+v, %v", commit.Rollbacks, err)
	}
}

// Whatever dies between the guard's word and the next attempt, and whoever asks
// then, the same roll-back comes of it, once.
func TestARollBackIsDecidedOnce(t *testing.T) {
	for name, after := range map[string]int{"by the run": 1, "by a resume that knows nothing": 0} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.compute(t)
			w.guarded(0)
			w.prepare(t, 0)
			w.submit(t, ended)
			w.keep(t, 1, 20)
			w.keep(t, 1, 40)
			w.diverged(1, "loss", 50, 30)
			first := w.prepare(t, after)
			again := w.prepare(t, after) // nobody was told of the first
			if first.Attempt != 2 || again.Attempt != 2 || !again.Adopted || again.Resume != 20 || again.RolledBack != first.RolledBack {
				t.Errorf("%+v, then %+v", first, again)
			}
			if got := w.specOf(2).Rollbacks; len(got) != 1 {
				t.Errorf("rolled back %d times: %+v", len(got), got)
			}
		})
	}
}

func TestWhereARollBackGoes(t *testing.T) {
	for name, c := range map[string]struct {
		from, good int
		saved      []int
		unusable   int // a checkpoint that the next attempt cannot fetch
		want       int
	}{
		"the newest good one":      {0, 50, []int{20, 40, 60}, 0, 40},
		"the last good step":       {0, 60, []int{20, 40, 60}, 0, 60},
		"none is left":             {0, 50, []int{60, 80}, 0, 0},
		"none is left of a phase":  {10, 50, []int{60, 80}, 0, 0},
		"the one before a bad one": {0, 50, []int{20, 40, 60}, 40, 20},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.compute(t)
			w.guarded(c.from)
			w.prepare(t, 0)
			for _, step := range c.saved {
				w.keep(t, 1, step)
			}
			w.diverged(1, "loss", 90, c.good)
			ref := w.prepare(t, 1)
			if c.unusable > 0 {
				w.finish(t, 2, r1.Result{Outcome: r1.Failed, Class: r1.ClassInfrastructure, Name: r1.CheckpointUnusable})
				ref = w.prepare(t, 2)
			}
			spec := w.specOf(ref.Attempt)
			if ref.Resume != c.want || (spec.Resume == nil) != (c.want == 0) || w.rate(ref.Attempt) != 5e-5 {
				t.Errorf("attempt %d resumes from step %d at %g, want step %d and half the rate", ref.Attempt, ref.Resume, w.rate(ref.Attempt), c.want)
			}
			if to := spec.Rollbacks[0].ToStep; c.unusable == 0 && to != max(c.from, c.want) {
				t.Errorf("it says that it goes back to step %d", to)
			}
		})
	}
}

// The end of an attempt says whether another one follows, and if not why.
func TestTheEndSaysWhatFollows(t *testing.T) {
	for name, c := range map[string]struct {
		guard string
		good  int
		done  int // roll-backs before
		rolls bool
		why   string
	}{
		"it rolls back":        {"loss", 50, 0, true, ""},
		"a second time":        {"loss", 50, 1, true, ""},
		"not a third time":     {"loss", 50, 2, false, "2 times already"},
		"trouble from before":  {"loss", 9, 0, false, "the phase before is in doubt"},
		"a guard that stops":   {"nan", 50, 0, false, ""},
		"a guard of no policy": {"kl", 50, 0, false, ""},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.compute(t)
			w.guarded(10)
			for n := 1; n <= c.done; n++ {
				w.prepare(t, n-1)
				w.diverged(n, "loss", 60, 50)
			}
			ref := w.prepare(t, c.done)
			w.launcher.onSubmit = func(r1.AttemptKey) r1.Status { return ended }
			w.diverged(ref.Attempt, c.guard, 60, c.good)
			end := w.runAttempt(t, ref)
			if end.RollsBack != c.rolls || end.Class != r1.ClassDiverged || end.Name != c.guard || !strings.HasPrefix(end.Error, "the loss rises") || !strings.Contains(end.Error, c.why) {
				t.Errorf("end %+v, want %t %q", end, c.rolls, c.why)
			}
			if c.why == "" && end.Error != "the loss rises" {
				t.Errorf("it says %q", end.Error)
			}
		})
	}
}

// A phase of RL keeps what the phases before it have changed, and counts its own
// roll-backs from none.
func TestAPhaseKeepsWhatThePhaseBeforeHasChanged(t *testing.T) {
	w := newWorld(t)
	w.compute(t)
	w.guarded(10)
	before := r1.JobKey{Run: "r", Stage: "sft", Job: "phase-01"}
	w.replan(func(j *r1.PlannedJob) {
		j.Inputs["state"] = r1.OutputRef{Stage: before.Stage, Job: before.Job, Output: "state"}
	})
	earlier := []r1.Rollback{
		{Job: before.Job, Guard: "loss", Attempt: 1, LastGoodStep: 5, Change: []r1.ParamChange{{Param: "learning_rate", From: 1e-4, To: 5e-5}}},
		{Job: before.Job, Guard: "loss", Attempt: 2, LastGoodStep: 5, Change: []r1.ParamChange{{Param: "learning_rate", From: 5e-5, To: 2.5e-5}}},
	}
	commit := r1.Commit{Key: before, Fingerprint: strings.Repeat("c", 64), Outputs: map[string]r1.Artifact{"state": {Name: "state"}}, Rollbacks: earlier}
	if _, _, err := w.store.Commit(context.Background(), w.layout, commit); err != nil {
		t.Fatal(err)
	}
	w.prepare(t, 0)
	w.keep(t, 1, 40) // after the steps that roll-backs of the other job rule out
	w.finish(t, 1, r1.Result{Outcome: r1.Preempted, Class: r1.ClassPreempted})
	ref := w.prepare(t, 1)
	if ref.Resume != 40 || w.rate(1) != 2.5e-5 || w.rate(2) != 2.5e-5 {
		t.Errorf("%+v at %g, then %g; want step 40 and 2.5e-5", ref, w.rate(1), w.rate(2))
	}
	if want := "goes on with what phase-01 has changed: learning_rate 5e-05 → 2.5e-05"; ref.RolledBack != want {
		t.Errorf("it says %q, want %q", ref.RolledBack, want)
	}
	w.diverged(2, "loss", 60, 50)
	if w.prepare(t, 2); w.rate(3) != 1.25e-5 || len(w.specOf(3).Rollbacks) != 3 {
		t.Errorf("after its own roll-back at %g, with %+v", w.rate(3), w.specOf(3).Rollbacks)
	}
}

// Decided from what lies in S3: the spec of every attempt after the roll-back has it.
func TestNoCheckpointBeyondARollBackIsChosenLater(t *testing.T) {
	w := newWorld(t)
	w.compute(t)
	w.guarded(0)
	w.prepare(t, 0)
	w.keep(t, 1, 20)
	w.diverged(1, "loss", 70, 30)
	w.prepare(t, 1)
	w.finish(t, 2, r1.Result{Outcome: r1.NodeLost, Class: r1.ClassInfrastructure})
	late := w.keep(t, 1, 60) // its agent was slow to store it
	ref := w.prepare(t, 2)
	if ref.Resume != 20 {
		t.Errorf("attempt 3 resumes from step %d, want 20: %s is from after the trouble", ref.Resume, late)
	}
}
