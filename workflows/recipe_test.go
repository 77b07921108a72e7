package workflows

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"

	"github.com/r1ctl/r1ctl/internal/r1"
	"github.com/r1ctl/r1ctl/internal/tasks"
)

// scriptedActivities answers the workflows' activities by script and keeps
// what they were asked, in order.
type scriptedActivities struct {
	mu        sync.Mutex
	log       []string
	looked    []string                      // stages for whose commits it was looked
	committed map[string]tasks.Found        // job -> answer of FindCommit
	ends      map[string][]tasks.AttemptEnd // job -> how its attempts end, one after the other
	resume    map[string]int                // stage/job/attempt -> step it resumes from
	back      map[string]string             // the same -> the roll-back it is made with
	stages    map[string]r1.StageRecord
	run       r1.RunRecord
	states    []string // of the run, one after the other
	approvals map[string]r1.Approval
	reviews   map[string]r1.Review
	unended   []tasks.AttemptRef
	reaped    []string                                // attempts that were to be stopped, with their queue
	reap      func(tasks.ReapInput) error             // how that went
	attempt   func(context.Context, tasks.AttemptRef) // while an attempt runs
	amended   map[string]int                          // stage -> amendment that its jobs are of
	closed    int                                     // at so many looks at a gate its condition does not hold
	checked   []tasks.GateInput
}

func (s *scriptedActivities) note(text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.log = append(s.log, text)
}

func (s *scriptedActivities) register(env *testsuite.TestWorkflowEnvironment) {
	add := func(name string, f any) {
		env.RegisterActivityWithOptions(f, activity.RegisterOptions{Name: name})
	}
	add(tasks.FindCommit, func(ref tasks.JobRef) (tasks.Found, error) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.looked = append(s.looked, ref.Stage)
		return s.committed[ref.Stage+"/"+ref.Job], nil
	})
	add(tasks.Compute, func(ref tasks.JobRef) (tasks.Computed, error) {
		s.note("compute " + ref.Stage)
		return tasks.Computed{}, nil
	})
	add(tasks.PrepareAttempt, func(in tasks.PrepareInput) (tasks.AttemptRef, error) {
		n := in.After + 1
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.amended != nil {
			s.amended[in.Stage] = in.Amendment
		}
		key := fmt.Sprintf("%s/%s/%d", in.Stage, in.Job, n)
		return tasks.AttemptRef{JobRef: in.JobRef, Attempt: n, Queue: "here", Resume: s.resume[key], RolledBack: s.back[key]}, nil
	})
	add(tasks.RunAttempt, func(ctx context.Context, ref tasks.AttemptRef) (tasks.AttemptEnd, error) {
		s.note("run " + ref.Stage + "/" + ref.Job)
		if s.attempt != nil {
			s.attempt(ctx, ref)
			if ctx.Err() != nil {
				s.note("stopped " + ref.Stage + "/" + ref.Job)
				return tasks.AttemptEnd{}, ctx.Err()
			}
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		name := ref.Stage + "/" + ref.Job
		if left := s.ends[name]; len(left) > 0 {
			s.ends[name] = left[1:]
			return left[0], nil
		}
		return tasks.AttemptEnd{Committed: true, Outcome: r1.Succeeded}, nil
	})
	add(tasks.RecordStage, func(st tasks.StageState) error {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.stages[st.Stage] = st.StageRecord
		return nil
	})
	add(tasks.RecordRun, func(r tasks.RunState) error {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.run = r.RunRecord
		s.states = append(s.states, string(r.State))
		return nil
	})
	add(tasks.FindReview, func(ref tasks.JobRef) (tasks.FoundReview, error) {
		s.mu.Lock()
		defer s.mu.Unlock()
		if said, ok := s.reviews[ref.Stage]; ok {
			return tasks.FoundReview{Review: &said}, nil
		}
		return tasks.FoundReview{}, nil
	})
	add(tasks.RecordReview, func(in tasks.ReviewInput) (r1.Review, error) {
		s.mu.Lock()
		defer s.mu.Unlock()
		if first, ok := s.reviews[in.Stage]; ok {
			return first, nil
		}
		s.reviews = map[string]r1.Review{in.Stage: in.Review}
		return in.Review, nil
	})
	add(tasks.FindApproval, func(ref tasks.JobRef) (tasks.FoundApproval, error) {
		s.mu.Lock()
		defer s.mu.Unlock()
		if a, ok := s.approvals[ref.Stage]; ok {
			return tasks.FoundApproval{Approval: &a}, nil
		}
		return tasks.FoundApproval{}, nil
	})
	add(tasks.RecordApproval, func(in tasks.ApprovalInput) (r1.Approval, error) {
		s.mu.Lock()
		defer s.mu.Unlock()
		if a, ok := s.approvals[in.Stage]; ok {
			return a, nil
		}
		if s.approvals == nil {
			s.approvals = map[string]r1.Approval{}
		}
		s.approvals[in.Stage] = in.Approval
		return in.Approval, nil
	})
	add(tasks.CheckGate, func(in tasks.GateInput) (tasks.GateChecked, error) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.checked = append(s.checked, in)
		if s.closed > 0 {
			s.closed--
			return tasks.GateChecked{Checks: []r1.GateCheck{{Condition: in.Conditions[0], Holds: false, Why: "does not hold: 1 against 2"}}}, nil
		}
		return tasks.GateChecked{Checks: []r1.GateCheck{{Condition: in.Conditions[0], Holds: true, Why: "holds: 3 against 2"}}}, nil
	})
	add(tasks.FindUnended, func(tasks.RunRef) ([]tasks.AttemptRef, error) { return s.unended, nil })
	add(tasks.Reap, func(ctx context.Context, in tasks.ReapInput) (tasks.Reaped, error) {
		s.mu.Lock()
		defer s.mu.Unlock()
		for _, a := range in.Attempts {
			s.reaped = append(s.reaped, fmt.Sprintf("%s %d on %s", a.Stage, a.Attempt, activity.GetInfo(ctx).TaskQueue))
		}
		if s.reap != nil {
			return tasks.Reaped{}, s.reap(in)
		}
		return tasks.Reaped{Stopped: len(in.Attempts)}, nil
	})
}

