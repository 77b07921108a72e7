package workflows

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/r1ctl/r1ctl/internal/r1"
)

const better = "zero.accuracy >= 2"

func conditionalStages(otherwise r1.Otherwise, approval string) []StageShape {
	stages := small()
	stages[3].Gate = &r1.Gate{Approval: approval, Conditions: []string{better}, Otherwise: otherwise}
	return stages
}

func TestAGateOpensByItsNumbers(t *testing.T) {
	s := &scriptedActivities{}
	d := newDrive(t, s)
	if _, err := d.run(RunInput{Stages: conditionalStages(r1.OtherwiseAsk, "")}); err != nil || !slices.Contains(s.log, "run dev1/main") {
		t.Errorf("%v: %v", err, s.log)
	}
	if slices.Contains(s.states, "waiting") {
		t.Errorf("the run was %v, and should have waited for nobody", s.states)
	}
	if len(s.checked) != 1 || s.checked[0].Stage != "dev1" || !slices.Equal(s.checked[0].Jobs["zero"], []string{"phase-01", "phase-02"}) {
		t.Errorf("asked %+v", s.checked)
	}
}

func TestAGateThatDoesNotHoldAsksAPerson(t *testing.T) {
	s := &scriptedActivities{closed: 1}
	d := newDrive(t, s)
	const question = "a condition does not hold: go on all the same? (" + better + " does not hold: 1 against 2)"
	d.after(90*24*time.Hour, func() {
		if record := s.stages["dev1"]; record.State != r1.RunWaiting || record.Question != question || slices.Contains(s.log, "run dev1/main") {
			t.Errorf("after months dev1 is %+v", record)
		}
		ask(d, UpdateApprove, StageRequest{Stage: "dev1", By: "ada"}, func(a ApproveAnswer) {
			if a.By != "ada" || a.Question != question || s.approvals["dev1"] != a.Approval {
				t.Errorf("approved %+v", a)
			}
		})
	})
	if _, err := d.run(RunInput{Stages: conditionalStages(r1.OtherwiseAsk, "")}); err != nil || !slices.Contains(s.log, "run dev1/main") {
		t.Errorf("%v: %v", err, s.log)
	}
}

// Numbers are shown to the person who is asked in any case, and so nobody can answer before they are there.
func TestAGateWithAQuestionAndConditions(t *testing.T) {
	s := &scriptedActivities{}
	stages := conditionalStages(r1.OtherwiseAsk, "good?")
	stages[2].Gate = &r1.Gate{Approval: "begin?"}
	d := newDrive(t, s)
	d.after(time.Hour, func() {
		d.refused(UpdateApprove, StageRequest{Stage: "dev1"}, "gate-not-reached")
		ask(d, UpdateApprove, StageRequest{Stage: "zero"}, func(ApproveAnswer) {})
	})
	d.after(3*time.Hour, func() {
		if q := s.stages["dev1"].Question; q != "good? ("+better+" holds: 3 against 2)" {
			t.Errorf("asks %q", q)
		}
		ask(d, UpdateApprove, StageRequest{Stage: "dev1", By: "ada"}, func(ApproveAnswer) {})
	})
	if _, err := d.run(RunInput{Stages: stages}); err != nil || !slices.Contains(s.log, "run dev1/main") {
		t.Errorf("%v: %v", err, s.log)
	}
}

func TestAGateThatFailsLooksAgainWhenRetried(t *testing.T) {
	s := &scriptedActivities{closed: 1}
	stages := append(conditionalStages(r1.OtherwiseFail, ""), stage("slow", r1.KindEvaluate, []string{"base"}))
	stages[len(stages)-1].Gate = &r1.Gate{Approval: "hold the run open?"}
	d := newDrive(t, s)
	d.after(time.Hour, func() {
		if log := strings.Join(s.log, " "); strings.Contains(log, "run dev1/main") {
			t.Errorf("the stage began: %s", log)
		}
		ask(d, UpdateRetry, StageRequest{Stage: "dev1"}, func(RetryAnswer) {
			ask(d, UpdateApprove, StageRequest{Stage: "slow"}, func(ApproveAnswer) {})
		})
	})
	if _, err := d.run(RunInput{Stages: stages}); err != nil || len(s.checked) != 2 || !slices.Contains(s.log, "run dev1/main") {
		t.Errorf("%v after %d looks: %v", err, len(s.checked), s.log)
	}
}

func TestAGateThatFailsEndsTheRunByName(t *testing.T) {
	s := &scriptedActivities{closed: 1}
	_, err := newDrive(t, s).run(RunInput{Stages: conditionalStages(r1.OtherwiseFail, "")})
	if why := explain(err); err == nil || why.Name != "gate-closed" || !strings.Contains(why.Detail, "1 against 2") {
		t.Errorf("ended with %v", err)
	}
}

// Nothing goes out, and nothing looks at where it would go, before a person has said so.
func TestNothingIsPublishedBeforeItIsApproved(t *testing.T) {
	s := &scriptedActivities{}
	out := stage("out", r1.KindPublish, []string{"base"})
	out.Gate = &r1.Gate{Approval: "may it go out?"}
	d := newDrive(t, s)
	d.after(30*24*time.Hour, func() {
		if record := s.stages["out"]; record.State != r1.RunWaiting || slices.Contains(s.log, "compute out") || slices.Contains(s.looked, "out") {
			t.Errorf("before the answer: %+v, %v, looked for %v", record, s.log, s.looked)
		}
		ask(d, UpdateApprove, StageRequest{Stage: "out", By: "ada"}, func(ApproveAnswer) {})
	})
	if _, err := d.run(RunInput{Stages: []StageShape{stage("base", r1.KindBase, nil), out}}); err != nil || !slices.Contains(s.log, "compute out") {
		t.Errorf("%v: %v", err, s.log)
	}
}
