package workflows

import (
	"fmt"
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/r1ctl/r1ctl/internal/r1"
	"github.com/r1ctl/r1ctl/internal/tasks"
)

type jobResult struct {
	attempts int
	reused   bool
}

// jobRun is one job on its way to its commit.
type jobRun struct {
	in    StageInput
	ref   tasks.JobRef
	shape JobShape
	table *jobTable
	hold  *hold
}

// runJob brings one job to its commit: an existing commit (of this run, or of
// an equal job of an earlier one) ends it at once; otherwise attempts are made
// until one commits or the budget of its failure class is spent.
func runJob(ctx workflow.Context, in StageInput, shape JobShape, table *jobTable, hold *hold) (jobResult, error) {
	j := jobRun{in: in, shape: shape, table: table, hold: hold}
	j.ref = tasks.JobRef{Recipe: in.Recipe, Run: in.Run, Stage: in.Stage.Name, Job: shape.Name, Amendment: in.Amendment}
	hold.jobs++
	defer func() { hold.jobs-- }()
	j.set(ctx, func(r *jobRow) { r.state, r.started = r1.RunRunning, workflow.Now(ctx) })
	result, err := j.run(ctx)
	j.set(ctx, func(r *jobRow) {
		r.ended = workflow.Now(ctx)
		switch {
		case err == nil:
			r.state = r1.RunCompleted
		case temporal.IsCanceledError(err) || ctx.Err() != nil:
			r.state = r1.RunCancelled
		default:
			r.state, r.err = r1.RunFailed, explain(err)
		}
	})
	return result, err
}

func (j jobRun) set(ctx workflow.Context, change func(*jobRow)) { j.table.set(ctx, j.ref.Job, change) }

// name is the job for people: a stage's only job goes by the stage's name.
func (j jobRun) name() string {
	if j.ref.Job == r1.MainJob {
		return j.ref.Stage
	}
	return j.ref.Stage + " " + j.ref.Job
}

func (j jobRun) run(ctx workflow.Context) (jobResult, error) {
	var found tasks.Found
	if err := workflow.ExecuteActivity(short(ctx, "look for a commit of "+j.name()), tasks.FindCommit, j.ref).Get(ctx, &found); err != nil {
		return jobResult{}, err
	}
	if found.Committed {
		j.set(ctx, func(r *jobRow) {
			r.metrics, r.step, r.newest.Attempt, r.note = found.Metrics, found.Step, found.Attempt, "committed before"
			if found.From != nil {
				r.note = "reused from " + found.From.Run
			}
		})
		return jobResult{reused: found.Reused}, nil
	}
	if j.in.Stage.Kind != r1.KindCurate {
		return j.attempts(ctx)
	}
	return j.compute(ctx)
}

// compute runs a curate job. A pause that stops it makes it begin again: it saves
// nothing on its way, and takes minutes.
func (j jobRun) compute(ctx workflow.Context) (jobResult, error) {
	done := jobResult{}
	for {
		if _, err := j.pause(ctx); err != nil {
			return done, err
		}
		done.attempts++
		var computed tasks.Computed
		stopped, err := j.hold.guard(ctx, j.ref.Job, func(ctx workflow.Context) error {
			return workflow.ExecuteActivity(compute(ctx, "curate "+j.name()), tasks.Compute, j.ref).Get(ctx, &computed)
		})
		if stopped {
			continue
		}
		if err == nil {
			j.set(ctx, func(r *jobRow) { r.metrics = computed.Metrics })
		}
		return done, err
	}
}

// pause waits for the end of a pause, and says how long that took.
func (j jobRun) pause(ctx workflow.Context) (time.Duration, error) {
	if !j.hold.paused() {
		return 0, nil
	}
	j.set(ctx, func(r *jobRow) { r.state = r1.RunPaused })
	took, err := j.hold.wait(ctx)
	j.set(ctx, func(r *jobRow) { r.state = r1.RunRunning })
	return took, err
}

func (j jobRun) attempts(ctx workflow.Context) (jobResult, error) {
	var done jobResult
	left := j.in.Budgets
	started := workflow.Now(ctx)
	backoff := left.Backoff
	last := 0
	for {
		run, err := j.attempt(ctx, last)
		attempt, end := run.ref, run.end
		started = started.Add(run.paused) // a pause is no preemption
		if run.ran {
			done.attempts++
		}
		if err == nil && run.stopped {
			last = attempt.Attempt - 1 // it may have been done just before it was stopped
			continue
		}
		if err != nil || end.Committed {
			return done, err
		}
		last = attempt.Attempt
		again := false
		switch end.Class {
		case r1.ClassPreempted:
			again = workflow.Now(ctx).Sub(started) < left.Preempted
		case r1.ClassInfrastructure, r1.ClassCapacity:
			again = left.Infrastructure > 0
			left.Infrastructure--
			if again {
				if err := j.wait(ctx, backoff, last+1, end.Class); err != nil {
					return done, err
				}
				backoff = min(2*backoff, time.Minute)
			}
		case r1.ClassProgram:
			again = left.Program > 0
			left.Program--
		}
		if !again {
			return done, fail(jobError(attempt, end))
		}
	}
}

// attemptRun is what became of an attempt.
type attemptRun struct {
	ref     tasks.AttemptRef
	end     tasks.AttemptEnd
	ran     bool          // it was submitted, or found again
	stopped bool          // by a pause, which is no end of its own
	paused  time.Duration // how long it waited for the end of a pause before
}

