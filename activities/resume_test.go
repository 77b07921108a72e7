package activities

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/worker"

	"github.com/r1ctl/r1ctl/internal/r1"
	"github.com/r1ctl/r1ctl/internal/tasks"
)

// keep puts a complete checkpoint of an attempt into the store.
func (w *world) keep(t *testing.T, attempt, step int) string {
	t.Helper()
	prefix := fmt.Sprintf("%s/%s/step-%d", w.layout.Attempt(w.ref("sft").Key().Attempt(attempt)), r1.CheckpointDir, step)
	if err := w.store.PutJSON(context.Background(), prefix+"/"+r1.CompleteFile, r1.Checkpoint{Step: step, Prefix: prefix}); err != nil {
		t.Fatal(err)
	}
	return prefix
}

// The first attempt saved step 40 and was preempted; the second says that it
// succeeded. Only one that went on from step 40 is believed.
func TestResumeIsProvenBeforeTheCommit(t *testing.T) {
	at := func(resumed bool, step int, cursor int64) *r1.Beginning {
		return &r1.Beginning{Resumed: resumed, Step: step, Cursor: cursor}
	}
	for what, c := range map[string]struct {
		began *r1.Beginning
		step  int
		name  string
	}{
		"went on":                       {at(true, 40, 640), 80, ""},
		"never said where it began":     {nil, 80, "resume-ignored"},
		"started afresh":                {at(false, 0, 0), 80, "resume-ignored"},
		"restored another step":         {at(true, 20, 320), 80, "resume-step-mismatch"},
		"restored weights, not data":    {at(true, 40, 0), 80, "cursor-stalled"},
		"is where the first began":      {at(true, 40, 16), 80, "cursor-stalled"},
		"did nothing after it restored": {at(true, 40, 640), 40, "nothing-trained"},
	} {
		t.Run(what, func(t *testing.T) {
			w := newWorld(t)
			w.compute(t)
			w.prepare(t, 0)
			w.keep(t, 1, 40)
			first := r1.Result{Outcome: r1.Preempted, Class: r1.ClassPreempted, Began: at(false, 0, 16)}
			w.finish(t, 1, first)
			w.launcher.onSubmit = func(r1.AttemptKey) r1.Status { return ended }
			ref := w.prepare(t, 1)
			if ref.Resume != 40 {
				t.Fatalf("prepared %+v, want a resume from step 40", ref)
			}
			res := success()
			res.Began, res.Step, res.Total = c.began, c.step, 80
			w.finish(t, 2, res)
			end := w.runAttempt(t, ref)
			if end.Name != c.name || end.Committed != (c.name == "") {
				t.Errorf("end %+v, want %q", end, c.name)
			}
			if !end.Committed && (end.Class != r1.ClassProgram || end.Remedy == "") {
				t.Errorf("end %+v, want class program and a remedy", end)
			}
		})
	}
}

// An attempt that left no result still tells by its heartbeat where it began.
func TestTheHeartbeatOfALostAttemptCounts(t *testing.T) {
	w := newWorld(t)
	w.compute(t)
	ref := w.prepare(t, 0)
	w.keep(t, 1, 40)
	beat := r1.Heartbeat{Began: &r1.Beginning{Cursor: 16}}
	if err := w.store.PutJSON(context.Background(), w.layout.Attempt(ref.AttemptKey())+"/"+r1.HeartbeatFile, beat); err != nil {
		t.Fatal(err)
	}
	w.submit(t, r1.Status{State: r1.StateEnded, Outcome: r1.NodeLost})
	next := w.prepare(t, 0)
	var spec r1.Spec
	if err := w.store.GetJSON(context.Background(), specKey(next.JobRef, next.Attempt), &spec); err != nil {
		t.Fatal(err)
	}
	if len(spec.Earlier) != 1 || spec.Earlier[0].Cursor != 16 {
		t.Errorf("the spec knows %+v of earlier attempts", spec.Earlier)
	}
}

func TestWhichCheckpointIsNotChosen(t *testing.T) {
	for name, c := range map[string]struct {
		result string // how the second attempt, which resumed from step 40, failed
		saved  int    // what it saved
		want   int
	}{
		"one that could not be fetched":       {r1.CheckpointUnusable, 0, 20},
		"one of a trainer that began wrongly": {"resume-ignored", 60, 40},
		"no other failure harms one":          {"trainer-failed", 60, 60},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.compute(t)
			w.prepare(t, 0)
			w.keep(t, 1, 20)
			w.keep(t, 1, 40)
			w.finish(t, 1, r1.Result{Outcome: r1.Preempted})
			if ref := w.prepare(t, 1); ref.Resume != 40 {
				t.Fatalf("prepared %+v, want step 40", ref)
			}
			if c.saved > 0 {
				w.keep(t, 2, c.saved)
			}
			w.finish(t, 2, r1.Result{Outcome: r1.Failed, Name: c.result})
			if ref := w.prepare(t, 2); ref.Resume != c.want {
				t.Errorf("resumes from step %d, want %d", ref.Resume, c.want)
			}
		})
	}
}

