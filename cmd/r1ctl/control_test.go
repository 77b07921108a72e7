package main

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"go.temporal.io/sdk/temporal"

	"github.com/r1ctl/r1ctl/internal/r1"
	"github.com/r1ctl/r1ctl/internal/runs"
)

func TestRefusalsKeepNameAndRemedy(t *testing.T) {
	refused := temporal.NewNonRetryableApplicationError("stage zero has not failed", "not-failed", nil, "see what has")
	e, ok := r1.AsError(refusal(fmt.Errorf("update: %w", refused)))
	if !ok || e.Name != "not-failed" || e.Detail != "stage zero has not failed" || e.Remedy != "see what has" {
		t.Errorf("read back as %+v", e)
	}
	for _, other := range []error{errors.New("no connection"), temporal.NewApplicationError("panic", "PanicError")} {
		if _, ok := r1.AsError(refusal(other)); ok {
			t.Errorf("%v became a user's error", other)
		}
	}
}

// Of a run that has ended a retry drives one stage and what hangs on it.
func TestRetryPlan(t *testing.T) {
	run := &r1.Run{ID: "r"}
	st := &runs.Status{Run: "r"}
	for _, s := range []struct {
		name  string
		state r1.RunState
		needs []string
	}{
		{"base", r1.RunCompleted, nil},
		{"zero", r1.RunFailed, []string{"base"}},
		{"judge", r1.RunFailed, []string{"base"}},
		{"dev1", r1.RunSkipped, []string{"zero"}},
		{"both", r1.RunSkipped, []string{"dev1", "judge"}},
		{"aside", r1.RunSkipped, []string{"judge"}},
	} {
		run.Plan.Stages = append(run.Plan.Stages, r1.PlannedStage{Name: s.name, Needs: s.needs})
		stage := runs.Stage{Name: s.name, State: s.state}
		if s.state == r1.RunFailed {
			stage.Error, stage.ErrorName, stage.Remedy = "it broke", "job-failed", "mend it"
		}
		st.Stages = append(st.Stages, stage)
	}
	answer, left, err := retryPlan(run, st, "zero")
	if err != nil || !slices.Equal(answer.Again, []string{"zero", "dev1", "both"}) {
		t.Errorf("runs %v again (%v)", answer.Again, err)
	}
	if len(left) != 2 || left[0].Stage != "judge" || left[0].Error == nil || left[0].Error.Name != "job-failed" || left[1].Stage != "aside" || left[1].Error != nil {
		t.Errorf("leaves %+v", left)
	}
	for stage, want := range map[string]string{"base": "not-failed", "dev1": "not-failed", "zerro": "unknown-stage"} {
		if _, _, err := retryPlan(run, st, stage); !isNamed(err, want) {
			t.Errorf("retry %s: %v, want %s", stage, err, want)
		}
	}
}
