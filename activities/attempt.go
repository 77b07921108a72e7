package activities

import (
	"context"
	"errors"
	"fmt"
	"path"
	"time"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/temporal"

	"github.com/r1ctl/r1ctl/internal/fault"
	"github.com/r1ctl/r1ctl/internal/r1"
	"github.com/r1ctl/r1ctl/internal/tasks"
)

// RunAttempt submits an attempt, or finds it again, follows it to its end, and
// commits what it made. It never launches a second process for a key, so it may
// itself be retried or run twice. When the workflow is cancelled it stops the
// attempt; when only this worker goes, the attempt lives on for the next one.
func (a *Activities) RunAttempt(ctx context.Context, ref tasks.AttemptRef) (tasks.AttemptEnd, error) {
	p := startPulse(ctx, tasks.Progress{Attempt: ref.Attempt, State: "submitting", Step: ref.Resume})
	defer p.stop()
	end, err := a.runAttempt(ctx, ref, p)
	if err == nil || !cancelled(ctx) {
		return end, err
	}
	// Wherever the cancellation came, also in the midst of a submission or before
	// this worker found the attempt again, nothing of the attempt goes on.
	p.set(func(now *tasks.Progress) { now.State = "stopping" })
	handle := r1.Handle{Launcher: a.Launcher.Name(), Key: ref.AttemptKey()}
	if err := a.stop(context.WithoutCancel(ctx), ref, handle); err != nil {
		return end, err
	}
	return end, ctx.Err()
}

// cancelled says whether the workflow cancelled the activity. Only that stops a
// job: an activity that timed out while this machine slept, say, or whose worker
// stops, is followed by another one.
func cancelled(ctx context.Context) bool {
	select {
	case <-activity.GetWorkerStopChannel(ctx):
		return false
	default:
		return ctx.Err() != nil && temporal.IsCanceledError(context.Cause(ctx))
	}
}

func (a *Activities) runAttempt(ctx context.Context, ref tasks.AttemptRef, p *pulse) (tasks.AttemptEnd, error) {
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
		Notice:    a.Site.StopGrace,
		Pass:      a.pass(job),
	})
	if err != nil {
		return tasks.AttemptEnd{}, classify(fmt.Errorf("submit %s: %w", ref.AttemptKey(), err))
	}
	fault.Point(fault.EngineSubmitted, ref.AttemptKey().String())
	handleKey := path.Join(ref.Layout().Attempt(ref.AttemptKey()), r1.HandleFile)
	if err := a.Store.PutJSON(ctx, handleKey, handle); err != nil {
		return tasks.AttemptEnd{}, fmt.Errorf("record the handle of %s: %w", ref.AttemptKey(), err)
	}
	fault.Point(fault.EngineFollowing, ref.AttemptKey().String())
	status, err := a.follow(ctx, ref, handle, p)
	if err != nil {
		return tasks.AttemptEnd{}, err
	}
	fault.Point(fault.EngineEnded, ref.AttemptKey().String())
	return a.conclude(ctx, ref, job, status)
}

// pass names the secrets that a job needs: the key of the endpoint that it asks.
func (a *Activities) pass(job *r1.PlannedJob) []string {
	if name := a.Site.EndpointKeys[r1.EndpointOf(job.Kind, job.Params)]; name != "" {
		return []string{name}
	}
	return nil
}

const (
	// statusWait bounds one question to the scheduler: an answer that takes longer is Unknown.
	statusWait = 30 * time.Second
	// heartbeatWait bounds the read of an agent's heartbeat: an S3 that gives no
	// answer must not keep the activity from looking at the attempt itself.
	heartbeatWait = 3 * time.Second
	// lookPause is how often an agent's heartbeat is read.
	lookPause = time.Second
	// silentAfter is when an agent that the launcher says is running, and that
	// writes no heartbeat while S3 can be read, is told of.
	silentAfter = 2 * time.Minute
)

// follow polls until the launcher says that the attempt has ended.
func (a *Activities) follow(ctx context.Context, ref tasks.AttemptRef, handle r1.Handle, p *pulse) (r1.Status, error) {
	ticker := time.NewTicker(a.Site.Poll)
	defer ticker.Stop()
	var readAt time.Time
	var heard hearing
	for {
		status, err := a.look(ctx, handle)
		switch {
		case ctx.Err() != nil:
			// handled by the select below
		case errors.Is(err, r1.ErrNotFound):
			return r1.Status{State: r1.StateEnded, Outcome: r1.NodeLost, Reason: "the launcher no longer knows the attempt"}, nil
		case err == nil && status.State == r1.StateEnded:
			return status, nil
		default:
			p.set(func(now *tasks.Progress) {
				now.State, now.Host = stateText(status, err)+heard.silence(time.Now()), status.Host
			})
		}
		if time.Since(readAt) > lookPause {
			readAt = time.Now()
			a.readProgress(ctx, ref, p, &heard)
		}
		select {
		case <-ticker.C:
		case <-activity.GetWorkerStopChannel(ctx):
			return r1.Status{}, fmt.Errorf("this worker is stopping; attempt %s goes on", ref.AttemptKey())
		case <-ctx.Done():
			return r1.Status{}, fmt.Errorf("follow %s: %w; the attempt goes on", ref.AttemptKey(), context.Cause(ctx))
		}
	}
}

