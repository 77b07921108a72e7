//go:build e2e

package e2e

import (
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/r1ctl/r1ctl/internal/r1"
	"github.com/r1ctl/r1ctl/internal/runs"
)

// refused calls r1ctl and wants a refusal of that name and exit code.
func (m *machine) refused(code int, name string, args ...string) {
	m.t.Helper()
	out, errs, got := m.run(args...)
	if got != code || !strings.Contains(errs, "["+name+"]") {
		m.t.Errorf("r1ctl %s: exit code %d, want %d and %s\n%s%s", strings.Join(args, " "), got, code, name, out, errs)
	}
}

// answer is what a command of control says with -o json.
type answer struct {
	State   r1.RunState `json:"state"`
	Already bool        `json:"already"`
	Retry   int         `json:"retry"`
	Again   []string    `json:"again"`
}

func (m *machine) says(args ...string) answer {
	m.t.Helper()
	return decode[answer](m.t, m.mustRun(append(args, "-o", "json")...))
}

// stageOf is a stage of a status; its jobs are at least one.
func stageOf(t *testing.T, st runs.Status, name string) runs.Stage {
	t.Helper()
	i := slices.IndexFunc(st.Stages, func(s runs.Stage) bool { return s.Name == name })
	if i < 0 || len(st.Stages[i].Jobs) == 0 {
		t.Fatalf("the run has no stage %s", name)
	}
	return st.Stages[i]
}

// until waits for a stage to be as wanted, and gives it.
func (m *machine) until(run, stage, what string, ok func(runs.Stage) bool) (s runs.Stage) {
	m.t.Helper()
	waitFor(m.t, stage+" that "+what, 5*time.Minute, func() bool {
		s = stageOf(m.t, m.status(run), stage)
		return ok(s)
	})
	return s
}

func beyond(step int) func(runs.Stage) bool {
	return func(s runs.Stage) bool { return s.State == r1.RunRunning && s.Jobs[0].Step > step }
}

// TestPeopleSteerARun pauses, stops, continues, repairs and approves one run that
// goes on all the while.
func TestPeopleSteerARun(t *testing.T) {
	m := newMachine(t)
	run := decode[struct {
		Run string `json:"run"`
	}](t, m.mustRun("start", "testdata/control.yaml", "--detach", "-o", "json")).Run

	m.until(run, "tuned", "trains", beyond(0))
	late := m.until(run, "late", "has failed", func(s runs.Stage) bool { return s.State == r1.RunFailed })
	if late.ErrorName != "source-not-found" || late.Remedy == "" {
		t.Errorf("late failed with %q (%s), want source-not-found and a remedy", late.ErrorName, late.Error)
	}

	t.Run("what makes no sense is refused by name", func(t *testing.T) {
		m.refused(2, "unknown-stage", "approve", run, "nowhere")
		m.refused(2, "unknown-gate", "approve", run, "tuned")
		m.refused(2, "unknown-stage", "retry", run, "nowhere")
		m.refused(1, "not-failed", "retry", run, "tuned")
		m.refused(1, "run-open", "resume", run, "--set", "tuned.params.epochs=1")
		m.refused(2, "unknown-run", "pause", "no-such-run")
	})

	t.Run("a pause lets what runs go on, and nothing begin", func(t *testing.T) {
		if first := m.says("pause", run); first.Already || first.State != r1.RunPaused {
			t.Errorf("the first pause says %+v", first)
		}
		if second := m.says("pause", run); !second.Already {
			t.Errorf("the second pause says %+v", second)
		}
		m.put("tests/late.jsonl", `{"id":"1","domain":"arithmetic","prompt":"1+1=?","gold":"2","verifier":"integer","split":"train"}`+"\n")
		want := []string{"late", "asked"}
		for range 2 { // the second one changes nothing
			if got := m.says("retry", run, "late"); got.Retry != 1 || !slices.Equal(got.Again, want) {
				t.Errorf("retry says %+v, want the first one, of %v", got, want)
			}
		}
		st := m.status(run)
		if st.State != r1.RunPaused || st.Paused == nil || st.Paused.Stop {
			t.Errorf("the run is %s, %+v; want it paused, and nothing stopped", st.State, st.Paused)
		}
		m.until(run, "tuned", "trains on", beyond(stageOf(t, st, "tuned").Jobs[0].Step))
		if s := stageOf(t, m.status(run), "late"); s.State == r1.RunCompleted || s.Jobs[0].Attempts > 1 {
			t.Errorf("late is %s after %d attempts, while the run is paused", s.State, s.Jobs[0].Attempts)
		}
	})

	t.Run("pause --stop leaves no trainer", func(t *testing.T) {
		m.until(run, "tuned", "has a checkpoint to go on from", beyond(10))
		if first := m.says("pause", run, "--stop"); first.Already {
			t.Errorf("a pause that stops is more than one that does not: %+v", first)
		}
		if second := m.says("pause", run, "--stop"); !second.Already {
			t.Errorf("the second one says %+v", second)
		}
		m.until(run, "tuned", "is paused", func(s runs.Stage) bool { return s.State == r1.RunPaused })
		if left := m.trainers(); len(left) > 0 {
			t.Errorf("trainers live in a stage that is shown as paused: %v", left)
		}
	})

	t.Run("unpause goes on from what was saved", func(t *testing.T) {
		if first := m.says("unpause", run); first.Already {
			t.Errorf("the first unpause says %+v", first)
		}
		if second := m.says("unpause", run); !second.Already {
			t.Errorf("the second one says %+v", second)
		}
		if s := m.until(run, "late", "is done", func(s runs.Stage) bool { return s.State == r1.RunCompleted }); s.Error != "" {
			t.Errorf("late is completed and says %q", s.Error)
		}
	})

	t.Run("a gate waits for its answer", func(t *testing.T) {
		s := m.until(run, "asked", "waits", func(s runs.Stage) bool { return s.State == r1.RunWaiting })
		if s.Question != "are these the rows?" || !strings.Contains(s.Remedy, "approve "+run+" asked") {
			t.Errorf("it asks %q and says %q", s.Question, s.Remedy)
		}
		if first := m.says("approve", run, "asked"); first.Already {
			t.Errorf("the first approval says %+v", first)
		}
		if second := m.says("approve", run, "asked"); !second.Already {
			t.Errorf("the second one says %+v", second)
		}
		s = m.until(run, "asked", "is done", func(s runs.Stage) bool { return s.State == r1.RunCompleted })
		if s.Approved == nil || s.Question != "" {
			t.Errorf("approved by %+v, and it still asks %q", s.Approved, s.Question)
		}
	})

	m.mustRun("watch", run)
	st := m.status(run)
	if st.State != r1.RunCompleted {
		t.Fatalf("run is %s: %s", st.State, st.Error)
	}
	if s := stageOf(t, st, "tuned"); s.Attempts != 2 {
		t.Errorf("tuned took %d attempts, want 2: one before the pause and one after it", s.Attempts)
	}
	var res r1.Result
	key := r1.JobKey{Run: run, Stage: "tuned", Job: r1.MainJob}.Attempt(2)
	m.get(path.Join(r1.Layout{Recipe: "control", Run: run}.Attempt(key), r1.ResultFile), &res)
	if res.ResumedFrom == nil || *res.ResumedFrom < 10 {
		t.Errorf("the second attempt began at %+v, want a checkpoint of the first", res.Began)
	}
	m.refused(1, "run-ended", "pause", run)
	m.refused(1, "not-failed", "retry", run, "tuned")
	if left := m.trainers(); len(left) > 0 {
		t.Errorf("trainers left behind: %v", left)
	}
}

