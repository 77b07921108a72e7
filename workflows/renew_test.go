package workflows

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/interceptor"
	"go.temporal.io/sdk/log"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"github.com/r1ctl/r1ctl/internal/r1"
	"github.com/r1ctl/r1ctl/internal/tasks"
)

// chain runs a stage through all its executions, each prepared by before, and gives
// what each was started with.
func chain(t *testing.T, s *scriptedActivities, in StageInput, before func(*testsuite.TestWorkflowEnvironment)) (StageResult, []StageInput, error) {
	t.Helper()
	s.stages = map[string]r1.StageRecord{}
	inputs := []StageInput{in}
	for {
		var suite testsuite.WorkflowTestSuite
		env := suite.NewTestWorkflowEnvironment()
		env.SetTestTimeout(30 * time.Second)
		Register(env)
		s.register(env)
		before(env)
		env.ExecuteWorkflow(StageName, in)
		if !env.IsWorkflowCompleted() {
			t.Fatal("the stage did not end")
		}
		var again *workflow.ContinueAsNewError
		err := env.GetWorkflowError()
		if !errors.As(err, &again) {
			var result StageResult
			if err == nil {
				err = env.GetWorkflowResult(&result)
			}
			return result, inputs, err
		}
		in = StageInput{}
		if err := converter.GetDefaultDataConverter().FromPayloads(again.Input, &in); err != nil {
			t.Fatal(err)
		}
		inputs = append(inputs, in)
		if len(inputs) > 100 {
			t.Fatal("the stage is handed on without end")
		}
	}
}

func suggested(env *testsuite.TestWorkflowEnvironment) {
	env.SetContinueAsNewSuggested(true)
	env.SetCurrentHistoryLength(5000)
}

func stageInput(s StageShape) StageInput {
	return StageInput{Run: "r", Recipe: "small", Profile: "test", Stage: s, Budgets: DefaultBudgets()}
}

func ended(class r1.Class, n int) []tasks.AttemptEnd {
	return slices.Repeat([]tasks.AttemptEnd{{Class: class, Name: "it-broke", Error: "it broke", Step: 7}}, n)
}

func TestAStageGoesOnInANewExecution(t *testing.T) {
	s := &scriptedActivities{ends: map[string][]tasks.AttemptEnd{
		"zero/phase-01": slices.Concat(ended(r1.ClassPreempted, 3), ended(r1.ClassInfrastructure, 2)),
		"zero/phase-02": committed(map[string]float64{"reward": 1.8}),
	}}
	two := stage("zero", r1.KindGRPO, nil, JobShape{Name: "phase-01", To: 60}, JobShape{Name: "phase-02", After: []string{"phase-01"}, From: 60, To: 120})
	result, inputs, err := chain(t, s, stageInput(two), suggested)
	if err != nil {
		t.Fatal(err)
	}
	// One attempt an execution, where the server always asks for a new one.
	if len(inputs) != 7 || len(s.log) != 7 {
		t.Errorf("%d executions and %v, want seven of each", len(inputs), s.log)
	}
	if result.Jobs != 2 || result.Ran != 2 || result.Attempts != 7 || result.Metrics["reward"] != 1.8 || result.Last == nil || result.Last.Job != "phase-02" {
		t.Errorf("result %+v, want what one execution would say", result)
	}
	left := inputs[5].Renewed
	if left.Times != 5 || left.Launched != 5 || len(left.Jobs) != 1 {
		t.Fatalf("left %+v", left)
	}
	if job := left.Jobs[0]; job.Tries.Ends[r1.ClassPreempted] != 3 || job.Tries.Ends[r1.ClassInfrastructure] != 2 || job.Tries.After != 5 || job.Step != 7 {
		t.Errorf("left of the job %+v, %+v", job, job.Tries)
	}
	if last := inputs[6].Renewed; len(last.Jobs) != 2 || last.Jobs[0].State != r1.RunCompleted || last.Jobs[0].Tries != nil || last.Result.Attempts != 6 {
		t.Errorf("left of a job that has ended: %+v", last)
	}
	if rec := s.stages["zero"]; rec.State != r1.RunCompleted || !rec.Started.Equal(left.Started) {
		t.Errorf("record %+v, want the start of the first execution", rec)
	}
}

