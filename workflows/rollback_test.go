package workflows

import (
	"slices"
	"strings"
	"testing"

	"github.com/r1ctl/r1ctl/internal/r1"
	"github.com/r1ctl/r1ctl/internal/tasks"
)

const back = "rolled back to step 40 by kl: learning_rate 0.0001 → 5e-05"

// stoppedByKL are attempts that the guard kl has ended, each followed by a roll-back.
func stoppedByKL(n int) []tasks.AttemptEnd {
	return slices.Repeat([]tasks.AttemptEnd{{Class: r1.ClassDiverged, Name: "kl", Error: "the KL is 7", Remedy: "lower learning_rate", Step: 57, RollsBack: true}}, n)
}

// A roll-back is on no budget: neither on that of the class, which has none, nor on
// that of failures of the program.
func TestRollBacksAreOnNoBudget(t *testing.T) {
	last := tasks.AttemptEnd{Class: r1.ClassDiverged, Name: "kl", Remedy: "lower learning_rate",
		Error: "the KL is 7; it has been rolled back for that 2 times already, the most that its policy allows"}
	for name, c := range map[string]struct {
		ends []tasks.AttemptEnd
		want int // attempts
		ok   bool
	}{
		"rolled back, then done":            {stoppedByKL(2), 3, true},
		"rolled back as often as it may be": {append(stoppedByKL(2), last), 3, false},
		"other failures have their budget":  {append(stoppedByKL(2), ended(r1.ClassProgram, 1)...), 4, true},
		"and it ends where it did before":   {append(stoppedByKL(2), ended(r1.ClassProgram, 2)...), 4, false},
	} {
		t.Run(name, func(t *testing.T) {
			s := &scriptedActivities{ends: map[string][]tasks.AttemptEnd{"zero/main": c.ends}}
			_, _, err := execute(t, s, []StageShape{stage("zero", r1.KindGRPO, nil)}, DefaultBudgets())
			if (err == nil) != c.ok || len(s.log) != c.want {
				t.Errorf("%v after %d attempts, want success %t after %d", err, len(s.log), c.ok, c.want)
			}
		})
	}
	s := &scriptedActivities{ends: map[string][]tasks.AttemptEnd{"zero/main": append(stoppedByKL(2), last)}}
	execute(t, s, []StageShape{stage("zero", r1.KindGRPO, nil)}, DefaultBudgets())
	if rec := s.stages["zero"]; rec.State != r1.RunFailed || rec.ErrorName != "kl" || rec.Remedy != "lower learning_rate" ||
		!strings.Contains(rec.Error, "in attempt 3: the KL is 7; it has been rolled back for that 2 times already") {
		t.Errorf("record %+v", rec)
	}
}

func TestDetailsTellARollBack(t *testing.T) {
	s := &scriptedActivities{
		ends:   map[string][]tasks.AttemptEnd{"zero/main": append(stoppedByKL(1), committed(nil)...)},
		resume: map[string]int{"zero/main/2": 40},
		back:   map[string]string{"zero/main/2": back},
	}
	w, result := look(t, s, []StageShape{stage("zero", r1.KindGRPO, nil, JobShape{Name: r1.MainJob, To: 60})})
	if result.Attempts != 2 {
		t.Errorf("result %+v, want two attempts", result)
	}
	job := cells(t, w.details["r/zero"], r1.MainJob)
	if job[4] != "2, from step 40 (1 rolled back)" || !strings.HasPrefix(job[6], "attempt 1, diverged: the KL is 7 · "+back+" · [log]") {
		t.Errorf("job row %q", job)
	}
	if run := cells(t, w.recipeDetails(), "zero"); !strings.HasPrefix(run[5], "2 attempts · "+back) {
		t.Errorf("row of the run %q", run)
	}
	if want := "train zero, attempt 2, from step 40 (" + back + ")"; !slices.Contains(w.seen, want) {
		t.Errorf("no summary %q in %q", want, w.seen)
	}
}

// A new execution of the stage counts and shows on.
func TestARollBackIsKnownInANewExecution(t *testing.T) {
	s := &scriptedActivities{
		ends: map[string][]tasks.AttemptEnd{"zero/main": slices.Concat(stoppedByKL(1), ended(r1.ClassPreempted, 1))},
		back: map[string]string{"zero/main/2": back, "zero/main/3": back},
	}
	_, inputs, err := chain(t, s, stageInput(stage("zero", r1.KindGRPO, nil)), suggested)
	if err != nil {
		t.Fatal(err)
	}
	left := inputs[len(inputs)-1].Renewed.Jobs[0]
	if left.RolledBack != back || left.Tries.RolledBack != 1 || left.Tries.Ends[r1.ClassPreempted] != 1 {
		t.Errorf("left %+v, %+v", left, left.Tries)
	}
}
