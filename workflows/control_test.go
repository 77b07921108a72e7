package workflows

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/workflow"

	"github.com/r1ctl/r1ctl/internal/r1"
	"github.com/r1ctl/r1ctl/internal/tasks"
)

// drive is a run that is asked for things while it goes on.
type drive struct {
	*testsuite.TestWorkflowEnvironment
	t *testing.T
	s *scriptedActivities
	n int
}

func newDrive(t *testing.T, s *scriptedActivities) *drive {
	t.Helper()
	var suite testsuite.WorkflowTestSuite
	d := &drive{TestWorkflowEnvironment: suite.NewTestWorkflowEnvironment(), t: t, s: s}
	d.SetTestTimeout(20 * time.Second)
	Register(d)
	s.stages = map[string]r1.StageRecord{}
	s.register(d.TestWorkflowEnvironment)
	return d
}

func (d *drive) run(in RunInput) (RunResult, error) {
	d.t.Helper()
	in.Run, in.Recipe, in.Profile = "r", "small", "test"
	if in.Budgets == (Budgets{}) {
		in.Budgets = DefaultBudgets()
	}
	d.ExecuteWorkflow(RecipeName, in)
	var result RunResult
	if !d.IsWorkflowCompleted() {
		d.t.Fatal("the run did not end")
	}
	err := d.GetWorkflowError()
	if err == nil {
		err = d.GetWorkflowResult(&result)
	}
	return result, err
}

// after is when nothing else can happen any more.
func (d *drive) after(delay time.Duration, do func()) { d.RegisterDelayedCallback(do, delay) }

// reply takes what an update gives.
type reply struct {
	answer func(any)
	refuse func(error)
}

func (r reply) Accept()          {}
func (r reply) Reject(err error) { r.refuse(err) }
func (r reply) Complete(v any, err error) {
	if err != nil {
		r.refuse(err)
		return
	}
	r.answer(v)
}

// ask sends an update, and then does something with the answer. It may be called
// from an activity.
func ask[A any](d *drive, name string, request any, then func(A)) {
	d.send(name, request, reply{
		answer: func(v any) { then(v.(A)) },
		refuse: func(err error) { d.t.Errorf("%s %+v was refused: %v", name, request, err) },
	})
}

func (d *drive) send(name string, request any, r reply) {
	d.after(0, func() {
		d.n++
		d.UpdateWorkflow(name, fmt.Sprint(d.n), r, request)
	})
}

// refused sends an update that must be refused by name, with a remedy.
func (d *drive) refused(name string, request any, want string) {
	d.send(name, request, reply{
		answer: func(v any) { d.t.Errorf("%s %+v was accepted: %+v", name, request, v) },
		refuse: func(err error) {
			var app *temporal.ApplicationError
			if !errors.As(err, &app) {
				d.t.Errorf("%s: %v", name, err)
				return
			}
			if why := explain(err); why.Name != want || why.Remedy == "" {
				d.t.Errorf("%s %+v: [%s] %s; try %q; want %s with a remedy", name, request, why.Name, why.Detail, why.Remedy, want)
			}
		},
	})
}

// once does something during the first attempt of a stage, which ends when done is called.
func (s *scriptedActivities) once(stage string, do func(done func())) {
	first, open := true, make(chan struct{})
	s.attempt = func(_ context.Context, ref tasks.AttemptRef) {
		if ref.Stage != stage || !first {
			return
		}
		first = false
		do(func() { close(open) })
		<-open
	}
}

