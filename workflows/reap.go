package workflows

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/r1ctl/r1ctl/internal/r1"
	"github.com/r1ctl/r1ctl/internal/tasks"
)

// ReapRunInput starts Reap.
type ReapRunInput struct {
	tasks.RunRef
	Budgets Budgets `json:"budgets"`
	// Record is written when nothing lives any more; one without a state leaves
	// the run's record as it is.
	Record r1.RunRecord `json:"record,omitzero"`
}

// ReapResult is what Reap returns.
type ReapResult struct {
	// Notice names attempts that may live on, because nobody could be asked.
	Notice string `json:"notice,omitempty"`
}

// Reap stops what a run left alive when its own workflow can no longer do it.
func Reap(ctx workflow.Context, in ReapRunInput) (ReapResult, error) {
	notice, err := reapRun(ctx, in.RunRef, in.Budgets)
	if err != nil || in.Record.State == "" {
		return ReapResult{Notice: notice}, err
	}
	record := tasks.RunState{Recipe: in.Recipe, RunRecord: in.Record}
	record.Notice = notice
	if record.Ended.IsZero() {
		record.Ended = workflow.Now(ctx)
	}
	return ReapResult{Notice: notice}, recordRun(ctx, record)
}

// reapRun makes sure that no attempt of a run lives on: one whose activity was
// between two tries when it was cancelled, or that another execution launched.
// It says which may live on all the same. It works on a cancelled context too.
func reapRun(ctx workflow.Context, run tasks.RunRef, b Budgets) (notice string, err error) {
	detached, _ := workflow.NewDisconnectedContext(ctx)
	var attempts []tasks.AttemptRef
	if err := workflow.ExecuteActivity(short(detached, "look for attempts without an end"), tasks.FindUnended, run).Get(detached, &attempts); err != nil {
		return "", fmt.Errorf("look for attempts of run %s: %w", run.Run, err)
	}
	return reap(detached, b, attempts), nil
}

// reap stops attempts, each on the machine that can see it, all machines at once.
// A machine that is gone cannot be waited for without end: it has its time.
func reap(ctx workflow.Context, b Budgets, attempts []tasks.AttemptRef) (notice string) {
	var queues []string
	byQueue := map[string][]tasks.AttemptRef{}
	for _, a := range attempts {
		if !slices.Contains(queues, a.Queue) {
			queues = append(queues, a.Queue)
		}
		byQueue[a.Queue] = append(byQueue[a.Queue], a)
	}
	slices.Sort(queues)
	asked := make([]workflow.Future, 0, len(queues))
	for _, q := range queues {
		summary := fmt.Sprintf("stop what lives of %s", names(byQueue[q]))
		asked = append(asked, workflow.ExecuteActivity(reaping(ctx, q, summary, b), tasks.Reap, tasks.ReapInput{Attempts: byQueue[q]}))
	}
	var notices []string
	for i, q := range queues {
		if err := asked[i].Get(ctx, nil); err != nil {
			notices = append(notices, fmt.Sprintf("%s may still run: %s", names(byQueue[q]), unheard(q, err)))
		}
	}
	return strings.Join(notices, "; ")
}

// unheard says why nobody could be asked.
func unheard(queue string, err error) string {
	var timeout *temporal.TimeoutError
	if errors.As(err, &timeout) {
		return fmt.Sprintf("no worker serves %s in time; if its machine comes back, r1ctl cancel stops them", queue)
	}
	return fmt.Sprintf("%s: %s", queue, explain(err).Detail)
}

func names(attempts []tasks.AttemptRef) string {
	all := make([]string, 0, len(attempts))
	for _, a := range attempts {
		all = append(all, fmt.Sprintf("%s/%s attempt %d", a.Stage, a.Job, a.Attempt))
	}
	return strings.Join(all, ", ")
}

// reapStart is how long a machine has to begin to stop what lives: a worker that
// restarts is back by then.
const reapStart = time.Minute

func reaping(ctx workflow.Context, queue, summary string, b Budgets) workflow.Context {
	return workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		TaskQueue:              tasks.ReapQueue(queue),
		ScheduleToStartTimeout: reapStart,
		ScheduleToCloseTimeout: reapStart + b.Stop,
		StartToCloseTimeout:    b.Stop,
		HeartbeatTimeout:       15 * time.Second,
		RetryPolicy:            retryForever(),
		Summary:                shortened(summary),
	})
}