// look asks the launcher once.
func (a *Activities) look(ctx context.Context, handle r1.Handle) (r1.Status, error) {
	ctx, cancel := context.WithTimeout(ctx, statusWait)
	defer cancel()
	return a.Launcher.Status(ctx, handle)
}

// stateText is a state for people: what cannot be known, with the reason.
func stateText(status r1.Status, err error) string {
	text := string(status.State)
	reason := status.Reason
	if err != nil {
		text, reason = string(r1.StateUnknown), err.Error()
	}
	if reason != "" {
		text += ": " + reason
	}
	return text
}

func (a *Activities) readProgress(ctx context.Context, ref tasks.AttemptRef, p *pulse, heard *hearing) {
	ctx, cancel := context.WithTimeout(ctx, heartbeatWait)
	defer cancel()
	var beat r1.Heartbeat
	err := a.Store.GetJSON(ctx, path.Join(ref.Layout().Attempt(ref.AttemptKey()), r1.HeartbeatFile), &beat)
	if err != nil {
		if !errors.Is(err, r1.ErrNotFound) {
			*heard = hearing{} // storage is away: that nothing is heard says nothing of the agent
		}
		return
	}
	heard.note(beat.Time, time.Now())
	p.set(func(now *tasks.Progress) { now.Saw(&beat) })
}

// hearing is when an agent was last heard. Its own clock may be wrong, so what
// counts is when its word changed.
type hearing struct {
	said, at time.Time
}

func (h *hearing) note(said, now time.Time) {
	if h.at.IsZero() || !said.Equal(h.said) {
		h.said, h.at = said, now
	}
}

// silence is what there is to say of an agent that was not heard for long.
func (h *hearing) silence(now time.Time) string {
	if h.at.IsZero() || now.Sub(h.at) < silentAfter {
		return ""
	}
	return fmt.Sprintf(", but its agent has been silent for %s", now.Sub(h.at).Round(time.Minute))
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
		select {
		case <-time.After(a.Site.Poll):
		case <-ctx.Done():
			return fmt.Errorf("attempt %s did not end within %s of being stopped", ref.AttemptKey(), a.Site.StopGrace+time.Minute)
		}
	}
}

// conclude reads the attempt's last word and commits a success that is proven. An
// attempt that ended without a result died with its agent: infrastructure, unless
// the launcher knows better.
func (a *Activities) conclude(ctx context.Context, ref tasks.AttemptRef, job *r1.PlannedJob, status r1.Status) (tasks.AttemptEnd, error) {
	res, err := a.result(ctx, ref.Layout(), ref.AttemptKey())
	switch {
	case errors.Is(err, r1.ErrNotFound):
		return lost(status), nil
	case err != nil:
		return tasks.AttemptEnd{}, err
	case res.Outcome != r1.Succeeded:
		return a.failed(ctx, ref, res)
	}
	spec, err := a.spec(ctx, ref.JobRef, ref.Attempt)
	if err != nil {
		return tasks.AttemptEnd{}, err
	}
	if problem := doubt(&spec, job, res); problem != nil {
		return tasks.AttemptEnd{Outcome: r1.Failed, Class: r1.ClassProgram, Name: problem.Name, Error: problem.Detail, Remedy: problem.Remedy, Step: res.Step}, nil
	}
	fault.Point(fault.EngineCommitting, ref.AttemptKey().String())
	if err := a.commitResult(ctx, ref, job, spec.Rollbacks, res); err != nil {
		return tasks.AttemptEnd{}, err
	}
	fault.Point(fault.EngineCommitted, ref.AttemptKey().String())
	return tasks.AttemptEnd{Committed: true, Outcome: r1.Succeeded, Step: res.Step, Metrics: keyMetrics(job.Kind, res.Metrics)}, nil
}

// lost is the end of an attempt that left no result of its own.
func lost(status r1.Status) tasks.AttemptEnd {
	detail := status.Reason
	if detail == "" {
		detail = fmt.Sprintf("the attempt ended (exit code %d) without a result", status.ExitCode)
	}
	e := &r1.Error{Name: "attempt-lost", Detail: detail,
		Remedy: "nothing to do, unless it happens again: then see the launcher's own log of the attempt, and its machine"}
	if status.Outcome == r1.Rejected {
		e = &r1.Error{Name: "attempt-rejected", Detail: detail,
			Remedy: "correct what the scheduler complains of: the site's resources, or the agent's configuration"}
	}
	return tasks.AttemptEnd{Outcome: status.Outcome, Class: classOf(status.Outcome), Name: e.Name, Error: e.Detail, Remedy: e.Remedy}
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
