package activities

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/converter"

	"github.com/r1ctl/r1ctl/internal/r1"
	"github.com/r1ctl/r1ctl/internal/tasks"
)

func TestComputeCommitsOnceWithItsFunnel(t *testing.T) {
	w := newWorld(t)
	w.compute(t)
	w.compute(t) // a retry after the commit does nothing
	c, err := w.store.FindCommit(context.Background(), w.layout, w.ref("rows").Key())
	if err != nil {
		t.Fatal(err)
	}
	if c.Attempt != 1 || c.Funnel == nil || c.Funnel.Kept != 2 || c.Outputs["data"].Prefix != "small/r/rows/data" {
		t.Errorf("commit %+v, want attempt 1 with its funnel under the readable prefix", c)
	}
}

func TestAnAttemptIsFoundAgainAndNotDoubled(t *testing.T) {
	lost := r1.Status{State: r1.StateEnded, Outcome: r1.NodeLost, Reason: "the agent is gone"}
	failed := r1.Result{Outcome: r1.Failed, Class: r1.ClassProgram, Error: "boom"}
	for name, c := range map[string]struct {
		happened func(t *testing.T, w *world) // after the first PrepareAttempt
		after    int
		want     int // the attempt prepared next
	}{
		"killed before the submission":                {func(*testing.T, *world) {}, 0, 1},
		"killed while the attempt runs":               {func(t *testing.T, w *world) { w.submit(t, running) }, 0, 1},
		"killed before a success was committed":       {func(t *testing.T, w *world) { w.submit(t, ended); w.finish(t, 1, success()) }, 0, 1},
		"resumed after a failure":                     {func(t *testing.T, w *world) { w.submit(t, ended); w.finish(t, 1, failed) }, 0, 2},
		"resumed after the agent died":                {func(t *testing.T, w *world) { w.submit(t, lost) }, 0, 2},
		"next attempt of the same workflow":           {func(t *testing.T, w *world) { w.submit(t, ended); w.finish(t, 1, failed) }, 1, 2},
		"the scheduler cannot say how the attempt is": {func(t *testing.T, w *world) { w.submit(t, r1.Status{State: r1.StateUnknown}) }, 0, 1},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.compute(t)
			if first := w.prepare(t, 0); first.Attempt != 1 || first.Adopted {
				t.Fatalf("first attempt %+v, want a new attempt 1", first)
			}
			c.happened(t, w)
			if next := w.prepare(t, c.after); next.Attempt != c.want {
				t.Errorf("attempt %d prepared, want %d", next.Attempt, c.want)
			}
		})
	}
}

func (w *world) submit(t *testing.T, s r1.Status) {
	t.Helper()
	w.launcher.onSubmit = func(r1.AttemptKey) r1.Status { return s }
	if _, err := w.launcher.Submit(context.Background(), r1.Launch{Key: w.ref("sft").Key().Attempt(1)}); err != nil {
		t.Fatal(err)
	}
}

func TestNothingIsPreparedWhileTheSchedulerIsAway(t *testing.T) {
	w := newWorld(t)
	w.compute(t)
	w.prepare(t, 0)
	w.launcher.down = errors.New("connection refused")
	if _, err := w.env.ExecuteActivity(tasks.PrepareAttempt, tasks.PrepareInput{JobRef: w.ref("sft")}); err == nil {
		t.Error("an attempt was prepared although the one before could not be looked at")
	}
}

func TestTheNextAttemptResumesFromTheNewestCheckpointOfAny(t *testing.T) {
	w := newWorld(t)
	w.compute(t)
	failed := r1.Result{Outcome: r1.Failed, Class: r1.ClassProgram}
	for attempt, step := range []int{0, 40, 20} { // the second attempt got less far than the first
		if attempt == 0 {
			continue
		}
		ref := w.prepare(t, attempt-1)
		folder := fmt.Sprintf("%s/%s/step-%d/", w.layout.Attempt(ref.AttemptKey()), r1.CheckpointDir, step)
		if err := w.store.PutJSON(context.Background(), folder+r1.CompleteFile, r1.Checkpoint{Step: step, Prefix: folder}); err != nil {
			t.Fatal(err)
		}
		torn := fmt.Sprintf("%s/%s/step-%d/model.safetensors", w.layout.Attempt(ref.AttemptKey()), r1.CheckpointDir, step+20)
		if err := w.store.PutJSON(context.Background(), torn, "cut off before COMPLETE was written"); err != nil {
			t.Fatal(err)
		}
		w.finish(t, attempt, failed)
	}
	if ref := w.prepare(t, 2); ref.Attempt != 3 || ref.Resume != 40 {
		t.Errorf("prepared %+v, want attempt 3 from step 40", ref)
	}
}

