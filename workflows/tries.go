package workflows

import (
	"fmt"
	"strings"
	"time"

	"go.temporal.io/sdk/workflow"

	"github.com/r1ctl/r1ctl/internal/r1"
	"github.com/r1ctl/r1ctl/internal/tasks"
)

// tries are the attempts of a job so far, in this execution of the run.
type tries struct {
	After    int       `json:"after,omitempty"`    // attempts up to this one have ended
	Class    r1.Class  `json:"class,omitempty"`    // how that one failed
	Launched int       `json:"launched,omitempty"` // how many this run's execution has launched
	Since    time.Time `json:"since"`              // since when, less what was paused
	// Ends counts the failed ones, each class apart.
	Ends map[r1.Class]int `json:"ends,omitempty"`
	// RolledBack counts those that a guard has ended, and that were followed by a
	// roll-back. Its policy bounds them: they are on no budget.
	RolledBack int `json:"rolled_back,omitempty"`
}

// failed takes note of an attempt that failed, and says whether another one follows:
// a roll-back, or what the budget of its class has left. Preemption is bounded by
// time and never counts as an error.
func (t *tries) failed(now time.Time, attempt int, end tasks.AttemptEnd, b Budgets) bool {
	if t.Ends == nil {
		t.Ends = map[r1.Class]int{}
	}
	class := end.Class
	t.After, t.Class = attempt, class
	if end.RollsBack {
		t.RolledBack++
		return true
	}
	t.Ends[class]++
	switch class {
	case r1.ClassPreempted:
		return now.Sub(t.Since) < b.Preempted
	case r1.ClassInfrastructure, r1.ClassCapacity:
		return t.machines() <= b.Infrastructure
	case r1.ClassProgram:
		return t.Ends[class] <= b.Program
	}
	return false
}

// machines counts what the budget for infrastructure is spent on.
func (t *tries) machines() int { return t.Ends[r1.ClassInfrastructure] + t.Ends[r1.ClassCapacity] }

// backoff is the wait before the next attempt after trouble with machines.
func (t *tries) backoff(b Budgets) time.Duration {
	d := b.Backoff
	for n := 1; n < t.machines() && d < time.Minute; n++ {
		d *= 2
	}
	return min(d, max(b.Backoff, time.Minute))
}

// spent says how the attempts before ended, and how much of each budget that took,
// such as "1 infrastructure of 5, 3 preempted in 2h0m0s of 168h0m0s".
func (t *tries) spent(now time.Time, b Budgets) string {
	var parts []string
	if n := t.Ends[r1.ClassProgram]; n > 0 {
		parts = append(parts, fmt.Sprintf("%d program of %d", n, b.Program))
	}
	if n := t.machines(); n > 0 {
		parts = append(parts, fmt.Sprintf("%d infrastructure of %d", n, b.Infrastructure))
	}
	if n := t.Ends[r1.ClassPreempted]; n > 0 {
		parts = append(parts, fmt.Sprintf("%d preempted in %s of %s", n, now.Sub(t.Since).Round(time.Second), b.Preempted))
	}
	if t.RolledBack > 0 {
		parts = append(parts, fmt.Sprintf("%d rolled back", t.RolledBack))
	}
	return strings.Join(parts, ", ")
}

const (
	// tellAll is how many attempts of a stage its run is told of, each one. Of what
	// comes then it is told whenever the number has grown by a sixteenth: a run of
	// thousands of attempts must not fill the history of the run.
	tellAll     = 64
	tellVersion = "tell-fewer"
)

// teller tells a stage's run of attempts.
type teller struct {
	launched int // attempts so far
	retried  int // of these, those that were not the first of their job
	told     int // the number of the last one told
}

// due says whether the newest attempt is one to tell of.
func (t *teller) due() bool { return t.launched <= tellAll || t.launched >= t.told+t.told/16 }

// tell lets the run's table show an attempt. Nothing waits for it, and a run
// that is gone need not hear it.
func (t *teller) tell(ctx workflow.Context, note AttemptNote, again bool) {
	t.launched++
	if again {
		t.retried++
	}
	if !t.due() && workflow.GetVersion(ctx, tellVersion, workflow.DefaultVersion, 1) != workflow.DefaultVersion {
		return
	}
	t.told = t.launched
	note.Launched, note.Retried = t.launched, t.retried
	if parent := workflow.GetInfo(ctx).ParentWorkflowExecution; parent != nil {
		workflow.SignalExternalWorkflow(ctx, parent.ID, parent.RunID, attemptSignal, note)
	}
}

// retries are the budgets as the run's record has them.
func (b Budgets) retries() *r1.Retries {
	preempted := r1.Duration(b.Preempted)
	return &r1.Retries{Program: &b.Program, Infrastructure: &b.Infrastructure, Preempted: &preempted}
}
