package history

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"go.temporal.io/sdk/worker"

	"github.com/r1ctl/r1ctl/internal/golden"
	"github.com/r1ctl/r1ctl/internal/r1"
	"github.com/r1ctl/r1ctl/recipes"
	"github.com/r1ctl/r1ctl/workflows"
)

// The limits of a Temporal server for one history.
const (
	limitEvents = 51_200
	limitBytes  = 50 << 20
)

// Bounds that growth must be noticed at: what a run costs, and besides what a job
// costs the histories of its run and its stage, and a further attempt.
const (
	maxEventsPerRun     = 30
	maxEventsPerJob     = 60
	maxEventsPerAttempt = 20
)

func plan(t *testing.T, o recipes.Options) *r1.Plan {
	t.Helper()
	r, err := recipes.Load("../../recipes/full-r1.yaml", o)
	if err != nil {
		t.Fatal(err)
	}
	p, err := recipes.Plan(r, recipes.PlanOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// longer gives the --set values that multiply the steps of every training in the
// laptop plan; phases too makes each RL phase longer, so that their number stays.
func longer(t *testing.T, factor int64, phasesToo bool) []string {
	t.Helper()
	r, err := recipes.Load("../../recipes/full-r1.yaml", recipes.Options{})
	if err != nil {
		t.Fatal(err)
	}
	var set []string
	multiply := func(path string, params map[string]any, names ...string) {
		for _, name := range names {
			switch v := params[name].(type) {
			case int64:
				set = append(set, fmt.Sprintf("%s.%s=%d", path, name, v*factor))
			case float64:
				set = append(set, fmt.Sprintf("%s.%s=%g", path, name, v*float64(factor)))
			}
		}
	}
	for _, s := range r.Stages {
		path := s.Name + ".params"
		switch s.Kind {
		case r1.KindGRPO:
			multiply(path, s.Params, "steps")
			if phasesToo {
				multiply(path, s.Params, "reference_refresh_steps")
			}
		case r1.KindSFT, r1.KindRewardModel:
			multiply(path, s.Params, "epochs")
		case r1.KindDistill:
			multiply(path, s.Students[0].Params, "epochs")
		}
	}
	return set
}

// oneJob is a run of one RL stage of one job.
func oneJob() []workflows.StageShape {
	return []workflows.StageShape{{Name: "zero", Kind: r1.KindGRPO, Title: "R1-Zero", Jobs: []workflows.JobShape{{Name: r1.MainJob, To: 1_040_000}}}}
}

// counted is what a run left in the history.
type counted struct {
	result     workflows.RunResult
	jobs       int
	attempts   int
	executions []execution
	heartbeat  int
}

func (e *engine) count(t *testing.T, name string, stages []workflows.StageShape, s *simulated) counted {
	t.Helper()
	budgets := workflows.DefaultBudgets()
	budgets.Preempted = 31 * 24 * time.Hour
	began := time.Now()
	result := e.drive(t, s, workflows.RunInput{
		Run: name, Recipe: "full-r1", Profile: "laptop", Owner: "ada", Stages: stages, Budgets: budgets,
		Links: workflows.Links{Report: "http://127.0.0.1:7243"},
	})
	all, err := e.histories(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	c := counted{result: result, jobs: len(s.jobs) + s.computed, attempts: len(s.attempts) + s.computed, executions: all, heartbeat: s.heartbeat}
	if result.Attempts != c.attempts {
		t.Errorf("%s: the run says %d attempts, %d were made", name, result.Attempts, c.attempts)
	}
	for _, x := range all {
		if len(x.events) > limitEvents/4 || x.bytes > limitBytes/4 {
			t.Errorf("%s: %s has %d events and %d bytes, want both below a quarter of the server's limits", name, x.id, len(x.events), x.bytes)
		}
	}
	if allowed := maxEventsPerRun + maxEventsPerJob*c.jobs + maxEventsPerAttempt*(c.attempts-c.jobs); c.events() > allowed {
		t.Errorf("%s: %d events for %d jobs in %d attempts, want at most %d", name, c.events(), c.jobs, c.attempts, allowed)
	}
	t.Logf("%s: %d jobs, %d attempts, %d executions, %d events in %s", name, c.jobs, c.attempts, len(all), c.events(), time.Since(began).Round(time.Millisecond))
	return c
}

func (c counted) events() int {
	n := 0
	for _, x := range c.executions {
		n += len(x.events)
	}
	return n
}

// TestHistoryIsBoundedPerLaunchedJob counts the laptop plan, and a job of many
// attempts on a server that asks for a new execution early.
func TestHistoryIsBoundedPerLaunchedJob(t *testing.T) {
	e := newEngine(t, 300)
	laptop := e.count(t, "laptop", workflows.Shape(plan(t, recipes.Options{})), &simulated{beats: 3})
	if laptop.jobs < 30 || laptop.heartbeat > 1000 {
		t.Errorf("%d jobs with heartbeats of %d bytes, want all of the laptop profile and short words", laptop.jobs, laptop.heartbeat)
	}
	many := e.count(t, "many", oneJob(), &simulated{preempt: map[string]int{"zero/main": 79}})
	stages := many.executions[1:]
	if len(stages) < 4 {
		t.Fatalf("%d executions of the stage for 80 attempts, want a new one every 300 events", len(stages))
	}
	for _, x := range stages {
		if len(x.events) > 350 {
			t.Errorf("a history of %d events on a server that asks for a new one after 300", len(x.events))
		}
	}
	if many.result.Ran != 1 || many.result.Attempts != 80 {
		t.Errorf("the run says %+v, want one job in 80 attempts", many.result)
	}
	e.replay(t, many.executions)
}

// replay makes sure that the histories of a stage that was renewed can be replayed.
func (e *engine) replay(t *testing.T, all []execution) {
	t.Helper()
	for _, x := range all {
		r := worker.NewWorkflowReplayer()
		workflows.Register(r)
		if err := r.ReplayWorkflowHistory(e.logger, historyOf(x)); err != nil {
			t.Errorf("%s does not replay: %v", x.id, err)
		}
	}
}

// TestWriteCounts writes docs/history.md. It takes minutes, and is run on purpose
// only (make history-counts).
func TestWriteCounts(t *testing.T) {
	if !golden.Updating() {
		t.Skip("needs -update")
	}
	e := newEngine(t, 0)
	preempted := func(n int) *simulated { return &simulated{preempt: map[string]int{"zero/main": n}} }
	same := longer(t, 100, true)
	more := longer(t, 100, false)
	cases := []struct {
		title string
		c     counted
	}{
		{"laptop profile", e.count(t, "laptop", workflows.Shape(plan(t, recipes.Options{})), &simulated{beats: 3})},
		{"laptop, 100 times the steps in phases 100 times as long", e.count(t, "longer", workflows.Shape(plan(t, recipes.Options{Set: same})), &simulated{beats: 300})},
		{"laptop, 100 times the steps in 100 times as many phases", e.count(t, "more", workflows.Shape(plan(t, recipes.Options{Set: more})), &simulated{beats: 3})},
		{"30 days, one attempt", e.count(t, "days-1", oneJob(), &simulated{beats: 30_000})},
		{"30 days, preempted every 12 hours", e.count(t, "days-60", oneJob(), preempted(59))},
		{"30 days, preempted every nine minutes", e.count(t, "days-5000", oneJob(), preempted(4999))},
	}
	var b strings.Builder
	b.WriteString(head)
	for _, c := range cases {
		fmt.Fprintf(&b, "| %s | %s |\n", c.title, c.c.line())
	}
	heartbeat := 0
	for _, c := range cases {
		heartbeat = max(heartbeat, c.c.heartbeat)
	}
	fmt.Fprintf(&b, tail, heartbeat)
	if err := os.WriteFile("../../docs/history.md", []byte(b.String()), 0o644); err != nil {
		t.Fatal(err)
	}
}
