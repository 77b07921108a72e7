package activities

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/r1ctl/r1ctl/internal/r1"
	"github.com/r1ctl/r1ctl/internal/tasks"
)

// amend gives the world's run a plan whose sft stage has other parameters.
func (w *world) amend(t *testing.T, fingerprint string) {
	t.Helper()
	var run r1.Run
	if err := w.store.GetJSON(context.Background(), w.layout.RunFile(), &run); err != nil {
		t.Fatal(err)
	}
	job := &run.Plan.Stages[1].Jobs[0]
	job.Params, job.Fingerprint = []byte(`{"epochs":3}`), fingerprint
	if err := w.store.PutJSON(context.Background(), w.layout.Amendment(1), r1.Amendment{Number: 1, Plan: &run.Plan}); err != nil {
		t.Fatal(err)
	}
}

// Under an amendment a job is prepared with its new parameters. What an attempt
// with other ones left, alive or as a checkpoint, is not continued, unless they do
// not bear on the result.
func TestAnAmendedJobIsPreparedAnew(t *testing.T) {
	for name, c := range map[string]struct {
		fingerprint string
		resume      int
	}{
		"of another result":  {strings.Repeat("c", 64), 0},
		"of the same result": {strings.Repeat("b", 64), 40},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.compute(t)
			w.prepare(t, 0)
			w.keep(t, 1, 40)
			w.finish(t, 1, r1.Result{Outcome: r1.Stopped, Began: &r1.Beginning{Cursor: 16}})
			w.amend(t, c.fingerprint)
			ref := w.ref("sft")
			ref.Amendment = 1
			v, err := w.env.ExecuteActivity(tasks.PrepareAttempt, tasks.PrepareInput{JobRef: ref})
			if err != nil {
				t.Fatal(err)
			}
			var next tasks.AttemptRef
			if err := v.Get(&next); err != nil {
				t.Fatal(err)
			}
			var spec r1.Spec
			if err := w.store.GetJSON(context.Background(), specKey(ref, next.Attempt), &spec); err != nil {
				t.Fatal(err)
			}
			if next.Attempt != 2 || next.Resume != c.resume || string(spec.Params) != `{"epochs":3}` || spec.Fingerprint != c.fingerprint {
				t.Errorf("prepared %+v with %s, want attempt 2 of the amended job from step %d", next, spec.Params, c.resume)
			}
			if proof := len(spec.Earlier) > 0; proof != (c.resume > 0) {
				t.Errorf("the attempt is measured by %+v", spec.Earlier)
			}
		})
	}
}

func TestTheFirstApprovalHolds(t *testing.T) {
	w := newWorld(t)
	find := func() *r1.Approval {
		t.Helper()
		v, err := w.env.ExecuteActivity(tasks.FindApproval, w.ref("sft"))
		if err != nil {
			t.Fatal(err)
		}
		var found tasks.FoundApproval
		if err := v.Get(&found); err != nil {
			t.Fatal(err)
		}
		return found.Approval
	}
	if a := find(); a != nil {
		t.Errorf("found %+v before anybody answered", a)
	}
	for _, who := range []string{"ada", "bob"} {
		in := tasks.ApprovalInput{RunRef: tasks.RunRef{Recipe: "small", Run: "r"}, Approval: r1.Approval{Stage: "sft", Question: "good?", By: who, At: time.Unix(1, 0)}}
		v, err := w.env.ExecuteActivity(tasks.RecordApproval, in)
		if err != nil {
			t.Fatal(err)
		}
		var holds r1.Approval
		if err := v.Get(&holds); err != nil || holds.By != "ada" {
			t.Errorf("after %s the approval is %+v (%v), want ada's", who, holds, err)
		}
	}
	if a := find(); a == nil || a.By != "ada" || a.Question != "good?" {
		t.Errorf("found %+v", a)
	}
}