func TestBudgetsHoldOverExecutions(t *testing.T) {
	for name, c := range map[string]struct {
		ends  []tasks.AttemptEnd
		spend func(*Budgets)
		want  int // attempts
	}{
		"infrastructure": {ends: ended(r1.ClassInfrastructure, 20), spend: func(b *Budgets) { b.Infrastructure = 3 }, want: 4},
		"program":        {ends: ended(r1.ClassProgram, 20), spend: func(b *Budgets) { b.Program = 2 }, want: 3},
		"preemption":     {ends: ended(r1.ClassPreempted, 20), spend: func(b *Budgets) { b.Preempted = 0 }, want: 1},
	} {
		t.Run(name, func(t *testing.T) {
			s := &scriptedActivities{ends: map[string][]tasks.AttemptEnd{"base/main": c.ends}}
			in := stageInput(stage("base", r1.KindBase, nil))
			c.spend(&in.Budgets)
			_, inputs, err := chain(t, s, in, suggested)
			if err == nil || len(s.log) != c.want || len(inputs) != c.want {
				t.Errorf("%v after %d attempts in %d executions, want a failure after %d", err, len(s.log), len(inputs), c.want)
			}
			if why := explain(err); why.Name != "it-broke" || s.stages["base"].ErrorName != "it-broke" {
				t.Errorf("error %+v, record %+v", why, s.stages["base"])
			}
		})
	}
}

func TestAFailedStudentStaysFailedInANewExecution(t *testing.T) {
	s := &scriptedActivities{ends: map[string][]tasks.AttemptEnd{
		"distill/a": ended(r1.ClassOOM, 1),
		"distill/b": slices.Concat(ended(r1.ClassPreempted, 1), committed(map[string]float64{"loss": 2})),
	}}
	// The preemption of b is what the stage goes on after, so it comes when a has failed.
	failed, once := make(chan struct{}), sync.Once{}
	s.attempt = func(_ context.Context, ref tasks.AttemptRef) {
		if ref.Job == "b" {
			<-failed
		}
	}
	first := true
	students := stage("distill", r1.KindDistill, nil, JobShape{Name: "a"}, JobShape{Name: "b"})
	_, inputs, err := chain(t, s, stageInput(students), func(env *testsuite.TestWorkflowEnvironment) {
		if first {
			suggested(env)
			env.SetOnActivityCompletedListener(func(info *activity.Info, _ converter.EncodedValue, _ error) {
				if info.ActivityType.Name == tasks.RunAttempt {
					once.Do(func() { close(failed) })
				}
			})
		}
		first = false
	})
	if len(inputs) != 2 {
		t.Fatalf("%d executions, want two", len(inputs))
	}
	if why := explain(err); why.Name != "it-broke" || !strings.Contains(why.Detail, "distill/a failed (oom)") {
		t.Errorf("error %+v, want that of student a", why)
	}
	if n := len(s.log); n != 3 {
		t.Errorf("%d attempts, want one of a and two of b: %v", n, s.log)
	}
}

// Beside an attempt that lives, a stage waits for twice the length, and then
// leaves it to the next execution, which finds it again by its number.
func TestAnAttemptThatLivesIsNotWaitedForWithoutEnd(t *testing.T) {
	var mu sync.Mutex
	seen := map[string]int{}
	began, release := make(chan struct{}), make(chan struct{})
	s := &scriptedActivities{ends: map[string][]tasks.AttemptEnd{"distill/b": ended(r1.ClassPreempted, 3)}}
	s.attempt = func(_ context.Context, ref tasks.AttemptRef) {
		mu.Lock()
		seen[fmt.Sprintf("%s/%d", ref.Job, ref.Attempt)]++
		n := seen["a/1"]
		mu.Unlock()
		if ref.Job == "b" {
			<-began // else the stage goes on before there is anything to wait for
		}
		if ref.Job == "a" && n == 1 {
			close(began)
			<-release // of the first execution: the attempt outlives it
		}
	}
	students := stage("distill", r1.KindDistill, nil, JobShape{Name: "a"}, JobShape{Name: "b"})
	executions := 0
	_, inputs, err := chain(t, s, stageInput(students), func(env *testsuite.TestWorkflowEnvironment) {
		if executions++; executions > 1 {
			return
		}
		suggested(env)
		ends := 0
		env.SetOnActivityCompletedListener(func(info *activity.Info, _ converter.EncodedValue, _ error) {
			if info.ActivityType.Name == tasks.RunAttempt {
				if ends++; ends == 2 {
					env.SetCurrentHistoryLength(10000)
				}
			}
		})
	})
	close(release)
	if err != nil || len(inputs) != 2 {
		t.Fatalf("%v in %d executions, want success in two", err, len(inputs))
	}
	if seen["a/1"] != 2 || seen["a/2"] != 0 {
		t.Errorf("attempts %v, want the first of a followed twice and no second one", seen)
	}
	if left := inputs[1].Renewed; left.Launched != 3 { // a once, b twice
		t.Errorf("left %+v, want no new execution before twice the length", left)
	}
}