func TestRunAttempt(t *testing.T) {
	for name, c := range map[string]struct {
		status r1.Status
		result *r1.Result
		want   tasks.AttemptEnd
	}{
		"success is committed": {ended, ptr(success()), tasks.AttemptEnd{Committed: true, Outcome: r1.Succeeded, Step: 10}},
		"success without the declared output is a failure": {ended, &r1.Result{Outcome: r1.Succeeded},
			tasks.AttemptEnd{Outcome: r1.Failed, Class: r1.ClassProgram, Name: "output-missing", Error: `the result lacks the declared output "model"`}},
		"a failure keeps its root cause": {ended, &r1.Result{Outcome: r1.Failed, Class: r1.ClassOOM, Name: "out-of-memory", Error: "CUDA out of memory", Remedy: "less at a time", Step: 3},
			tasks.AttemptEnd{Outcome: r1.Failed, Class: r1.ClassOOM, Name: "out-of-memory", Error: "CUDA out of memory", Remedy: "less at a time", Step: 3}},
		"a stop nobody here asked for is a preemption": {ended, &r1.Result{Outcome: r1.Stopped, Class: r1.ClassStopped},
			tasks.AttemptEnd{Outcome: r1.Stopped, Class: r1.ClassPreempted}},
		"an agent that died is infrastructure": {r1.Status{State: r1.StateEnded, Outcome: r1.NodeLost, Reason: "killed"}, nil,
			tasks.AttemptEnd{Outcome: r1.NodeLost, Class: r1.ClassInfrastructure, Name: "attempt-lost", Error: "killed"}},
		"a refusal is a matter of configuration": {r1.Status{State: r1.StateEnded, Outcome: r1.Rejected, Reason: "no such partition"}, nil,
			tasks.AttemptEnd{Outcome: r1.Rejected, Class: r1.ClassConfig, Name: "attempt-rejected", Error: "no such partition"}},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.compute(t)
			ref := w.prepare(t, 0)
			w.launcher.onSubmit = func(r1.AttemptKey) r1.Status { return c.status }
			if c.result != nil {
				w.finish(t, 1, *c.result)
			}
			end := w.runAttempt(t, ref)
			if end.Name != "" && end.Remedy == "" {
				t.Errorf("end %+v has no remedy", end)
			}
			if c.want.Remedy == "" {
				end.Remedy = ""
			}
			if !reflect.DeepEqual(end, c.want) {
				t.Errorf("end %+v, want %+v", end, c.want)
			}
			w.runAttempt(t, ref) // a second worker, or a retry
			if n := w.launcher.submits[ref.AttemptKey().String()]; n != 1 {
				t.Errorf("submitted %d times, want once", n)
			}
			_, err := w.store.FindCommit(context.Background(), w.layout, ref.Key())
			if committed := err == nil; committed != c.want.Committed {
				t.Errorf("committed %v, want %v", committed, c.want.Committed)
			}
		})
	}
}

// An S3 that keeps a read waiting keeps neither the activity from telling that
// it lives nor from seeing that the attempt has ended.
func TestAStalledStoreDoesNotHoldUpTheActivity(t *testing.T) {
	w := newWorld(t)
	w.compute(t)
	ref := w.prepare(t, 0)
	w.finish(t, 1, success())
	beats := make(chan tasks.Progress, 1000)
	w.env.SetOnActivityHeartbeatListener(func(_ *activity.Info, details converter.EncodedValues) {
		var p tasks.Progress
		if err := details.Get(&p); err != nil {
			t.Error(err)
		}
		beats <- p
	})
	stalled := make(chan struct{}, 1)
	w.store.onGet = func(ctx context.Context, key string) {
		if !strings.HasSuffix(key, r1.HeartbeatFile) {
			return
		}
		if deadline, bounded := ctx.Deadline(); !bounded || time.Until(deadline) > 5*time.Second {
			t.Error("the read of the heartbeat has no short bound")
		}
		select {
		case <-beats: // the activity beats meanwhile
		case <-ctx.Done():
			t.Error("no heartbeat of the activity during the stall")
		}
		w.launcher.set(ref.AttemptKey(), ended)
		stalled <- struct{}{}
	}
	if end := w.runAttempt(t, ref); !end.Committed {
		t.Errorf("end %+v", end)
	}
	if len(stalled) == 0 {
		t.Error("nothing stalled: the test shows nothing")
	}
}

