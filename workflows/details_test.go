package workflows

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.temporal.io/sdk/interceptor"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"github.com/r1ctl/r1ctl/internal/r1"
	"github.com/r1ctl/r1ctl/internal/tasks"
)

// watcher keeps what a person would see of the workflows in the web UI.
type watcher struct {
	interceptor.WorkerInterceptorBase
	mu       sync.Mutex
	seen     []string
	children map[string]workflow.ChildWorkflowOptions
	details  map[string]string // workflow id -> last current details
	states   map[string][]string
}

func newWatcher() *watcher {
	return &watcher{children: map[string]workflow.ChildWorkflowOptions{}, details: map[string]string{}, states: map[string][]string{}}
}

func (w *watcher) InterceptWorkflow(_ workflow.Context, next interceptor.WorkflowInboundInterceptor) interceptor.WorkflowInboundInterceptor {
	in := &inbound{w: w}
	in.Next = next
	return in
}

type inbound struct {
	interceptor.WorkflowInboundInterceptorBase
	w *watcher
}

func (i *inbound) Init(out interceptor.WorkflowOutboundInterceptor) error {
	o := &outbound{w: i.w}
	o.Next = out
	return i.Next.Init(o)
}

func (i *inbound) ExecuteWorkflow(ctx workflow.Context, in *interceptor.ExecuteWorkflowInput) (any, error) {
	result, err := i.Next.ExecuteWorkflow(ctx, in)
	i.w.mu.Lock()
	defer i.w.mu.Unlock()
	i.w.details[workflow.GetInfo(ctx).WorkflowExecution.ID] = workflow.GetCurrentDetails(ctx)
	return result, err
}

type outbound struct {
	interceptor.WorkflowOutboundInterceptorBase
	w *watcher
}

func (o *outbound) saw(text string) {
	o.w.mu.Lock()
	defer o.w.mu.Unlock()
	o.w.seen = append(o.w.seen, text)
}

func (o *outbound) ExecuteActivity(ctx workflow.Context, name string, args ...any) workflow.Future {
	o.saw(workflow.GetActivityOptions(ctx).Summary)
	return o.Next.ExecuteActivity(ctx, name, args...)
}

func (o *outbound) NewTimerWithOptions(ctx workflow.Context, d time.Duration, options workflow.TimerOptions) workflow.Future {
	o.saw(options.Summary)
	return o.Next.NewTimerWithOptions(ctx, d, options)
}

func (o *outbound) ExecuteChildWorkflow(ctx workflow.Context, name string, args ...any) workflow.ChildWorkflowFuture {
	options := workflow.GetChildWorkflowOptions(ctx)
	o.w.mu.Lock()
	o.w.children[options.WorkflowID] = options
	o.w.mu.Unlock()
	return o.Next.ExecuteChildWorkflow(ctx, name, args...)
}

func (o *outbound) UpsertTypedSearchAttributes(ctx workflow.Context, attrs ...temporal.SearchAttributeUpdate) error {
	o.w.mu.Lock()
	defer o.w.mu.Unlock()
	id := workflow.GetInfo(ctx).WorkflowExecution.ID
	state, _ := temporal.NewSearchAttributes(attrs...).GetKeyword(AttrState)
	o.w.states[id] = append(o.w.states[id], state)
	return nil
}

// look runs a recipe and says what could be seen.
func look(t *testing.T, s *scriptedActivities, stages []StageShape) (*watcher, RunResult) {
	t.Helper()
	var suite testsuite.WorkflowTestSuite
	env := suite.NewTestWorkflowEnvironment()
	env.SetTestTimeout(30 * time.Second)
	w := newWatcher()
	env.SetWorkerOptions(worker.Options{Interceptors: []interceptor.WorkerInterceptor{w}})
	Register(env)
	s.stages = map[string]r1.StageRecord{}
	s.register(env)
	env.ExecuteWorkflow(RecipeName, RunInput{
		Run: "r", Recipe: "small", Profile: "test", Owner: "ada", Stages: stages, Budgets: DefaultBudgets(), Links: Links{Report: "http://127.0.0.1:7243/"},
	})
	var result RunResult
	if env.GetWorkflowError() == nil {
		if err := env.GetWorkflowResult(&result); err != nil {
			t.Fatal(err)
		}
	}
	return w, result
}

// recipeDetails are those of the run itself, whose id the test environment chooses.
func (w *watcher) recipeDetails() string {
	for id, text := range w.details {
		if !strings.Contains(id, "/") {
			return text
		}
	}
	return ""
}

// cells finds the row of a table by its first cell.
func cells(t *testing.T, table, first string) []string {
	t.Helper()
	for line := range strings.SplitSeq(table, "\n") {
		if strings.HasPrefix(line, "| "+first+" |") {
			return strings.Split(strings.Trim(line, "| "), " | ")
		}
	}
	t.Fatalf("no row %q in\n%s", first, table)
	return nil
}

