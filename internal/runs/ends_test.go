package runs

import (
	"context"
	"maps"
	"path"
	"testing"
	"time"

	"github.com/r1ctl/r1ctl/internal/r1"
)

func TestHowAttemptsEndedIsToldByClass(t *testing.T) {
	two := 2
	kept := &r1.Retries{Program: &two}
	for name, c := range map[string]struct {
		state  r1.RunState
		commit bool
		result *r1.Result
		want   map[r1.Class]int
	}{
		"while the third attempt runs": {r1.RunRunning, false, nil, map[r1.Class]int{r1.ClassPreempted: 1, r1.ClassInfrastructure: 1}},
		"when it has made the commit":  {r1.RunCompleted, true, &r1.Result{Outcome: r1.Succeeded}, map[r1.Class]int{r1.ClassPreempted: 1, r1.ClassInfrastructure: 1}},
		"when it has failed for good":  {r1.RunFailed, false, &r1.Result{Outcome: r1.Failed, Class: r1.ClassInfrastructure}, map[r1.Class]int{r1.ClassPreempted: 1, r1.ClassInfrastructure: 2}},
		"when it was lost":             {r1.RunFailed, false, nil, map[r1.Class]int{r1.ClassPreempted: 1, r1.ClassInfrastructure: 1}},
	} {
		t.Run(name, func(t *testing.T) {
			o, run := one(t, nil)
			l := r1.Layout{Recipe: "x", Run: "r"}
			job := r1.JobKey{Run: "r", Stage: "zero", Job: r1.MainJob}
			third := l.Attempt(job.Attempt(3))
			o[path.Join(third, r1.SpecFile)] = r1.Spec{Ends: map[r1.Class]int{r1.ClassPreempted: 1, r1.ClassInfrastructure: 1}}
			o[l.StageFile("zero")] = r1.StageRecord{Stage: "zero", State: c.state, Started: time.Now()}
			o[l.StateFile()] = r1.RunRecord{Run: "r", State: c.state, Retries: kept}
			if c.result != nil {
				o[path.Join(third, r1.ResultFile)] = *c.result
			}
			if c.commit {
				o[l.Commit(job)] = r1.Commit{Key: job, Attempt: 3}
			}
			st, err := NewReader(o, run).Status(context.Background())
			if err != nil {
				t.Fatal(err)
			}
			s := st.Stages[0]
			if s.Attempts != 3 || s.Retried != 2 || !maps.Equal(s.Ends, c.want) || !maps.Equal(s.Jobs[0].Ends, c.want) {
				t.Errorf("%d attempts, %d retried, ends %v and %v; want 3, 2, %v", s.Attempts, s.Retried, s.Ends, s.Jobs[0].Ends, c.want)
			}
			if st.Retries == nil || *st.Retries.Program != 2 {
				t.Errorf("budgets %+v, want those of the record", st.Retries)
			}
		})
	}
}

func TestOneAttemptAJobIsNoRetry(t *testing.T) {
	s := Stage{}
	for range 2 {
		s.count(&Job{Attempts: 1})
	}
	s.count(&Job{}) // reused, or not begun
	if s.Attempts != 2 || s.Retried != 0 || s.Ends != nil {
		t.Errorf("got %+v, want two attempts and none retried", s)
	}
}

// What a job was made with besides the plan is known while it runs, by the spec of
// its newest attempt, and of what is made, by its commit.
func TestRollbacksAreToldOfEveryJob(t *testing.T) {
	back := []r1.Rollback{{Job: r1.MainJob, Guard: "kl", Attempt: 1, ToStep: 40}}
	for name, state := range map[string]r1.RunState{"while it runs": r1.RunRunning, "when it has failed": r1.RunFailed, "when it is made": r1.RunCompleted} {
		t.Run(name, func(t *testing.T) {
			o, run := one(t, nil)
			l := r1.Layout{Recipe: "x", Run: "r"}
			job := r1.JobKey{Run: "r", Stage: "zero", Job: r1.MainJob}
			o[path.Join(l.Attempt(job.Attempt(2)), r1.SpecFile)] = r1.Spec{Rollbacks: back, Ends: map[r1.Class]int{r1.ClassDiverged: 1}}
			o[l.StageFile("zero")] = r1.StageRecord{Stage: "zero", State: state}
			if state == r1.RunCompleted {
				o[l.Commit(job)] = r1.Commit{Key: job, Attempt: 2, Rollbacks: back}
			}
			st, err := NewReader(o, run).Status(context.Background())
			if err != nil {
				t.Fatal(err)
			}
			j := st.Stages[0].Jobs[0]
			if len(j.Rollbacks) != 1 || j.Rollbacks[0].ToStep != 40 || j.Ends[r1.ClassDiverged] != 1 {
				t.Errorf("%+v, %v; want one roll-back, and one that diverged", j.Rollbacks, j.Ends)
			}
		})
	}
}