func TestTheCommitSaysWhereTheTimeWent(t *testing.T) {
	w := newWorld(t)
	w.compute(t)
	ref := w.prepare(t, 0)
	var spec r1.Spec
	if err := w.store.GetJSON(context.Background(), specKey(ref.JobRef, 1), &spec); err != nil || spec.Created.IsZero() {
		t.Errorf("created %s, %v", spec.Created, err)
	}
	res := success()
	res.Timing, res.Usage = &r1.Timing{Download: 1, Startup: 2, Train: 3, Upload: 4}, &r1.Usage{CPUSeconds: 5, CPUs: 1.5, MemoryBytes: 6}
	w.finish(t, 1, res)
	w.launcher.onSubmit = func(r1.AttemptKey) r1.Status { return ended }
	w.runAttempt(t, ref)
	c, err := w.store.FindCommit(context.Background(), w.layout, ref.Key())
	if err != nil || c.Timing == nil || *c.Timing != *res.Timing || c.Usage == nil || *c.Usage != *res.Usage {
		t.Errorf("commit %+v (%v), want timing and usage of the result", c, err)
	}
}

func ptr[T any](v T) *T { return &v }

func TestASecondRunReusesEqualJobs(t *testing.T) {
	w := newWorld(t)
	w.compute(t)
	w.freeze(t, "r2")
	ref := w.ref("rows")
	ref.Run = "r2"
	v, err := w.env.ExecuteActivity(tasks.FindCommit, ref)
	if err != nil {
		t.Fatal(err)
	}
	var found tasks.Found
	if err := v.Get(&found); err != nil {
		t.Fatal(err)
	}
	if c, err := w.store.FindCommit(context.Background(), r1.Layout{Recipe: "small", Run: "r2"}, ref.Key()); err != nil || c.Timing != nil {
		t.Errorf("a reuse took no time, and its commit says %+v (%v)", c.Timing, err)
	}
	if !found.Committed || !found.Reused || found.From == nil || found.From.Run != "r" {
		t.Errorf("found %+v, want a reuse from run r", found)
	}
	c, err := w.store.FindCommit(context.Background(), r1.Layout{Recipe: "small", Run: "r2"}, ref.Key())
	if err != nil || !strings.HasPrefix(c.Outputs["data"].Prefix, "small/r/") {
		t.Errorf("commit %+v (%v), want the outputs of run r", c, err)
	}
}

// reap stops what lives of the run, as the end of a run does.
func (w *world) reapAll(t *testing.T) (unended []tasks.AttemptRef, stopped int) {
	t.Helper()
	v, err := w.env.ExecuteActivity(tasks.FindUnended, tasks.RunRef{Recipe: "small", Run: "r"})
	if err != nil {
		t.Fatal(err)
	}
	if err := v.Get(&unended); err != nil {
		t.Fatal(err)
	}
	v, err = w.env.ExecuteActivity(tasks.Reap, tasks.ReapInput{Attempts: unended})
	if err != nil {
		t.Fatal(err)
	}
	var reaped tasks.Reaped
	if err := v.Get(&reaped); err != nil {
		t.Fatal(err)
	}
	return unended, reaped.Stopped
}

// An attempt that is prepared may be submitted at any moment: it must not begin
// after the run was given up.
func TestReapForbidsWhatIsOnItsWay(t *testing.T) {
	w := newWorld(t)
	w.compute(t)
	ref := w.prepare(t, 0)
	if _, stopped := w.reapAll(t); stopped != 0 {
		t.Errorf("stopped %d, want none that lived", stopped)
	}
	if end := w.runAttempt(t, ref); end.Outcome != r1.Stopped || len(w.launcher.submits) != 0 {
		t.Errorf("the late submission ended as %+v, with %v", end, w.launcher.submits)
	}
}

func TestReapStopsWhatLives(t *testing.T) {
	w := newWorld(t)
	w.Queue = "here"
	w.compute(t)
	w.prepare(t, 0)
	w.submit(t, running)
	unended, stopped := w.reapAll(t)
	if len(unended) != 1 || unended[0].Queue != "here" || stopped != 1 || len(w.launcher.stopped) != 1 {
		t.Errorf("found %+v, stopped %d, launcher stopped %v; want one, on the machine that has it", unended, stopped, w.launcher.stopped)
	}
	w.finish(t, 1, r1.Result{Outcome: r1.Stopped})
	if unended, _ := w.reapAll(t); len(unended) != 0 {
		t.Errorf("an attempt with a result is looked for again: %+v", unended)
	}
}