func measuredRecipe() []StageShape {
	zero := stage("zero", r1.KindGRPO, []string{"base"}, JobShape{Name: "phase-01", To: 60}, JobShape{Name: "phase-02", After: []string{"phase-01"}, From: 60, To: 120})
	zero.Model, zero.Title = modelRef{Stage: "base"}, "R1-Zero"
	before := stage("eval-base", r1.KindEvaluate, []string{"base"})
	before.Model = modelRef{Stage: "base"}
	after := stage("eval-zero", r1.KindEvaluate, []string{"zero"})
	after.Model = modelRef{Stage: "zero"}
	return []StageShape{stage("base", r1.KindBase, nil), before, zero, after}
}

func committed(metrics map[string]float64) []tasks.AttemptEnd {
	return []tasks.AttemptEnd{{Committed: true, Outcome: r1.Succeeded, Step: 60, Metrics: metrics}}
}

func TestDetailsTellTheRun(t *testing.T) {
	s := &scriptedActivities{
		ends: map[string][]tasks.AttemptEnd{
			"eval-base/main": committed(map[string]float64{"pass@1": 0.3125}),
			"zero/phase-01": slices.Concat(
				[]tasks.AttemptEnd{{Class: r1.ClassInfrastructure, Error: "infrastructure: node | <lost>", Step: 40}},
				committed(map[string]float64{"reward": 1.5})),
			"zero/phase-02":  committed(map[string]float64{"reward": 1.8349, "accuracy": 0.84}),
			"eval-zero/main": committed(map[string]float64{"pass@1": 0.814}),
		},
		resume: map[string]int{"zero/phase-01/2": 40},
	}
	w, result := look(t, s, measuredRecipe())
	if result.Ran != 5 || result.Attempts != 6 {
		t.Errorf("result %+v, want 5 jobs in 6 attempts", result)
	}
	table := w.recipeDetails()
	if !strings.HasPrefix(table, "4 of 4 stages done · [report](http://127.0.0.1:7243/runs/r)\n\n| stage |") {
		t.Errorf("the head is missing in\n%s", table)
	}
	zero := cells(t, table, "zero")
	if zero[1] != "completed" || zero[2] == "" || zero[3] != "0.312 → 0.814" || zero[4] != "reward 1.83, accuracy 0.84" ||
		zero[5] != "3 attempts at 2 jobs · [log](http://127.0.0.1:7243/runs/r/logs/zero/phase-02/1)" {
		t.Errorf("row %q", zero)
	}
	if base := cells(t, table, "base"); base[3] != "0.312" {
		t.Errorf("row %q, want what was measured of it", base)
	}

	jobs := w.details["r/zero"]
	one := cells(t, jobs, "phase-01")
	if one[1] != "completed" || one[3] != "60 of 60" || one[4] != "2, from step 40 (1 infrastructure of 5)" || one[5] != "reward 1.5" ||
		one[6] != `attempt 1, infrastructure: node \| \<lost\> · [log](http://127.0.0.1:7243/runs/r/logs/zero/phase-01/2)` {
		t.Errorf("job row %q", one)
	}
	for _, want := range []string{
		"look for a commit of zero phase-01", "prepare zero phase-01", "prepare zero phase-01, after attempt 1",
		"train zero phase-01, attempt 1", "train zero phase-01, attempt 2, from step 40", "train zero phase-02, attempt 1, from step 60",
		"wait 2s before attempt 2: infrastructure", "measure eval-zero, attempt 1", "obtain base, attempt 1",
		"record that zero is completed", "record that the run is completed",
	} {
		if !slices.Contains(w.seen, want) {
			t.Errorf("no summary %q in %q", want, w.seen)
		}
	}
	if slices.Contains(w.seen, "") {
		t.Errorf("something has no summary: %q", w.seen)
	}
	child := w.children["r/zero"]
	attrs := child.TypedSearchAttributes
	for key, want := range map[temporal.SearchAttributeKeyKeyword]string{AttrRecipe: "small", AttrProfile: "test", AttrStage: "zero", AttrState: "running", AttrOwner: "ada"} {
		if got, _ := attrs.GetKeyword(key); got != want {
			t.Errorf("%s of the stage is %q, want %q", key.GetName(), got, want)
		}
	}
	if child.StaticSummary != "zero (grpo): R1-Zero" || !strings.Contains(child.StaticDetails, "(http://127.0.0.1:7243/runs/r)") || !strings.Contains(child.StaticDetails, "r1ctl logs r zero") {
		t.Errorf("child options %+v", child)
	}
	if got := fmt.Sprint(w.states["r/zero"]); got != "[completed]" {
		t.Errorf("states of the stage %s", got)
	}
}

