package runs

import (
	"context"
	"fmt"
	"path"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/r1ctl/r1ctl/internal/r1"
)

// two is the plan of a run: base, and zero in two phases. mark stands for what
// bears on zero.
func two(mark string) r1.Plan {
	job := func(stage, name, print string) r1.PlannedJob {
		return r1.PlannedJob{Stage: stage, Name: name, Fingerprint: print}
	}
	return r1.Plan{Stages: []r1.PlannedStage{
		{Name: "base", Kind: r1.KindBase, Jobs: []r1.PlannedJob{job("base", r1.MainJob, "base")}},
		{Name: "zero", Kind: r1.KindGRPO, Gate: &r1.Gate{Approval: "go on?"}, Jobs: []r1.PlannedJob{job("zero", "phase-01", "one "+mark), job("zero", "phase-02", "two "+mark)}},
	}}
}

// begun is a run in a store, with these jobs committed.
func begun(t *testing.T, done ...string) (objects, *r1.Run) {
	t.Helper()
	o := objects{}
	run := r1.Run{ID: "r", Recipe: "x", Profile: "p", Plan: two("")}
	if err := Create(context.Background(), o, run); err != nil {
		t.Fatal(err)
	}
	for _, name := range done {
		stage, job, _ := strings.Cut(name, "/")
		key := r1.JobKey{Run: "r", Stage: stage, Job: job}
		o[r1.Layout{Recipe: "x", Run: "r"}.Commit(key)] = r1.Commit{Key: key, Fingerprint: run.Plan.Stage(stage).Job(job).Fingerprint}
	}
	return o, &run
}

func change(field, mark string) r1.Amendment {
	plan := two(mark)
	return r1.Amendment{
		By: "ada", Created: time.Unix(1, 0).UTC(), Set: []string{field + "=2"}, Plan: &plan,
		Changes: []r1.Change{{Field: field, From: []byte("1"), To: []byte("2")}},
	}
}

func TestAmend(t *testing.T) {
	ctx := context.Background()
	o, run := begun(t, "base/main")
	frozen := fmt.Sprint(o[r1.Layout{Recipe: "x", Run: "r"}.RunFile()])
	for n, mark := range []string{"lower", "lowest"} {
		next, err := Amend(ctx, o, run, change("zero.params.learning_rate", mark))
		if err != nil {
			t.Fatal(err)
		}
		loaded, err := Load(ctx, o, "r")
		if err != nil || fingerprint(&loaded.Plan, "zero", "phase-02") != "two "+mark || !reflect.DeepEqual(next.Amendments, loaded.Amendments) {
			t.Errorf("loaded %+v (%v), want the plan of amendment %d", loaded, err, n+1)
		}
		if len(loaded.Amendments) != n+1 || loaded.Amendments[n].Number != n+1 || loaded.Amendments[n].Plan != nil {
			t.Errorf("amendments %+v", loaded.Amendments)
		}
		// Somebody who has not seen it does not write over it.
		if _, err := Amend(ctx, o, run, change("zero.params.learning_rate", "other")); name(err) != "run-amended" {
			t.Errorf("an amendment of what is no more: %v", err)
		}
		run = loaded
	}
	if fmt.Sprint(o[r1.Layout{Recipe: "x", Run: "r"}.RunFile()]) != frozen {
		t.Error("run.json was written again")
	}
	st, err := NewReader(o, run).Status(ctx)
	if err != nil || len(st.Amendments) != 2 || st.Amendments[1].Changes[0].Field != "zero.params.learning_rate" || st.Amendments[1].By != "ada" {
		t.Errorf("the status tells %+v (%v)", st.Amendments, err)
	}
}

