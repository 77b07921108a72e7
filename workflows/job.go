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

// runJob brings one job to its commit: an existing commit (of this run, or of
// an equal job of an earlier one) ends it at once; otherwise attempts are made
// until one commits or the budget of its failure class is spent.
func runJob(ctx workflow.Context, in StageInput, job string) (jobResult, error) {
	ref := tasks.JobRef{Recipe: in.Recipe, Run: in.Run, Stage: in.Stage.Name, Job: job}
	var found tasks.Found
	if err := workflow.ExecuteActivity(short(ctx, "look for a commit of "+job), tasks.FindCommit, ref).Get(ctx, &found); err != nil {
		return jobResult{}, err
	}
	if found.Committed {
		return jobResult{reused: found.Reused}, nil
	}
	if in.Stage.Kind == r1.KindCurate {
		if err := workflow.ExecuteActivity(compute(ctx, job), tasks.Compute, ref).Get(ctx, nil); err != nil {
			return jobResult{attempts: 1}, err
		}
		return jobResult{attempts: 1}, nil
	}
	return attempts(ctx, in, ref)
}

func attempts(ctx workflow.Context, in StageInput, ref tasks.JobRef) (jobResult, error) {
	var done jobResult
	left := in.Budgets
	started := workflow.Now(ctx)
	backoff := left.Backoff
	last := 0
	for {
		var attempt tasks.AttemptRef
		prepare := tasks.PrepareInput{JobRef: ref, After: last}
		if err := workflow.ExecuteActivity(short(ctx, "prepare an attempt of "+ref.Job), tasks.PrepareAttempt, prepare).Get(ctx, &attempt); err != nil {
			return done, err
		}
		last = attempt.Attempt
		done.attempts++
		var end tasks.AttemptEnd
		summary := fmt.Sprintf("%s %s, attempt %d", ref.Stage, ref.Job, attempt.Attempt)
		if err := workflow.ExecuteActivity(launched(ctx, attempt.Queue, summary), tasks.RunAttempt, attempt).Get(ctx, &end); err != nil {
			return done, err
		}
		if end.Committed {
			return done, nil
		}
		again := false
		switch end.Class {
		case r1.ClassPreempted:
			again = workflow.Now(ctx).Sub(started) < left.Preempted
		case r1.ClassInfrastructure, r1.ClassCapacity:
			again = left.Infrastructure > 0
			left.Infrastructure--
			if again {
				if err := workflow.Sleep(ctx, backoff); err != nil {
					return done, err
				}
				backoff = min(2*backoff, time.Minute)
			}
		case r1.ClassProgram:
			again = left.Program > 0
			left.Program--
		}
		if !again {
			return done, temporal.NewNonRetryableApplicationError(
				fmt.Sprintf("%s/%s failed (%s) in attempt %d: %s", ref.Stage, ref.Job, end.Class, attempt.Attempt, end.Error),
				"job-failed", nil, end)
		}
	}
}

// short is for activities that read and write a few small objects. They are
// retried for as long as storage is away: an outage is waited out, not failed.
func short(ctx workflow.Context, summary string) workflow.Context {
	return workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		TaskQueue:           QueueControl,
		StartToCloseTimeout: 5 * time.Minute,
		RetryPolicy:         retryForever(),
		Summary:             summary,
	})
}

func compute(ctx workflow.Context, job string) workflow.Context {
	return workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		TaskQueue:           QueueControl,
		StartToCloseTimeout: 7 * 24 * time.Hour,
		HeartbeatTimeout:    15 * time.Second,
		WaitForCancellation: true,
		RetryPolicy:         retryForever(),
		Summary:             "curate " + job,
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
		Summary:             summary,
	})
}

func retryForever() *temporal.RetryPolicy {
	return &temporal.RetryPolicy{
		InitialInterval:    time.Second,
		BackoffCoefficient: 2,
		MaximumInterval:    30 * time.Second,
	}
}