// What an agent leaves when it dies while it writes a checkpoint, or deletes one,
// is offered to nobody, whichever attempt it was and however high its step.
func TestOnlyCompleteCheckpointsAreOffered(t *testing.T) {
	type saved struct{ attempt, step int }
	for name, c := range map[string]struct {
		complete []saved
		partly   []saved // files without the COMPLETE object: it is written last, and deleted first
		want     int
	}{
		"none at all":                                       {nil, nil, 0},
		"half-written only":                                 {nil, []saved{{1, 20}, {2, 40}}, 0},
		"half-written after a whole one":                    {[]saved{{1, 20}}, []saved{{1, 40}}, 20},
		"half-written by the next attempt":                  {[]saved{{1, 20}}, []saved{{2, 40}}, 20},
		"being deleted, as a newer one is stored":           {[]saved{{1, 40}, {1, 60}}, []saved{{1, 20}}, 60},
		"being deleted, and the newest is half-written":     {[]saved{{1, 40}}, []saved{{1, 20}, {1, 60}}, 40},
		"the first attempt got further":                     {[]saved{{1, 60}, {2, 40}}, []saved{{2, 80}}, 60},
		"the second attempt repeats the steps of the first": {[]saved{{1, 40}, {2, 40}}, nil, 40},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.compute(t)
			for attempt := 1; attempt <= 2; attempt++ {
				w.prepare(t, attempt-1)
				for _, at := range c.complete {
					if at.attempt == attempt {
						w.keep(t, attempt, at.step)
					}
				}
				for _, at := range c.partly {
					file := fmt.Sprintf("%s/%s/step-%d/model.safetensors", w.layout.Attempt(w.ref("sft").Key().Attempt(attempt)), r1.CheckpointDir, at.step)
					if at.attempt != attempt {
						continue
					}
					if err := w.store.PutJSON(context.Background(), file, "weights"); err != nil {
						t.Fatal(err)
					}
				}
				w.finish(t, attempt, r1.Result{Outcome: r1.Preempted})
			}
			if ref := w.prepare(t, 2); ref.Attempt != 3 || ref.Resume != c.want {
				t.Errorf("prepared %+v, want attempt 3 from step %d", ref, c.want)
			}
		})
	}
}

// Wherever a cancellation comes, nothing of the attempt goes on; and what is no
// cancellation stops nothing.
func TestCancellationStopsTheAttempt(t *testing.T) {
	for name, c := range map[string]struct {
		cause error
		when  func(w *world, cancel func())
		stops bool
	}{
		"while it runs": {temporal.NewCanceledError(), func(w *world, cancel func()) {
			w.launcher.onSubmit = func(r1.AttemptKey) r1.Status { time.AfterFunc(10*time.Millisecond, cancel); return running }
		}, true},
		"while its handle is recorded": {temporal.NewCanceledError(), func(w *world, cancel func()) {
			w.launcher.onSubmit = func(r1.AttemptKey) r1.Status {
				w.store.putFails = errors.New("cut off")
				cancel()
				return running
			}
		}, true},
		"before this worker found it again": {temporal.NewCanceledError(), func(w *world, cancel func()) {
			w.submit(w.t, running)
			w.launcher.submitFails = errors.New("cut off")
			cancel()
		}, true},
		"the activity timed out": {context.DeadlineExceeded, func(w *world, cancel func()) {
			w.launcher.onSubmit = func(r1.AttemptKey) r1.Status { cancel(); return running }
		}, false},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.compute(t)
			ref := w.prepare(t, 0)
			ctx, cancel := context.WithCancelCause(t.Context())
			w.env.SetWorkerOptions(worker.Options{BackgroundActivityContext: ctx})
			c.when(w, func() { cancel(c.cause) })
			if _, err := w.env.ExecuteActivity(tasks.RunAttempt, ref); err == nil {
				t.Error("a cancelled activity ended well")
			}
			if stopped := len(w.launcher.stopped) == 1; stopped != c.stops {
				t.Errorf("stopped %v, want that: %t", w.launcher.stopped, c.stops)
			}
		})
	}
}

func TestSilenceIsTold(t *testing.T) {
	now := time.Unix(0, 0)
	var h hearing
	if h.silence(now.Add(time.Hour)) != "" {
		t.Error("an agent that never spoke is called silent")
	}
	said := time.Unix(99, 0) // by a clock of its own
	h.note(said, now)
	h.note(said, now.Add(time.Minute))
	if h.silence(now.Add(time.Minute)) != "" {
		t.Error("a minute is called silence")
	}
	if got := h.silence(now.Add(5 * time.Minute)); got != ", but its agent has been silent for 5m0s" {
		t.Errorf("after five minutes: %q", got)
	}
	h.note(said.Add(time.Second), now.Add(5*time.Minute))
	if h.silence(now.Add(6*time.Minute)) != "" {
		t.Error("it spoke a minute ago")
	}
}