func stage(name string, kind r1.Kind, needs []string, jobs ...JobShape) StageShape {
	if len(jobs) == 0 {
		jobs = []JobShape{{Name: r1.MainJob}}
	}
	return StageShape{Name: name, Kind: kind, Needs: needs, Jobs: jobs}
}

// small is a recipe in miniature: two branches behind base, phases in zero.
func small() []StageShape {
	return []StageShape{
		stage("base", r1.KindBase, nil),
		stage("prompts", r1.KindCurate, nil),
		stage("zero", r1.KindGRPO, []string{"base", "prompts"}, JobShape{Name: "phase-01"}, JobShape{Name: "phase-02", After: []string{"phase-01"}}),
		stage("dev1", r1.KindSFT, []string{"base", "zero"}),
		stage("eval-base", r1.KindEvaluate, []string{"base"}),
	}
}

func execute(t *testing.T, s *scriptedActivities, stages []StageShape, budgets Budgets) (*testsuite.TestWorkflowEnvironment, RunResult, error) {
	t.Helper()
	var suite testsuite.WorkflowTestSuite
	env := suite.NewTestWorkflowEnvironment()
	Register(env)
	if s.stages == nil {
		s.stages = map[string]r1.StageRecord{}
	}
	s.register(env)
	env.ExecuteWorkflow(RecipeName, RunInput{Run: "r", Recipe: "small", Profile: "test", Stages: stages, Budgets: budgets})
	var result RunResult
	err := env.GetWorkflowError()
	if err == nil {
		if gerr := env.GetWorkflowResult(&result); gerr != nil {
			t.Fatal(gerr)
		}
	}
	return env, result, err
}

func TestStagesRunInOrderAndPhasesOneAfterTheOther(t *testing.T) {
	s := &scriptedActivities{}
	_, result, err := execute(t, s, small(), DefaultBudgets())
	if err != nil {
		t.Fatal(err)
	}
	before := func(first, second string) {
		t.Helper()
		i, j := slices.Index(s.log, first), slices.Index(s.log, second)
		if i < 0 || j < 0 || i > j {
			t.Errorf("want %q before %q in %v", first, second, s.log)
		}
	}
	before("run base/main", "run zero/phase-01")
	before("compute prompts", "run zero/phase-01")
	before("run zero/phase-01", "run zero/phase-02")
	before("run zero/phase-02", "run dev1/main")
	if result.Ran != 6 || result.Reused != 0 {
		t.Errorf("result %+v, want 6 jobs run", result)
	}
	if s.run.State != r1.RunCompleted {
		t.Errorf("run record %q, want completed", s.run.State)
	}
}

