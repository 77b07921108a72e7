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
		return found(commit), nil
	}
	if !errors.Is(err, r1.ErrNotFound) {
		return tasks.Found{}, fmt.Errorf("look for the commit of %s: %w", ref.Key(), err)
	}
	equal, err := a.Store.FindByFingerprint(ctx, job.Fingerprint)
	if errors.Is(err, r1.ErrNotFound) {
		return a.spared(ctx, ref)
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
	repeat.Started, repeat.Ended, repeat.Timing, repeat.Usage = now, now, nil, nil // nothing was run
	won, _, err := a.Store.Commit(ctx, ref.Layout(), repeat)
	if err != nil {
		return tasks.Found{}, fmt.Errorf("commit %s as a reuse of %s: %w", ref.Key(), from, err)
	}
	return found(won), nil
}

func found(c r1.Commit) tasks.Found {
	return tasks.Found{
		Committed: true, Reused: c.ReusedFrom != nil, From: c.ReusedFrom, Attempt: c.Attempt, Step: c.Steps,
		Metrics: keyMetrics(c.Kind, c.Metrics),
	}
}

// keyMetrics keeps what workflows show of a job's numbers: history is no place
// for all of them.
func keyMetrics(k r1.Kind, all map[string]float64) map[string]float64 {
	few := map[string]float64{}
	for _, m := range r1.KeyMetrics(k, all) {
		few[m.Name] = m.Value
	}
	return few
}

// commitResult makes a finished attempt's outputs the job's. The first
// complete attempt wins; a later one is told so and changes nothing. back is what
// the attempt was made with besides the plan.
func (a *Activities) commitResult(ctx context.Context, ref tasks.AttemptRef, job *r1.PlannedJob, back []r1.Rollback, res r1.Result) error {
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
		Timing:      res.Timing,
		Usage:       res.Usage,
		Warnings:    res.Warnings,
		Rollbacks:   back,
	})
	if err != nil {
		return fmt.Errorf("commit %s: %w", ref.AttemptKey(), err)
	}
	return nil
}
