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
	renew *renewal
	said  *teller
	tries *tries
}

// runJob brings one job to its commit: an existing commit (of this run, or of
// an equal job of an earlier one) ends it at once; otherwise attempts are made
// until one commits or the budget of its failure class is spent.
func runJob(ctx workflow.Context, j jobRun) (jobResult, error) {
	in, shape, hold := j.in, j.shape, j.hold
	j.ref = tasks.JobRef{Recipe: in.Recipe, Run: in.Run, Stage: in.Stage.Name, Job: shape.Name, Amendment: in.Amendment}
	hold.jobs++
	defer func() { hold.jobs-- }()
	j.set(ctx, func(r *jobRow) {
		if r.state != r1.RunRunning { // else an execution of the stage before this one has begun it
			r.state, r.started, r.tries = r1.RunRunning, workflow.Now(ctx), nil
		}
		j.tries = r.tries
	})
	result, err := j.run(ctx)
	j.renew.progress = true
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
	if err := j.renew.park(ctx, j.hold); err != nil {
		return jobResult{}, err
	}
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
	if j.in.Stage.Kind.Computed() || j.shape.Joins {
		return j.compute(ctx)
	}
	return j.attempts(ctx)
}

// compute runs a job in the worker. A pause that stops it makes it begin again: it
// saves little on its way, and takes minutes.
func (j jobRun) compute(ctx workflow.Context) (jobResult, error) {
	done := jobResult{}
	for {
		if err := j.renew.park(ctx, j.hold); err != nil {
			return done, err
		}
		if _, err := j.pause(ctx); err != nil {
			return done, err
		}
		done.attempts++
		var computed tasks.Computed
		stopped, err := j.hold.guard(ctx, j.ref.Job, func(ctx workflow.Context) error {
			return workflow.ExecuteActivity(compute(ctx, j.computing()), tasks.Compute, j.ref).Get(ctx, &computed)
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

// computing is what a computed job does.
func (j jobRun) computing() string {
	switch {
	case j.shape.Joins:
		return "join the shards of " + j.name()
	case j.in.Stage.Kind == r1.KindPublish:
		return "publish: " + j.name()
	}
	return "curate " + j.name()
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
	t := j.tries
	if t == nil {
		t = &tries{Since: workflow.Now(ctx)}
		j.set(ctx, func(r *jobRow) { r.tries = t })
	}
	for {
		if err := j.renew.park(ctx, j.hold); err != nil {
			return jobResult{attempts: t.Launched}, err
		}
		run, err := j.attempt(ctx, t)
		attempt, end := run.ref, run.end
		t.Since = t.Since.Add(run.paused) // a pause is no preemption
		if run.ran {
			t.Launched++
			j.renew.progress = true
		}
		done := jobResult{attempts: t.Launched}
		if err == nil && run.stopped {
			t.After, t.Class = attempt.Attempt-1, "" // it may have been done just before it was stopped
			continue
		}
		if err != nil || end.Committed {
			return done, err
		}
		if !t.failed(workflow.Now(ctx), attempt.Attempt, end, j.in.Budgets) {
			return done, fail(jobError(attempt, end))
		}
		if end.Class == r1.ClassInfrastructure || end.Class == r1.ClassCapacity {
			if err := j.wait(ctx, t.backoff(j.in.Budgets), t.After+1, end.Class); err != nil {
				return done, err
			}
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

// attempt makes the next attempt, to its end.
func (j jobRun) attempt(ctx workflow.Context, t *tries) (attemptRun, error) {
	var run attemptRun
	before, err := j.pause(ctx)
	if err != nil {
		return run, err
	}
	summary := "prepare " + j.name()
	if t.After > 0 {
		summary = fmt.Sprintf("%s, after attempt %d", summary, t.After)
	}
	prepare := tasks.PrepareInput{JobRef: j.ref, After: t.After, Class: t.Class}
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
	note := AttemptNote{Stage: ref.Stage, Job: ref.Job, Attempt: ref.Attempt, Resume: ref.Resume, RolledBack: ref.RolledBack}
	told := false // by the execution of the stage before this one, which left the attempt alive
	j.set(ctx, func(r *jobRow) {
		told = j.in.Renewed != nil && r.newest.Attempt == ref.Attempt
		r.newest = note
	})
	if !told {
		j.said.tell(ctx, note, t.Launched > 0)
	}
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

// attemptSummary is such as "train zero phase-02, attempt 2, from step 60 (rolled
// back to step 60 by kl: learning_rate 0.0001 → 5e-05)".
func (j jobRun) attemptSummary(ref tasks.AttemptRef) string {
	text := fmt.Sprintf("%s %s, attempt %d", verb(j.in.Stage.Kind), j.name(), ref.Attempt)
	if from := max(ref.Resume, j.shape.From); from > 0 {
		text += fmt.Sprintf(", from step %d", from)
	}
	if ref.RolledBack != "" {
		text += " (" + ref.RolledBack + ")"
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

// short is for activities that read and write a few small objects. They are
// retried for as long as storage is away: an outage is waited out, not failed.
func short(ctx workflow.Context, summary string) workflow.Context {
	return workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		TaskQueue:           QueueControl,
		StartToCloseTimeout: 5 * time.Minute,
		HeartbeatTimeout:    10 * time.Second, // the worker beats for them: see worker.beating
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
// A lost worker is noticed by its missing heartbeat; the next one re-attaches. Both
// soon, however often it happened before: a tenth restart finds its trainer as fast
// as the first. A worker that was only slow may be followed by a second one, which does no harm.
func launched(ctx workflow.Context, queue, summary string) workflow.Context {
	return workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		TaskQueue:           queue,
		StartToCloseTimeout: 365 * 24 * time.Hour,
		HeartbeatTimeout:    5 * time.Second,
		WaitForCancellation: true,
		RetryPolicy:         &temporal.RetryPolicy{InitialInterval: time.Second, BackoffCoefficient: 1},
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