func TestDetailsTellAFailure(t *testing.T) {
	s := &scriptedActivities{
		committed: map[string]tasks.Found{
			"base/main":      {Committed: true, Reused: true, From: &r1.JobKey{Run: "older", Stage: "base", Job: "main"}},
			"eval-base/main": {Committed: true, Attempt: 2, Metrics: map[string]float64{"pass@1": 0.5}},
		},
		ends: map[string][]tasks.AttemptEnd{"zero/phase-01": {{Class: r1.ClassDiverged, Name: "diverged", Error: "loss is NaN at step 7", Remedy: "lower learning_rate", Step: 7}}},
	}
	w, _ := look(t, s, measuredRecipe())
	table := w.recipeDetails()
	if !strings.HasPrefix(table, "2 of 4 stages done, 1 failed, 1 skipped") {
		t.Errorf("the head is missing in\n%s", table)
	}
	zero := cells(t, table, "zero")
	for _, want := range []string{"**diverged**: zero/phase-01 failed (diverged) in attempt 1: loss is NaN at step 7 — try: lower learning_rate", "/logs/zero/phase-01/1"} {
		if !strings.Contains(zero[5], want) {
			t.Errorf("%q is missing in %q", want, zero[5])
		}
	}
	if base := cells(t, table, "base"); base[5] != "reused" {
		t.Errorf("row %q", base)
	}
	if e := cells(t, table, "eval-base"); !strings.HasPrefix(e[5], "committed before") || !strings.Contains(e[5], "/logs/eval-base/main/2") || e[4] != "pass@1 0.5" {
		t.Errorf("row %q", e)
	}
	jobs := w.details["r/zero"]
	if two := cells(t, jobs, "phase-02"); two[1] != "skipped" {
		t.Errorf("job row %q", two)
	}
	if got := fmt.Sprint(w.states["r/zero"]); got != "[failed]" {
		t.Errorf("states of the stage %s", got)
	}
	if rec := s.stages["zero"]; rec.ErrorName != "diverged" || rec.Remedy == "" {
		t.Errorf("record %+v lacks the error's name or remedy", rec)
	}
}

func TestAFailedJobSaysWhatToDo(t *testing.T) {
	ref := tasks.AttemptRef{JobRef: tasks.JobRef{Run: "r", Stage: "zero", Job: "main"}, Attempt: 6}
	for name, c := range map[string]struct {
		end  tasks.AttemptEnd
		want [2]string // name, and a part of the remedy
	}{
		"the attempt knows":             {tasks.AttemptEnd{Class: r1.ClassOOM, Name: "out-of-memory", Remedy: "lower batch_size"}, [2]string{"out-of-memory", "lower batch_size"}},
		"an older agent names nothing":  {tasks.AttemptEnd{Class: r1.ClassProgram}, [2]string{"job-failed", "r1ctl logs r zero"}},
		"the budget is spent, not hope": {tasks.AttemptEnd{Class: r1.ClassInfrastructure, Name: "agent-died", Remedy: "nothing to do"}, [2]string{"agent-died", "r1ctl resume r"}},
	} {
		got := explain(fail(jobError(ref, c.end)))
		if got.Name != c.want[0] || !strings.Contains(got.Remedy, c.want[1]) {
			t.Errorf("%s: %+v, want %v", name, got, c.want)
		}
	}
}

func TestDetailsWithoutAReportHaveNoLinks(t *testing.T) {
	in := StageInput{Run: "r", Stage: stage("zero", r1.KindGRPO, nil)}
	table := newJobTable(in)
	table.rows[0].newest.Attempt = 1
	for _, text := range []string{newBoard(RunInput{Run: "r", Stages: []StageShape{in.Stage}}).markdown(), table.markdown(), stageDetails(in), RunDetails(RunInput{Run: "r"}, "")} {
		if strings.Contains(text, "](") {
			t.Errorf("a link in\n%s", text)
		}
	}
}

func TestStudentsAreMeasuredOneByOne(t *testing.T) {
	b := newBoard(RunInput{Run: "r", Stages: []StageShape{stage("distill", r1.KindDistill, nil), stage("a", r1.KindEvaluate, nil), stage("b", r1.KindEvaluate, nil)}})
	b.rows[1].model, b.rows[1].Metrics = modelRef{"distill", "student-32"}, map[string]float64{"pass@1": 0.02}
	b.rows[2].model, b.rows[2].Metrics = modelRef{"distill", "student-48"}, map[string]float64{"pass@1": 0.143}
	if got := b.pass(&b.rows[0]); got != "student-32 0.02, student-48 0.143" {
		t.Errorf("pass@1 of the students: %q", got)
	}
}
