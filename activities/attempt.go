package activities

import (
	"context"
	"errors"
	"fmt"
	"path"
	"time"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/temporal"

	"github.com/r1ctl/r1ctl/internal/r1"
	"github.com/r1ctl/r1ctl/internal/tasks"
)

// RunAttempt submits an attempt, or finds it again, follows it to its end, and
// commits what it made. It never launches a second process for a key, so it may
// itself be retried or run twice. When the workflow is cancelled it stops the
// attempt; when only this worker goes, the attempt lives on for the next one.
func (a *Activities) RunAttempt(ctx context.Context, ref tasks.AttemptRef) (tasks.AttemptEnd, error) {
	job, err := a.planned(ctx, ref.JobRef)
	if err != nil {
		return tasks.AttemptEnd{}, err
	}
	handle, err := a.Launcher.Submit(ctx, r1.Launch{
		Key:       ref.AttemptKey(),
		Bucket:    a.Bucket,
		SpecKey:   specKey(ref.JobRef, ref.Attempt),
		Resources: a.Site.Resources,
		Walltime:  a.Site.Walltime,
	})
	if err != nil {
		return tasks.AttemptEnd{}, classify(fmt.Errorf("submit %s: %w", ref.AttemptKey(), err))
	}
	handleKey := path.Join(ref.Layout().Attempt(ref.AttemptKey()), r1.HandleFile)
	if err := a.Store.PutJSON(ctx, handleKey, handle); err != nil {
		return tasks.AttemptEnd{}, fmt.Errorf("record the handle of %s: %w", ref.AttemptKey(), err)
	}
	status, err := a.follow(ctx, ref, handle)
	if err != nil {
		return tasks.AttemptEnd{}, err
	}
	return a.conclude(ctx, ref, job, status)
}

// follow polls until the launcher says that the attempt has ended.
func (a *Activities) follow(ctx context.Context, ref tasks.AttemptRef, handle r1.Handle) (r1.Status, error) {
	ticker := time.NewTicker(a.Site.Poll)
	defer ticker.Stop()
	progress := tasks.Progress{Attempt: ref.Attempt, Step: ref.Resume}
	var readAt time.Time
	for {
		status, err := a.Launcher.Status(ctx, handle)
		switch {
		case ctx.Err() != nil:
			// handled by the select below
		case errors.Is(err, r1.ErrNotFound):
			return r1.Status{State: r1.StateEnded, Outcome: r1.NodeLost, Reason: "the launcher no longer knows the attempt"}, nil
		case err != nil:
			progress.State = "unknown: " + err.Error()
		case status.State == r1.StateEnded:
			return status, nil
		default:
			progress.State, progress.Host = string(status.State), status.Host
		}
		if time.Since(readAt) > time.Second {
			readAt = time.Now()
			a.readProgress(ctx, ref, &progress)
			activity.RecordHeartbeat(ctx, progress)
		}
		select {
		case <-ticker.C:
		case <-activity.GetWorkerStopChannel(ctx):
			return r1.Status{}, fmt.Errorf("this worker is stopping; attempt %s goes on", ref.AttemptKey())
		case <-ctx.Done():
			select {
			case <-activity.GetWorkerStopChannel(ctx):
				return r1.Status{}, fmt.Errorf("this worker is stopping; attempt %s goes on", ref.AttemptKey())
			default:
			}
			// Only the workflow's own cancellation stops a job. An activity that timed
			// out while this machine slept, say, is followed by another one.
			if !temporal.IsCanceledError(context.Cause(ctx)) {
				return r1.Status{}, fmt.Errorf("follow %s: %w; the attempt goes on", ref.AttemptKey(), context.Cause(ctx))
			}
			if err := a.stop(context.WithoutCancel(ctx), ref, handle); err != nil {
				return r1.Status{}, err
			}
			return r1.Status{}, ctx.Err()
		}
	}
}

func (a *Activities) readProgress(ctx context.Context, ref tasks.AttemptRef, p *tasks.Progress) {
	var beat r1.Heartbeat
	if err := a.Store.GetJSON(ctx, path.Join(ref.Layout().Attempt(ref.AttemptKey()), r1.HeartbeatFile), &beat); err != nil {
		return // not written yet, or storage is away: progress waits
	}
	p.Step, p.Total = max(p.Step, beat.Step), beat.Total
	if beat.Checkpoint != nil {
		p.Checkpoint = beat.Checkpoint.Step
	}
}

// stop ends an attempt and waits until it is gone, so that a cancelled run
// leaves nothing behind.
func (a *Activities) stop(ctx context.Context, ref tasks.AttemptRef, handle r1.Handle) error {
	ctx, cancel := context.WithTimeout(ctx, a.Site.StopGrace+time.Minute)
	defer cancel()
	if err := a.Launcher.Stop(ctx, handle, a.Site.StopGrace); err != nil {
		return fmt.Errorf("stop %s: %w", ref.AttemptKey(), err)
	}
	for {
		status, err := a.Launcher.Status(ctx, handle)
		if errors.Is(err, r1.ErrNotFound) || (err == nil && status.State == r1.StateEnded) {
			return nil
		}
		activity.RecordHeartbeat(ctx, tasks.Progress{Attempt: ref.Attempt, State: "stopping"})
		select {
		case <-time.After(a.Site.Poll):
		case <-ctx.Done():
			return fmt.Errorf("attempt %s did not end within %s of being stopped", ref.AttemptKey(), a.Site.StopGrace+time.Minute)
		}
	}
}

// conclude reads the attempt's last word and commits a success. An attempt
// that ended without a result died with its agent: infrastructure, unless the
// launcher knows better.
func (a *Activities) conclude(ctx context.Context, ref tasks.AttemptRef, job *r1.PlannedJob, status r1.Status) (tasks.AttemptEnd, error) {
	res, err := a.result(ctx, ref.Layout(), ref.AttemptKey())
	switch {
	case errors.Is(err, r1.ErrNotFound):
		end := tasks.AttemptEnd{Outcome: status.Outcome, Class: classOf(status.Outcome), Error: status.Reason}
		if end.Error == "" {
			end.Error = fmt.Sprintf("the attempt ended (exit code %d) without a result", status.ExitCode)
		}
		return end, nil
	case err != nil:
		return tasks.AttemptEnd{}, err
	case res.Outcome != r1.Succeeded:
		class := res.Class
		if class == r1.ClassStopped {
			class = r1.ClassPreempted // nobody here asked for it
		}
		return tasks.AttemptEnd{Outcome: res.Outcome, Class: class, Error: res.Error, Step: res.Step}, nil
	}
	for _, o := range job.Outputs {
		if _, ok := res.Outputs[o.Name]; !ok {
			return tasks.AttemptEnd{Outcome: r1.Failed, Class: r1.ClassProgram, Error: fmt.Sprintf("the result lacks the declared output %q", o.Name)}, nil
		}
	}
	if err := a.commitResult(ctx, ref, job, res); err != nil {
		return tasks.AttemptEnd{}, err
	}
	return tasks.AttemptEnd{Committed: true, Outcome: r1.Succeeded, Step: res.Step}, nil
}

// classOf is the failure class of an attempt that left no result of its own.
func classOf(o r1.Outcome) r1.Class {
	switch o {
	case r1.OutOfMemory:
		return r1.ClassOOM
	case r1.Preempted, r1.TimedOut, r1.Stopped:
		return r1.ClassPreempted
	case r1.Rejected:
		return r1.ClassConfig
	default:
		return r1.ClassInfrastructure
	}
}
