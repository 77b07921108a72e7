package activities

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/r1ctl/r1ctl/internal/r1"
	"github.com/r1ctl/r1ctl/internal/tasks"
)

// FindCommit looks for the job's commit, and where there is none for an equal
// job of another run, whose commit it then repeats here: nothing runs twice.
func (a *Activities) FindCommit(ctx context.Context, ref tasks.JobRef) (tasks.Found, error) {
	job, err := a.planned(ctx, ref)
	if err != nil {
		return tasks.Found{}, err
	}
	commit, err := a.Store.FindCommit(ctx, ref.Layout(), ref.Key())
	if err == nil {
		return tasks.Found{Committed: true, Reused: commit.ReusedFrom != nil, From: commit.ReusedFrom}, nil
	}
	if !errors.Is(err, r1.ErrNotFound) {
		return tasks.Found{}, fmt.Errorf("look for the commit of %s: %w", ref.Key(), err)
	}
	equal, err := a.Store.FindByFingerprint(ctx, job.Fingerprint)
	if errors.Is(err, r1.ErrNotFound) {
		return tasks.Found{}, nil
	}
	if err != nil {
		return tasks.Found{}, fmt.Errorf("look for a job equal to %s: %w", ref.Key(), err)
	}
	now := time.Now().UTC()
	from := equal.Key
	if equal.ReusedFrom != nil {
		from = *equal.ReusedFrom
	}
	repeat := equal
	repeat.Key, repeat.Attempt, repeat.ReusedFrom = ref.Key(), 0, &from
	repeat.Started, repeat.Ended = now, now
	won, _, err := a.Store.Commit(ctx, ref.Layout(), repeat)
	if err != nil {
		return tasks.Found{}, fmt.Errorf("commit %s as a reuse of %s: %w", ref.Key(), from, err)
	}
	return tasks.Found{Committed: true, Reused: won.ReusedFrom != nil, From: won.ReusedFrom}, nil
}

// commitResult makes a finished attempt's outputs the job's. The first
// complete attempt wins; a later one is told so and changes nothing.
func (a *Activities) commitResult(ctx context.Context, ref tasks.AttemptRef, job *r1.PlannedJob, res r1.Result) error {
	_, _, err := a.Store.Commit(ctx, ref.Layout(), r1.Commit{
		Version:     1,
		Key:         ref.Key(),
		Kind:        job.Kind,
		Fingerprint: job.Fingerprint,
		Attempt:     ref.Attempt,
		Outputs:     res.Outputs,
		Metrics:     res.Metrics,
		Funnel:      res.Funnel,
		Steps:       res.Step,
		Started:     res.Started,
		Ended:       res.Ended,
	})
	if err != nil {
		return fmt.Errorf("commit %s: %w", ref.AttemptKey(), err)
	}
	return nil
}