func TestAStageIsNotRenewedWhilePaused(t *testing.T) {
	s := &scriptedActivities{ends: map[string][]tasks.AttemptEnd{"base/main": ended(r1.ClassPreempted, 1)}}
	s.attempt = func(context.Context, tasks.AttemptRef) {}
	executions := 0
	_, inputs, err := chain(t, s, stageInput(stage("base", r1.KindBase, nil)), func(env *testsuite.TestWorkflowEnvironment) {
		if executions++; executions > 1 {
			return
		}
		suggested(env)
		s.attempt = func(context.Context, tasks.AttemptRef) {
			env.SignalWorkflow(pauseSignal, PauseNote{Number: 1, Paused: true})
		}
		env.RegisterDelayedCallback(func() {
			if got := s.stages["base"].State; got != r1.RunPaused {
				t.Errorf("the stage is %s after an hour, want paused", got)
			}
			env.SignalWorkflow(pauseSignal, PauseNote{Number: 2})
		}, time.Hour)
	})
	if err != nil || len(inputs) != 1 {
		t.Errorf("%v in %d executions, want one: a pause waits where it is", err, len(inputs))
	}
}

// A stage whose cancellation comes before its first job, or before the first one
// of a new execution, has done nothing and must not pass for completed.
func TestAStageCancelledBeforeItsFirstJobIsNotCompleted(t *testing.T) {
	var suite testsuite.WorkflowTestSuite
	env := suite.NewTestWorkflowEnvironment()
	Register(env)
	s := &scriptedActivities{stages: map[string]r1.StageRecord{}}
	s.register(env)
	env.SetOnActivityStartedListener(func(info *activity.Info, _ context.Context, _ converter.EncodedValues) {
		if info.ActivityType.Name == tasks.RecordStage {
			env.CancelWorkflow()
		}
	})
	env.ExecuteWorkflow(StageName, stageInput(stage("base", r1.KindBase, nil)))
	if err := env.GetWorkflowError(); !temporal.IsCanceledError(err) {
		t.Errorf("the stage ended with %v, want cancelled", err)
	}
	if got := s.stages["base"].State; got != r1.RunCancelled || len(s.log) > 0 {
		t.Errorf("the record says %s after %v, want cancelled and nothing done", got, s.log)
	}
}

// counter counts what workflows ask for, by workflow type.
type counter struct {
	interceptor.WorkerInterceptorBase
	mu    sync.Mutex
	asked map[string]int // such as "Stage signal"
}

func (c *counter) add(ctx workflow.Context, what string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.asked[workflow.GetInfo(ctx).WorkflowType.Name+" "+what]++
}

func (c *counter) InterceptWorkflow(_ workflow.Context, next interceptor.WorkflowInboundInterceptor) interceptor.WorkflowInboundInterceptor {
	in := &countedInbound{c: c}
	in.Next = next
	return in
}

type countedInbound struct {
	interceptor.WorkflowInboundInterceptorBase
	c *counter
}

func (i *countedInbound) Init(out interceptor.WorkflowOutboundInterceptor) error {
	o := &countedOutbound{c: i.c}
	o.Next = out
	return i.Next.Init(o)
}

type countedOutbound struct {
	interceptor.WorkflowOutboundInterceptorBase
	c *counter
}

func (o *countedOutbound) ExecuteActivity(ctx workflow.Context, name string, args ...any) workflow.Future {
	o.c.add(ctx, name)
	return o.Next.ExecuteActivity(ctx, name, args...)
}

func (o *countedOutbound) NewTimerWithOptions(ctx workflow.Context, d time.Duration, options workflow.TimerOptions) workflow.Future {
	o.c.add(ctx, "timer")
	return o.Next.NewTimerWithOptions(ctx, d, options)
}

func (o *countedOutbound) SignalExternalWorkflow(ctx workflow.Context, id, run, name string, arg any) workflow.Future {
	o.c.add(ctx, "signal")
	return o.Next.SignalExternalWorkflow(ctx, id, run, name, arg)
}