func TestAPauseHoldsWhatIsToCome(t *testing.T) {
	s := &scriptedActivities{}
	d := newDrive(t, s)
	s.once("zero", func(done func()) {
		ask(d, UpdatePause, PauseRequest{By: "ada"}, func(first PauseAnswer) {
			if first.Already || first.By != "ada" || first.At.IsZero() || s.run.State != r1.RunPaused || s.run.Paused == nil || s.run.Paused.By != "ada" {
				t.Errorf("the answer is %+v, the record %+v", first, s.run)
			}
			ask(d, UpdatePause, PauseRequest{By: "bob"}, func(second PauseAnswer) {
				if !second.Already || second.Pause != first.Pause {
					t.Errorf("the second answer is %+v, want that of the first", second)
				}
				done()
			})
		})
	})
	d.after(48*time.Hour, func() {
		if !slices.Contains(s.log, "run zero/phase-01") || slices.Contains(s.log, "run zero/phase-02") {
			t.Errorf("during the pause: %v, want what ran to end and nothing to begin", s.log)
		}
		if s.stages["zero"].State != r1.RunPaused || s.run.State != r1.RunPaused {
			t.Errorf("during the pause zero is %s, the run %s", s.stages["zero"].State, s.run.State)
		}
		ask(d, UpdateUnpause, UnpauseRequest{}, func(a UnpauseAnswer) {
			if a.Already || s.run.Paused != nil {
				t.Errorf("unpause: %+v, record %+v", a, s.run)
			}
		})
		ask(d, UpdateUnpause, UnpauseRequest{}, func(a UnpauseAnswer) {
			if !a.Already {
				t.Errorf("the second unpause: %+v", a)
			}
		})
	})
	result, err := d.run(RunInput{Stages: small()})
	if err != nil || result.Ran != 6 {
		t.Errorf("result %+v, %v", result, err)
	}
	if want := []string{"running", "paused", "running", "completed"}; !slices.Equal(s.states, want) {
		t.Errorf("the run was %v, want %v", s.states, want)
	}
	if s.stages["zero"].State != r1.RunCompleted {
		t.Errorf("zero is %s", s.stages["zero"].State)
	}
}

// A stop saves and goes on later; it is no failure and spends no budget.
func TestAPauseThatStopsGoesOnFromWhatWasSaved(t *testing.T) {
	s := &scriptedActivities{resume: map[string]int{"base/main/1": 40}}
	d := newDrive(t, s)
	s.once("base", func(done func()) {
		ask(d, UpdatePause, PauseRequest{}, func(PauseAnswer) {
			ask(d, UpdatePause, PauseRequest{Stop: true}, func(a PauseAnswer) {
				if a.Already || !a.Stop {
					t.Errorf("a pause became one that stops: %+v", a)
				}
				done()
			})
		})
	})
	d.after(30*24*time.Hour, func() {
		if !slices.Equal(s.reaped, []string{"base 1 on here-reap"}) || s.stages["base"].State != r1.RunPaused {
			t.Errorf("reaped %v, base is %s; want the stopped attempt made sure of", s.reaped, s.stages["base"].State)
		}
		ask(d, UpdateUnpause, UnpauseRequest{}, func(UnpauseAnswer) {})
	})
	result, err := d.run(RunInput{Stages: small()[:1], Budgets: Budgets{Preempted: time.Second, Stop: time.Minute}})
	if err != nil || result.Attempts != 2 {
		t.Errorf("result %+v, %v; want a second attempt without any budget", result, err)
	}
}

// An activity that a pause stops may be lost with its worker, and then times out.
func TestWhatAPauseStopsIsNoFailure(t *testing.T) {
	for name, c := range map[string]struct {
		pause, fails, stopped bool
	}{
		"it says that it was cancelled, or timed out": {true, true, true},
		"it was done just then":                       {true, false, false},
		"it fails by itself":                          {false, true, false},
	} {
		var suite testsuite.WorkflowTestSuite
		env := suite.NewTestWorkflowEnvironment()
		env.ExecuteWorkflow(func(ctx workflow.Context) (bool, error) {
			h := newHold()
			workflow.Go(ctx, func(ctx workflow.Context) {
				if c.pause {
					h.running["job"]()
				}
			})
			stopped, _ := h.guard(ctx, "job", func(ctx workflow.Context) error {
				detached, _ := workflow.NewDisconnectedContext(ctx)
				_ = workflow.Sleep(detached, time.Minute)
				if c.fails {
					return errors.New("heartbeat timeout")
				}
				return nil
			})
			return stopped, nil
		})
		var stopped bool
		if err := env.GetWorkflowResult(&stopped); err != nil || stopped != c.stopped {
			t.Errorf("%s: stopped by the pause: %v (%v), want %v", name, stopped, err, c.stopped)
		}
	}
}

