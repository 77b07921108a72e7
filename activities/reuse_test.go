package activities

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/r1ctl/r1ctl/internal/r1"
	"github.com/r1ctl/r1ctl/internal/tasks"
)

// find asks for a commit of a job of another run of the world's plan.
func (w *world) find(t *testing.T, run, stage string) (tasks.Found, error) {
	t.Helper()
	ref := w.ref(stage)
	ref.Run = run
	v, err := w.env.ExecuteActivity(tasks.FindCommit, ref)
	if err != nil {
		return tasks.Found{}, err
	}
	var found tasks.Found
	if err := v.Get(&found); err != nil {
		t.Fatal(err)
	}
	return found, nil
}

// planned freezes another run whose plan is changed first.
func (w *world) planned(t *testing.T, run string, change func(*r1.Plan)) {
	t.Helper()
	w.freeze(t, run)
	key := r1.Layout{Recipe: "small", Run: run}.RunFile()
	var r r1.Run
	if err := w.store.GetJSON(context.Background(), key, &r); err != nil {
		t.Fatal(err)
	}
	change(&r.Plan)
	if err := w.store.PutJSON(context.Background(), key, r); err != nil {
		t.Fatal(err)
	}
}

func (w *world) committed(t *testing.T, run, stage string) r1.Commit {
	t.Helper()
	c, err := w.store.FindCommit(context.Background(), r1.Layout{Recipe: "small", Run: run}, r1.JobKey{Run: run, Stage: stage, Job: r1.MainJob})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// trained commits the model of a run, as made of rows with this digest.
func (w *world) trained(t *testing.T, run, rows string) {
	t.Helper()
	c := r1.Commit{Version: 1, Key: r1.JobKey{Run: run, Stage: "sft", Job: r1.MainJob}, Kind: r1.KindSFT, Fingerprint: strings.Repeat("b", 64), Attempt: 1,
		Outputs: map[string]r1.Artifact{"model": {Prefix: run + "/model"}}, Made: &r1.Made{Inputs: map[string]string{"data": rows}}, Started: time.Now()}
	if _, _, err := w.store.Commit(context.Background(), r1.Layout{Recipe: "small", Run: run}, c); err != nil {
		t.Fatal(err)
	}
}

func (w *world) digest(t *testing.T, run, sha string) {
	t.Helper()
	c := w.committed(t, run, "rows")
	out := c.Outputs["data"]
	out.SHA256 = sha
	c.Outputs["data"] = out
	if err := w.store.PutJSON(context.Background(), r1.Layout{Recipe: "small", Run: run}.Commit(c.Key), c); err != nil {
		t.Fatal(err)
	}
}

func TestAJobThatIsToBeMadeAnewTakesNothing(t *testing.T) {
	w := newWorld(t)
	w.compute(t)
	w.planned(t, "again", func(p *r1.Plan) { p.Stages[0].Jobs[0].Anew = r1.AnewRebuild })
	if found, err := w.find(t, "again", "rows"); err != nil || found.Committed {
		t.Errorf("%+v, %v: it was to be made anew", found, err)
	}
}

// What depends on a stage that was made anew is reused if, and only if, that came out as
// the same bytes.
func TestReuseBehindARebuild(t *testing.T) {
	for name, c := range map[string]struct {
		rows string
		want bool
	}{"equal bytes": {"same", true}, "other bytes": {"other", false}} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.compute(t)
			w.trained(t, "r", "same")
			w.planned(t, "again", func(p *r1.Plan) { p.Stages[0].Jobs[0].Anew = r1.AnewRebuild })
			ref := w.ref("rows")
			ref.Run = "again"
			if _, err := w.env.ExecuteActivity(tasks.Compute, ref); err != nil {
				t.Fatal(err)
			}
			w.digest(t, "again", c.rows)
			found, err := w.find(t, "again", "sft")
			if err != nil || found.Committed != c.want {
				t.Errorf("reused %v (%v), want %v", found.Committed, err, c.want)
			}
		})
	}
}