func TestAmendComesTooLate(t *testing.T) {
	for what, c := range map[string]struct {
		done  []string
		field string
		mark  string
		ok    bool
	}{
		"nothing is committed":                {nil, "zero.params.learning_rate", "x", true},
		"another stage is":                    {[]string{"base/main"}, "zero.params.learning_rate", "x", true},
		"a phase is":                          {[]string{"zero/phase-01"}, "zero.params.learning_rate", "x", false},
		"a phase is, and it stays as it is":   {[]string{"zero/phase-01"}, "zero.params.micro_batch", "", true},
		"all of it is":                        {[]string{"zero/phase-01", "zero/phase-02"}, "zero.params.learning_rate", "x", false},
		"all of it is, and it stays as it is": {[]string{"zero/phase-01", "zero/phase-02"}, "zero.params.micro_batch", "", false},
		"what hangs on the changed stage is":  {[]string{"zero/phase-02"}, "base.params.source", "x", false},
	} {
		o, run := begun(t, c.done...)
		_, err := Amend(context.Background(), o, run, change(c.field, c.mark))
		if (err == nil) != c.ok {
			t.Errorf("%s: %v", what, err)
			continue
		}
		if c.ok {
			continue
		}
		e, _ := r1.AsError(err)
		if name(err) != "stage-committed" || !strings.Contains(e.Detail, c.field) || !strings.Contains(e.Detail, "zero/") ||
			!strings.Contains(e.Remedy, "r1ctl start x --profile p --set "+c.field+"=2") {
			t.Errorf("%s: refused with %v; %+v", what, err, e)
		}
	}
}

func name(err error) string {
	if e, ok := r1.AsError(err); ok {
		return e.Name
	}
	return ""
}

// What a cancelled run goes on from, job by job.
func TestCheckpoints(t *testing.T) {
	o, run := begun(t, "base/main")
	l := r1.Layout{Recipe: "x", Run: "r"}
	at := func(job string, attempt int) string {
		return l.Attempt(r1.JobKey{Run: "r", Stage: "zero", Job: job}.Attempt(attempt))
	}
	for attempt, print := range map[int]string{1: "one ", 2: "one ", 3: "of another plan"} {
		o[path.Join(at("phase-01", attempt), r1.SpecFile)] = r1.Spec{Fingerprint: print}
		o[path.Join(at("phase-01", attempt), r1.CheckpointDir, fmt.Sprintf("step-%d", 20*attempt), r1.CompleteFile)] = r1.Checkpoint{}
	}
	o[path.Join(at("phase-01", 2), r1.CheckpointDir, "step-60", "weights")] = "cut off"
	o[path.Join(at("phase-02", 1), r1.SpecFile)] = r1.Spec{Fingerprint: "two "}
	saved, err := Checkpoints(context.Background(), o, run)
	want := []Saved{
		{Stage: "zero", Job: "phase-01", Attempt: 2, Step: 40, Prefix: "x/r/_jobs/zero/phase-01/2/checkpoints/step-40"},
		{Stage: "zero", Job: "phase-02", Attempt: 1},
	}
	if err != nil || !slices.Equal(saved, want) {
		t.Errorf("saved %+v (%v), want %+v", saved, err, want)
	}
}

func TestStatusOfAHeldRun(t *testing.T) {
	o, run := begun(t, "base/main")
	l := r1.Layout{Recipe: "x", Run: "r"}
	o[l.StateFile()] = r1.RunRecord{State: r1.RunPaused, Paused: &r1.Pause{By: "ada"}, Notice: "look out"}
	o[l.StageFile("zero")] = r1.StageRecord{State: r1.RunWaiting, Question: "go on?", Remedy: "r1ctl approve r zero"}
	st, err := NewReader(o, run).Status(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	zero := st.Stages[1]
	if st.State != r1.RunPaused || st.Paused.By != "ada" || st.Notice != "look out" || zero.State != r1.RunWaiting || zero.Question != "go on?" || zero.Remedy != "r1ctl approve r zero" || zero.Approved != nil {
		t.Errorf("status %+v, zero %+v", st, zero)
	}
	o[l.Approval("zero")] = r1.Approval{Stage: "zero", By: "bob"}
	o[l.StateFile()] = r1.RunRecord{State: r1.RunCancelled}
	if st, err = NewReader(o, run).Status(context.Background()); err != nil || st.Stages[1].Approved.By != "bob" || st.Stages[1].State != r1.RunCancelled {
		t.Errorf("after a cancellation zero is %+v (%v)", st.Stages[1], err)
	}
}