func TestARunThatWasPausedBeginsPaused(t *testing.T) {
	s := &scriptedActivities{}
	d := newDrive(t, s)
	d.after(time.Hour, func() {
		if len(s.log) > 0 || s.run.State != r1.RunPaused || s.run.Paused.By != "ada" {
			t.Errorf("log %v, record %+v", s.log, s.run)
		}
		ask(d, UpdateUnpause, UnpauseRequest{}, func(UnpauseAnswer) {})
	})
	if _, err := d.run(RunInput{Stages: small(), Paused: &r1.Pause{By: "ada", At: time.Unix(1, 0)}}); err != nil {
		t.Error(err)
	}
}

func TestAPausedRunCanBeCancelled(t *testing.T) {
	s := &scriptedActivities{}
	d := newDrive(t, s)
	d.after(time.Hour, d.CancelWorkflow)
	_, err := d.run(RunInput{Stages: small(), Paused: &r1.Pause{}})
	if !errors.As(err, new(*temporal.CanceledError)) || s.run.State != r1.RunCancelled || s.run.Paused != nil || len(s.log) > 0 {
		t.Errorf("%v, record %+v, log %v", err, s.run, s.log)
	}
}

func TestRetryInAnOpenRun(t *testing.T) {
	s := &scriptedActivities{ends: map[string][]tasks.AttemptEnd{"zero/phase-01": {{Class: r1.ClassDiverged, Error: "NaN"}}}}
	d := newDrive(t, s)
	s.once("eval-base", func(done func()) {
		var try func()
		left := 1000
		try = func() {
			d.send(UpdateRetry, StageRequest{Stage: "zero", By: "ada"}, reply{
				refuse: func(err error) { // it has not failed yet
					if left--; left == 0 {
						t.Errorf("retry: %v", err)
						done()
						return
					}
					d.after(time.Millisecond, try)
				},
				answer: func(v any) {
					first := v.(RetryAnswer)
					if first.Retry != 1 || !slices.Equal(first.Again, []string{"zero", "dev1"}) {
						t.Errorf("answer %+v, want zero and what was skipped behind it", first)
					}
					ask(d, UpdateRetry, StageRequest{Stage: "zero"}, func(second RetryAnswer) {
						if !reflect.DeepEqual(second, first) {
							t.Errorf("the second answer is %+v, the first %+v", second, first)
						}
						done()
					})
				},
			})
		}
		try()
	})
	result, err := d.run(RunInput{Stages: small()})
	if err != nil || s.run.State != r1.RunCompleted || s.stages["zero"].State != r1.RunCompleted || s.stages["zero"].Error != "" {
		t.Errorf("%v, run %+v, zero %+v", err, s.run, s.stages["zero"])
	}
	if !slices.Contains(s.log, "run dev1/main") || result.Ran != 6 {
		t.Errorf("log %v, result %+v; want the skipped stage back", s.log, result)
	}
}

// A retry of a run that has ended drives one stage, and what hangs on it.
func TestStagesThatAreLeftAlone(t *testing.T) {
	s := &scriptedActivities{committed: map[string]tasks.Found{"base/main": {Committed: true}, "prompts/main": {Committed: true}}}
	d := newDrive(t, s)
	_, err := d.run(RunInput{Stages: small(), Left: []LeftStage{{Stage: "eval-base", State: r1.RunFailed, Error: &Failure{Name: "judge-away", Detail: "the judge is away", Remedy: "call it"}}}})
	if why := explain(err); err == nil || why.Name != "judge-away" || why.Remedy != "call it" {
		t.Errorf("the run ended with %v, want the failure that is left", err)
	}
	if slices.Contains(s.log, "run eval-base/main") || !slices.Contains(s.log, "run dev1/main") || s.run.State != r1.RunFailed {
		t.Errorf("log %v, run %s", s.log, s.run.State)
	}
	if _, touched := s.stages["eval-base"]; touched {
		t.Error("the record of a stage that was left alone was written anew")
	}
}

