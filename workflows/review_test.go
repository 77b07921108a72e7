package workflows

import (
	"slices"
	"testing"
	"time"

	"github.com/r1ctl/r1ctl/internal/r1"
	"github.com/r1ctl/r1ctl/internal/tasks"
)

func withReview() []StageShape {
	rows := stage("rows", r1.KindSample, nil)
	checked := stage("checked", r1.KindCurate, []string{"rows"})
	checked.Gate = &r1.Gate{Review: &r1.ReviewGate{Rows: 20}}
	return []StageShape{rows, checked}
}

func said(by, digest string) ReviewRequest {
	return ReviewRequest{r1.Review{Stage: "checked", By: by, Rows: 20, Data: r1.Artifact{SHA256: digest}}}
}

func TestAStageWaitsForAReview(t *testing.T) {
	s := &scriptedActivities{}
	d := newDrive(t, s)
	d.after(90*24*time.Hour, func() {
		record := s.stages["checked"]
		if record.State != r1.RunWaiting || record.Question != "a review of 20 rows" || record.Remedy != "r1ctl review r checked -o batch.jsonl" || s.run.State != r1.RunWaiting {
			t.Errorf("after months the stage is %+v, the run %s", record, s.run.State)
		}
		if slices.Contains(s.log, "compute checked") {
			t.Error("the stage began without a review")
		}
		d.refused(UpdateReview, ReviewRequest{r1.Review{Stage: "rows"}}, "unknown-gate")
		d.refused(UpdateReview, ReviewRequest{r1.Review{Stage: "rowz"}}, "unknown-stage")
		d.refused(UpdateApprove, StageRequest{Stage: "checked"}, "unknown-gate")
		ask(d, UpdateReview, said("ada", "one"), func(first ReviewAnswer) {
			if first.Already || first.By != "ada" || s.reviews["checked"].By != "ada" || first.At.IsZero() {
				t.Errorf("reviewed %+v, stored %+v", first, s.reviews)
			}
			ask(d, UpdateReview, said("ada", "one"), func(again ReviewAnswer) {
				if !again.Already || !again.At.Equal(first.At) {
					t.Errorf("submitted again: %+v, want the first one", again)
				}
			})
			d.refused(UpdateReview, said("bob", "two"), "already-reviewed")
		})
	})
	if _, err := d.run(RunInput{Stages: withReview()}); err != nil || !slices.Contains(s.log, "compute checked") {
		t.Errorf("%v: %v", err, s.log)
	}
}

func TestAReviewOutlivesTheExecution(t *testing.T) {
	s := &scriptedActivities{reviews: map[string]r1.Review{"checked": {Stage: "checked", By: "ada"}}}
	d := newDrive(t, s)
	if _, err := d.run(RunInput{Stages: withReview()}); err != nil || slices.Contains(s.states, "waiting") {
		t.Errorf("%v: the run was %v", err, s.states)
	}
}

func TestReviewedRowsAreReused(t *testing.T) {
	s := &scriptedActivities{committed: map[string]tasks.Found{"checked/main": {Committed: true, Reused: true}}}
	d := newDrive(t, s)
	if _, err := d.run(RunInput{Stages: withReview()}); err != nil || slices.Contains(s.states, "waiting") || slices.Contains(s.log, "compute checked") {
		t.Errorf("%v: the run was %v, %v", err, s.states, s.log)
	}
}

func TestAReviewThatComesFirst(t *testing.T) {
	s := &scriptedActivities{}
	d := newDrive(t, s)
	s.once("rows", func(done func()) {
		ask(d, UpdateReview, said("ada", "one"), func(ReviewAnswer) {})
		done()
	})
	if _, err := d.run(RunInput{Stages: withReview()}); err != nil || !slices.Contains(s.log, "compute checked") {
		t.Errorf("%v: %v", err, s.log)
	}
}
