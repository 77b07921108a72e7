package activities

import (
	"strings"
	"testing"

	"github.com/r1ctl/r1ctl/internal/r1"
	"github.com/r1ctl/r1ctl/internal/tasks"
)

// Conditions are judged by what is committed; a number that is not there never opens a gate.
func TestCheckGate(t *testing.T) {
	w := newWorld(t)
	l := r1.Layout{Recipe: "small", Run: "r"}
	for job, metrics := range map[string]map[string]float64{
		"data/main": {"rows_in": 80, "rows": 20}, "rl/phase-01": {"accuracy": 0.2}, "rl/phase-02": {"accuracy": 0.6}, "students/a": {"loss": 1}, "students/b": {"loss": 2},
	} {
		stage, name, _ := strings.Cut(job, "/")
		key := r1.JobKey{Run: "r", Stage: stage, Job: name}
		if err := w.store.PutJSON(t.Context(), l.Commit(key), r1.Commit{Metrics: metrics}); err != nil {
			t.Fatal(err)
		}
	}
	conditions := []string{"data.share >= 0.25", "data.rows > 20", "rl.accuracy > 0.5", "rl.phase-01.accuracy > 0.5", "students.a.loss < students.b.loss", "late.accuracy > 0"}
	v, err := w.env.ExecuteActivity(tasks.CheckGate, tasks.GateInput{
		RunRef: tasks.RunRef{Recipe: "small", Run: "r"}, Stage: "next", Conditions: conditions,
		Jobs: map[string][]string{"data": {"main"}, "rl": {"phase-01", "phase-02"}, "students": {"a", "b"}, "late": {"main"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	var out tasks.GateChecked
	if err := v.Get(&out); err != nil {
		t.Fatal(err)
	}
	for i, want := range []bool{true, false, true, false, true, false} {
		if c := out.Checks[i]; c.Holds != want || c.Condition != conditions[i] {
			t.Errorf("%s: %+v, want %v", conditions[i], c, want)
		}
	}
	var kept []r1.GateCheck
	if err := w.store.GetJSON(t.Context(), l.GateChecks("next"), &kept); err != nil || len(kept) != len(conditions) {
		t.Errorf("kept %+v (%v)", kept, err)
	}
}