func gated() []StageShape {
	stages := small()
	stages[3].Gate = &r1.Gate{Approval: "is zero good enough?"}
	return stages
}

func TestAGateWaitsForAPerson(t *testing.T) {
	s := &scriptedActivities{}
	d := newDrive(t, s)
	d.after(90*24*time.Hour, func() {
		record := s.stages["dev1"]
		if record.State != r1.RunWaiting || record.Question != "is zero good enough?" || record.Remedy != "r1ctl approve r dev1" || s.run.State != r1.RunWaiting {
			t.Errorf("after months dev1 is %+v, the run %s", record, s.run.State)
		}
		if slices.Contains(s.log, "run dev1/main") {
			t.Error("the stage began without an approval")
		}
		d.refused(UpdateApprove, StageRequest{Stage: "zero"}, "unknown-gate")
		d.refused(UpdateApprove, StageRequest{Stage: "zerro"}, "unknown-stage")
		d.refused(UpdateRetry, StageRequest{Stage: "zerro"}, "unknown-stage")
		d.refused(UpdateRetry, StageRequest{Stage: "zero"}, "not-failed")
		d.refused(UpdateRetry, StageRequest{Stage: "dev1"}, "not-failed")
		ask(d, UpdatePause, PauseRequest{}, func(PauseAnswer) {
			ask(d, UpdateApprove, StageRequest{Stage: "dev1", By: "ada"}, func(first ApproveAnswer) {
				if first.Already || first.By != "ada" || first.Question != "is zero good enough?" || s.approvals["dev1"] != first.Approval {
					t.Errorf("approved %+v, stored %+v", first, s.approvals)
				}
				ask(d, UpdateApprove, StageRequest{Stage: "dev1", By: "bob"}, func(second ApproveAnswer) {
					if !second.Already || second.By != "ada" {
						t.Errorf("the second approval: %+v, want ada's", second)
					}
				})
			})
		})
		d.after(time.Hour, func() {
			if slices.Contains(s.log, "run dev1/main") || s.run.State != r1.RunPaused {
				t.Errorf("an approval ended the pause: %v, %s", s.log, s.run.State)
			}
			ask(d, UpdateUnpause, UnpauseRequest{}, func(UnpauseAnswer) {})
		})
	})
	if _, err := d.run(RunInput{Stages: gated()}); err != nil || !slices.Contains(s.log, "run dev1/main") {
		t.Errorf("%v: %v", err, s.log)
	}
	if want := []string{"running", "waiting", "paused", "running", "completed"}; !slices.Equal(s.states, want) {
		t.Errorf("the run was %v, want %v", s.states, want)
	}
}

func TestAnApprovalOutlivesTheExecution(t *testing.T) {
	s := &scriptedActivities{approvals: map[string]r1.Approval{"dev1": {Stage: "dev1", By: "ada"}}}
	d := newDrive(t, s)
	if _, err := d.run(RunInput{Stages: gated()}); err != nil || slices.Contains(s.states, "waiting") {
		t.Errorf("%v: the run was %v", err, s.states)
	}
}

func TestACancelledGate(t *testing.T) {
	s := &scriptedActivities{}
	d := newDrive(t, s)
	d.after(time.Hour, d.CancelWorkflow)
	_, err := d.run(RunInput{Stages: gated()})
	if !errors.As(err, new(*temporal.CanceledError)) || s.run.State != r1.RunCancelled || s.stages["dev1"].State != r1.RunCancelled || s.stages["dev1"].Question != "" {
		t.Errorf("%v, run %s, dev1 %+v", err, s.run.State, s.stages["dev1"])
	}
}