// lasting runs one job whose attempts last as long as told and end as told.
func lasting(t *testing.T, each time.Duration, ends []tasks.AttemptEnd, budgets Budgets) (*counter, RunResult, time.Duration) {
	t.Helper()
	var suite testsuite.WorkflowTestSuite
	suite.SetLogger(log.NewStructuredLogger(slog.New(slog.DiscardHandler))) // it writes a line an event
	env := suite.NewTestWorkflowEnvironment()
	env.SetTestTimeout(time.Minute)
	c := &counter{asked: map[string]int{}}
	env.SetWorkerOptions(worker.Options{Interceptors: []interceptor.WorkerInterceptor{c}})
	Register(env)
	s := &scriptedActivities{stages: map[string]r1.StageRecord{}, ends: map[string][]tasks.AttemptEnd{"zero/main": ends}}
	s.register(env)
	env.OnActivity(tasks.RunAttempt, anything, anything).After(each).Return(func(ctx context.Context, ref tasks.AttemptRef) (tasks.AttemptEnd, error) {
		s.mu.Lock()
		defer s.mu.Unlock()
		if left := s.ends["zero/main"]; len(left) > 0 {
			s.ends["zero/main"] = left[1:]
			return left[0], nil
		}
		return tasks.AttemptEnd{Committed: true, Outcome: r1.Succeeded}, nil
	})
	began := env.Now()
	env.ExecuteWorkflow(RecipeName, RunInput{Run: "r", Recipe: "small", Profile: "test", Stages: []StageShape{stage("zero", r1.KindGRPO, nil)}, Budgets: budgets})
	if err := env.GetWorkflowError(); err != nil {
		t.Fatal(err)
	}
	var result RunResult
	if err := env.GetWorkflowResult(&result); err != nil {
		t.Fatal(err)
	}
	return c, result, env.Now().Sub(began)
}

// anything matches every argument of an activity (testify's mock.Anything).
const anything = "mock.Anything"

const day = 24 * time.Hour

func TestAJobOfThirtyDays(t *testing.T) {
	long := DefaultBudgets()
	long.Preempted = 31 * day
	for name, c := range map[string]struct {
		each     time.Duration
		ends     []tasks.AttemptEnd
		attempts int
	}{
		"one attempt that lives through":  {30 * day, nil, 1},
		"a walltime of 12 hours":          {12 * time.Hour, ended(r1.ClassPreempted, 59), 60},
		"5,000 attempts of eight minutes": {8*time.Minute + 38*time.Second, ended(r1.ClassPreempted, 4999), 5000},
	} {
		t.Run(name, func(t *testing.T) {
			asked, result, took := lasting(t, c.each, c.ends, long)
			if result.Attempts != c.attempts || took < 30*day-time.Hour {
				t.Fatalf("%d attempts in %s, want %d in 30 days", result.Attempts, took, c.attempts)
			}
			n := func(what string) int { return asked.asked[what] }
			if n("Stage "+tasks.RunAttempt) != c.attempts || n("Stage "+tasks.PrepareAttempt) != c.attempts || n("Stage timer") != 0 {
				t.Errorf("asked for %v, want two activities an attempt and no timer", asked.asked)
			}
			if other := n("Stage "+tasks.FindCommit) + n("Stage "+tasks.RecordStage); other != 3 {
				t.Errorf("%d other activities, want three whatever the time and the attempts", other)
			}
			if told := n("Stage signal"); told > c.attempts || told > 150 {
				t.Errorf("the run was told %d times of %d attempts, want at most 150", told, c.attempts)
			}
			if n("Recipe "+tasks.RecordRun)+n("Recipe "+tasks.FindUnended) != 3 || n("Recipe timer") != 0 {
				t.Errorf("the run asked for %v, want three activities", asked.asked)
			}
		})
	}
}

func TestARunIsToldOfAttemptsEverMoreRarely(t *testing.T) {
	told := []int{}
	said := &teller{}
	for range 5000 {
		said.launched++
		if said.due() {
			said.told = said.launched
			told = append(told, said.told)
		}
	}
	if !slices.IsSorted(told) || told[tellAll-1] != tellAll || len(told) > 150 {
		t.Errorf("told %d times: %v", len(told), told)
	}
	for i := 1; i < len(told); i++ {
		if told[i]-told[i-1] > 1+told[i]/16 {
			t.Errorf("nothing was told between %d and %d", told[i-1], told[i])
		}
	}
}