// attempt makes the next attempt after number last, to its end.
func (j jobRun) attempt(ctx workflow.Context, last int) (attemptRun, error) {
	var run attemptRun
	before, err := j.pause(ctx)
	if err != nil {
		return run, err
	}
	summary := "prepare " + j.name()
	if last > 0 {
		summary = fmt.Sprintf("%s, after attempt %d", summary, last)
	}
	prepare := tasks.PrepareInput{JobRef: j.ref, After: last}
	if err := workflow.ExecuteActivity(short(ctx, summary), tasks.PrepareAttempt, prepare).Get(ctx, &run.ref); err != nil {
		return run, err
	}
	ref := run.ref
	between, err := j.pause(ctx) // nothing is submitted yet
	run.paused = before + between
	if err != nil {
		return run, err
	}
	run.ran = true
	note := AttemptNote{Stage: ref.Stage, Job: ref.Job, Attempt: ref.Attempt, Resume: ref.Resume}
	j.set(ctx, func(r *jobRow) { r.newest = note })
	tell(ctx, note)
	run.stopped, err = j.hold.guard(ctx, j.ref.Job, func(ctx workflow.Context) error {
		return workflow.ExecuteActivity(launched(ctx, ref.Queue, j.attemptSummary(ref)), tasks.RunAttempt, ref).Get(ctx, &run.end)
	})
	if run.stopped {
		return run, j.stopped(ctx, ref)
	}
	if err == nil {
		j.set(ctx, func(r *jobRow) {
			r.step, r.metrics = run.end.Step, run.end.Metrics
			if !run.end.Committed {
				r.last = fmt.Sprintf("attempt %d, %s: %s", ref.Attempt, run.end.Class, reason(run.end))
			}
		})
	}
	return run, err
}

// stopped makes sure that an attempt that a pause has stopped is gone: where its
// activity was between two tries, none has seen the cancellation.
func (j jobRun) stopped(ctx workflow.Context, ref tasks.AttemptRef) error {
	notice := reap(ctx, j.in.Budgets, []tasks.AttemptRef{ref})
	text := fmt.Sprintf("attempt %d was stopped by a pause", ref.Attempt)
	if notice != "" {
		text = notice
	}
	j.set(ctx, func(r *jobRow) { r.last = text })
	return ctx.Err()
}

// attemptSummary is such as "train zero phase-02, attempt 1, from step 60".
func (j jobRun) attemptSummary(ref tasks.AttemptRef) string {
	text := fmt.Sprintf("%s %s, attempt %d", verb(j.in.Stage.Kind), j.name(), ref.Attempt)
	if from := max(ref.Resume, j.shape.From); from > 0 {
		text += fmt.Sprintf(", from step %d", from)
	}
	return text
}

// verb is what an attempt of a kind does.
func verb(k r1.Kind) string {
	switch k {
	case r1.KindBase:
		return "obtain"
	case r1.KindSample:
		return "sample"
	case r1.KindEvaluate:
		return "measure"
	default:
		return "train"
	}
}

func (j jobRun) wait(ctx workflow.Context, d time.Duration, next int, why r1.Class) error {
	text := fmt.Sprintf("wait %s before attempt %d: %s", d, next, why)
	j.set(ctx, func(r *jobRow) { r.note = text })
	err := workflow.NewTimerWithOptions(ctx, d, workflow.TimerOptions{Summary: text}).Get(ctx, nil)
	j.set(ctx, func(r *jobRow) { r.note = "" })
	return err
}

// tell lets the run's table show an attempt. Nothing waits for it, and a run
// that is gone need not hear it.
func tell(ctx workflow.Context, note AttemptNote) {
	if parent := workflow.GetInfo(ctx).ParentWorkflowExecution; parent != nil {
		workflow.SignalExternalWorkflow(ctx, parent.ID, parent.RunID, attemptSignal, note)
	}
}

// short is for activities that read and write a few small objects. They are
// retried for as long as storage is away: an outage is waited out, not failed.
func short(ctx workflow.Context, summary string) workflow.Context {
	return workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		TaskQueue:           QueueControl,
		StartToCloseTimeout: 5 * time.Minute,
		RetryPolicy:         retryForever(),
		Summary:             shortened(summary),
	})
}

func compute(ctx workflow.Context, summary string) workflow.Context {
	return workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		TaskQueue:           QueueControl,
		StartToCloseTimeout: 7 * 24 * time.Hour,
		HeartbeatTimeout:    15 * time.Second,
		WaitForCancellation: true,
		RetryPolicy:         retryForever(),
		Summary:             shortened(summary),
	})
}

// launched is for RunAttempt, which may last as long as a job waits and trains.
// A lost worker is noticed by its missing heartbeat; the next one re-attaches.
func launched(ctx workflow.Context, queue, summary string) workflow.Context {
	return workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		TaskQueue:           queue,
		StartToCloseTimeout: 365 * 24 * time.Hour,
		HeartbeatTimeout:    10 * time.Second,
		WaitForCancellation: true,
		RetryPolicy:         retryForever(),
		Summary:             shortened(summary),
	})
}

func retryForever() *temporal.RetryPolicy {
	return &temporal.RetryPolicy{
		InitialInterval:    time.Second,
		BackoffCoefficient: 2,
		MaximumInterval:    30 * time.Second,
	}
}