func TestWhatComesTooLateIsRefused(t *testing.T) {
	r := &recipe{in: RunInput{Run: "r"}, ending: true}
	for name, err := range map[string]error{
		"pause": r.open(), "retry": r.mayRetry(StageRequest{}), "approve": r.mayApprove(StageRequest{}),
	} {
		if why := explain(err); err == nil || why.Name != "run-ended" || why.Remedy == "" {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// However a run ends, its end makes sure that no attempt lives on, on each
// machine, and says where nobody could be asked.
func TestTheEndOfARunReaps(t *testing.T) {
	attempt := func(stage, queue string) tasks.AttemptRef {
		return tasks.AttemptRef{JobRef: tasks.JobRef{Run: "r", Stage: stage, Job: r1.MainJob}, Attempt: 2, Queue: queue}
	}
	for name, c := range map[string]struct {
		end   func(d *drive)
		state r1.RunState
	}{
		"complete": {func(*drive) {}, r1.RunCompleted},
		"failed":   {func(d *drive) { d.s.ends = map[string][]tasks.AttemptEnd{"base/main": {{Class: r1.ClassConfig}}} }, r1.RunFailed},
		"cancelled": {func(d *drive) {
			d.s.once("base", func(done func()) { d.CancelWorkflow(); time.AfterFunc(50*time.Millisecond, done) })
		}, r1.RunCancelled},
	} {
		t.Run(name, func(t *testing.T) {
			s := &scriptedActivities{unended: []tasks.AttemptRef{attempt("base", "here"), attempt("zero", "gone"), attempt("dev1", "here")}}
			s.reap = func(in tasks.ReapInput) error {
				if in.Attempts[0].Queue == "gone" {
					return temporal.NewTimeoutError(enumspb.TIMEOUT_TYPE_SCHEDULE_TO_START, nil)
				}
				return nil
			}
			d := newDrive(t, s)
			c.end(d)
			_, err := d.run(RunInput{Stages: small()[:1]})
			if (err == nil) != (c.state == r1.RunCompleted) || s.run.State != c.state {
				t.Errorf("%v, run %s, want %s", err, s.run.State, c.state)
			}
			slices.Sort(s.reaped)
			if want := []string{"base 2 on here-reap", "dev1 2 on here-reap", "zero 2 on gone-reap"}; !slices.Equal(slices.Compact(s.reaped), want) {
				t.Errorf("reaped %v, want %v", s.reaped, want)
			}
			if !strings.Contains(s.run.Notice, "zero/main attempt 2 may still run: no worker serves gone in time") {
				t.Errorf("the notice is %q", s.run.Notice)
			}
		})
	}
}

func TestAmendedJobsKnowTheirPlan(t *testing.T) {
	s := &scriptedActivities{amended: map[string]int{}}
	d := newDrive(t, s)
	if _, err := d.run(RunInput{Stages: small(), Amendment: 2}); err != nil || s.amended["dev1"] != 2 {
		t.Errorf("%v: jobs were prepared for the amendments %v", err, s.amended)
	}
}

func TestReapOfARunWithoutAWorkflow(t *testing.T) {
	for _, state := range []r1.RunState{r1.RunCancelled, ""} {
		s := &scriptedActivities{unended: []tasks.AttemptRef{{JobRef: tasks.JobRef{Run: "r", Stage: "base"}, Attempt: 1, Queue: "here"}}}
		d := newDrive(t, s)
		d.ExecuteWorkflow(ReapName, ReapRunInput{RunRef: tasks.RunRef{Recipe: "small", Run: "r"}, Budgets: DefaultBudgets(), Record: r1.RunRecord{State: state}})
		if err := d.GetWorkflowError(); err != nil || len(s.reaped) != 1 || s.run.State != state {
			t.Errorf("%v: reaped %v, recorded %q", err, s.reaped, s.run.State)
		}
	}
}