func TestCommittedJobsDoNotRunAgain(t *testing.T) {
	s := &scriptedActivities{committed: map[string]tasks.Found{
		"base/main":     {Committed: true},
		"zero/phase-01": {Committed: true, Reused: true},
	}}
	_, result, err := execute(t, s, small(), DefaultBudgets())
	if err != nil {
		t.Fatal(err)
	}
	for _, never := range []string{"run base/main", "run zero/phase-01"} {
		if slices.Contains(s.log, never) {
			t.Errorf("%q although it is committed: %v", never, s.log)
		}
	}
	if !slices.Contains(s.log, "run zero/phase-02") || result.Reused != 1 {
		t.Errorf("log %v, result %+v; want phase-02 run and one job reused", s.log, result)
	}
}

func TestFailedStageSkipsOnlyWhatNeedsIt(t *testing.T) {
	s := &scriptedActivities{ends: map[string][]tasks.AttemptEnd{
		"zero/phase-01": {{Class: r1.ClassDiverged, Error: "loss is NaN at step 7"}},
	}}
	_, _, err := execute(t, s, small(), DefaultBudgets())
	if err == nil || !strings.Contains(err.Error(), "loss is NaN at step 7") {
		t.Fatalf("error %v, want the root cause", err)
	}
	if !slices.Contains(s.log, "run eval-base/main") {
		t.Errorf("eval-base did not run: %v", s.log)
	}
	if slices.Contains(s.log, "run dev1/main") || slices.Contains(s.log, "run zero/phase-02") {
		t.Errorf("something behind the failure ran: %v", s.log)
	}
	if s.run.State != r1.RunFailed || s.stages["zero"].State != r1.RunFailed || !strings.Contains(s.stages["zero"].Error, "zero/phase-01 failed (diverged)") {
		t.Errorf("run %+v, zero %+v; want both failed with the cause", s.run, s.stages["zero"])
	}
}

func TestAttemptsByFailureClass(t *testing.T) {
	end := func(c r1.Class, n int) []tasks.AttemptEnd {
		return slices.Repeat([]tasks.AttemptEnd{{Class: c, Error: "it broke"}}, n)
	}
	for name, c := range map[string]struct {
		ends []tasks.AttemptEnd
		want int // attempts
		ok   bool
	}{
		"a program failure is tried once more":   {end(r1.ClassProgram, 1), 2, true},
		"and then fails":                         {end(r1.ClassProgram, 9), 2, false},
		"infrastructure has a budget of its own": {append(end(r1.ClassInfrastructure, 5), end(r1.ClassProgram, 1)...), 7, true},
		"which ends":                             {end(r1.ClassInfrastructure, 9), 6, false},
		"preemption is never counted":            {end(r1.ClassPreempted, 40), 41, true},
		"out of memory is not retried as it is":  {end(r1.ClassOOM, 1), 1, false},
		"nor is divergence":                      {end(r1.ClassDiverged, 1), 1, false},
		"nor a config error":                     {end(r1.ClassConfig, 1), 1, false},
	} {
		t.Run(name, func(t *testing.T) {
			s := &scriptedActivities{ends: map[string][]tasks.AttemptEnd{"base/main": c.ends}}
			_, _, err := execute(t, s, []StageShape{stage("base", r1.KindBase, nil)}, DefaultBudgets())
			if (err == nil) != c.ok {
				t.Errorf("error %v, want success %v", err, c.ok)
			}
			if len(s.log) != c.want {
				t.Errorf("%d attempts, want %d", len(s.log), c.want)
			}
		})
	}
}

func TestCancelledRunIsRecordedAsCancelled(t *testing.T) {
	s := &scriptedActivities{stages: map[string]r1.StageRecord{}}
	var suite testsuite.WorkflowTestSuite
	env := suite.NewTestWorkflowEnvironment()
	Register(env)
	s.register(env)
	s.ends = map[string][]tasks.AttemptEnd{"base/main": slices.Repeat([]tasks.AttemptEnd{{Class: r1.ClassInfrastructure, Error: "node lost"}}, 5)}
	env.RegisterDelayedCallback(env.CancelWorkflow, 5_000_000_000) // during the backoff between attempts
	env.ExecuteWorkflow(RecipeName, RunInput{Run: "r", Recipe: "small", Stages: small(), Budgets: DefaultBudgets()})
	if err := env.GetWorkflowError(); err == nil || !errors.As(err, new(*temporal.CanceledError)) {
		t.Fatalf("error %v, want cancelled", err)
	}
	if s.run.State != r1.RunCancelled || s.stages["base"].State != r1.RunCancelled {
		t.Errorf("run %q, base %q; want both cancelled", s.run.State, s.stages["base"].State)
	}
}