func TestAForkTakesWhatItsPlanNames(t *testing.T) {
	w := newWorld(t)
	w.compute(t)
	take := func(run string) func(*r1.Plan) {
		return func(p *r1.Plan) {
			j := &p.Stages[0].Jobs[0]
			j.Fingerprint = strings.Repeat("c", 64) // whatever it is
			j.Take = &r1.Taken{Recipe: "small", JobKey: r1.JobKey{Run: run, Stage: "rows", Job: r1.MainJob}}
		}
	}
	w.planned(t, "fork", take("r"))
	if found, err := w.find(t, "fork", "rows"); err != nil || !found.Reused || found.From.Run != "r" {
		t.Errorf("%+v, %v", found, err)
	}
	if c := w.committed(t, "fork", "rows"); !strings.HasPrefix(c.Outputs["data"].Prefix, "small/r/") {
		t.Errorf("got %+v", c.Outputs)
	}
	w.planned(t, "lost", take("nobody"))
	if _, err := w.find(t, "lost", "rows"); err == nil || !strings.Contains(err.Error(), "not there any more") {
		t.Errorf("its source is gone: %v", err)
	}
}

func TestACommitSaysWhatItWasMadeOf(t *testing.T) {
	w := newWorld(t)
	w.R1ctl = "v1.2.3"
	w.planned(t, "apart", func(p *r1.Plan) { p.Stages[0].Jobs[0].Anew = r1.AnewApart })
	ref := w.ref("rows")
	ref.Run = "apart"
	if _, err := w.env.ExecuteActivity(tasks.Compute, ref); err != nil {
		t.Fatal(err)
	}
	if c := w.committed(t, "apart", "rows"); !c.Apart || c.Made == nil || c.Made.By == nil || c.Made.By.R1ctl != "v1.2.3" {
		t.Errorf("apart %v, made %+v", c.Apart, c.Made)
	}
	if found, err := w.find(t, "r", "rows"); err != nil || found.Committed {
		t.Errorf("another run takes what was made apart: %+v, %v", found, err)
	}
	w.compute(t)
	w.digest(t, "r", "rows of r")
	if ref := w.prepare(t, 0); ref.Attempt != 1 {
		t.Fatal(ref)
	}
	w.submit(t, ended)
	res := success()
	res.Maker = &r1.Maker{Trainer: "abc"}
	w.finish(t, 1, res)
	if _, err := w.env.ExecuteActivity(tasks.RunAttempt, tasks.AttemptRef{JobRef: w.ref("sft"), Attempt: 1, Queue: w.Queue}); err != nil {
		t.Fatal(err)
	}
	if m := w.committed(t, "r", "sft").Made; m == nil || m.By == nil || m.By.Trainer != "abc" || m.Inputs["data"] != "rows of r" {
		t.Errorf("made %+v", m)
	}
}

// Of an RL stage whose result was adopted, the phases before the last are not run.
func TestPhasesBeforeAnAdoptedResult(t *testing.T) {
	w := newWorld(t)
	w.planned(t, "r", func(p *r1.Plan) {
		last := p.Stages[1].Jobs[0]
		first := last
		first.Name, first.Fingerprint = "phase-01", strings.Repeat("d", 64)
		last.After = []string{"phase-01"}
		p.Stages[1].Jobs = []r1.PlannedJob{first, last}
		p.Stages[1].Outputs = map[string]r1.OutputRef{"model": {Stage: "sft", Job: r1.MainJob, Output: "model"}}
	})
	adopted := r1.Commit{Version: 1, Key: r1.JobKey{Run: "outside", Stage: "sft", Job: r1.MainJob}, Kind: r1.KindSFT, Fingerprint: strings.Repeat("b", 64),
		Outputs: map[string]r1.Artifact{"model": {Prefix: "outside"}}, Made: &r1.Made{Adopted: &r1.Adopted{From: "./model"}}}
	if _, _, err := w.store.Commit(context.Background(), r1.Layout{Recipe: "small", Run: "outside"}, adopted); err != nil {
		t.Fatal(err)
	}
	ref := w.ref("sft")
	for _, job := range []string{"phase-01", r1.MainJob} {
		ref.Job = job
		v, err := w.env.ExecuteActivity(tasks.FindCommit, ref)
		if err != nil {
			t.Fatal(err)
		}
		var found tasks.Found
		if err := v.Get(&found); err != nil || !found.Reused || found.From.Run != "outside" {
			t.Errorf("%s: %+v, %v", job, found, err)
		}
	}
	if c := w.committed(t, "r", "sft"); c.Outputs["model"].Prefix != "outside" || c.Made.Adopted == nil {
		t.Errorf("got %+v", c)
	}
}