// TestAFailedRunGoesOnWithAnotherParameter amends a run.
func TestAFailedRunGoesOnWithAnotherParameter(t *testing.T) {
	m := newMachine(t)
	wrong := filepath.Join(t.TempDir(), "no-model")
	if err := os.MkdirAll(wrong, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(wrong, "README"), []byte("no model\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	out, errs, code := m.run("start", "testdata/amend.yaml", "--set", "base.params.source="+wrong, "-o", "json")
	if code != 3 {
		t.Fatalf("a run without a model ended with code %d\n%s%s", code, out, errs)
	}
	failed := decode[runs.Status](t, out)
	run := failed.Run
	for stage, want := range map[string]r1.RunState{"rows": r1.RunCompleted, "base": r1.RunFailed, "tuned": r1.RunSkipped} {
		if s := stageOf(t, failed, stage); s.State != want {
			t.Errorf("%s is %s, want %s", stage, s.State, want)
		}
	}
	if s := stageOf(t, failed, "base"); s.ErrorName == "" || !strings.Contains(s.Error, "config.json") {
		t.Errorf("base failed with %q: %q, want a name and the root cause", s.ErrorName, s.Error)
	}

	m.refused(2, "set-not-amendable", "resume", run, "--set", "seed=4")
	m.refused(2, "recipe-invalid", "resume", run, "--set", "base.params.nonsense=1")
	m.refused(1, "stage-committed", "resume", run, "--set", "rows.params.steps=[{do: shuffle}]")
	if st := m.status(run); len(st.Amendments) > 0 || st.State != r1.RunFailed {
		t.Errorf("what was refused left %d amendments, and the run %s", len(st.Amendments), st.State)
	}

	st := decode[runs.Status](t, m.mustRun("resume", run, "--set", "base.params.source=tiny://base", "-o", "json"))
	if st.State != r1.RunCompleted {
		t.Fatalf("run is %s: %s", st.State, st.Error)
	}
	if len(st.Amendments) != 1 || len(st.Amendments[0].Changes) != 1 || st.Amendments[0].Changes[0].Field != "base.params.source" {
		t.Errorf("the run keeps %+v of the change", st.Amendments)
	}
	for stage, attempts := range map[string]int{"rows": 1, "base": 2, "tuned": 1} {
		if s := stageOf(t, st, stage); s.Attempts != attempts {
			t.Errorf("%s took %d attempts, want %d", stage, s.Attempts, attempts)
		}
	}
}
