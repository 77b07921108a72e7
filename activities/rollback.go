package activities

import (
	"context"
	"errors"
	"fmt"

	"github.com/r1ctl/r1ctl/internal/r1"
	"github.com/r1ctl/r1ctl/internal/tasks"
)

// rollbacks are those that the next attempt of a job is made with: what the spec of
// the newest one has, else what the phase before has left, and one more where a
// guard that rolls back has ended the newest one (fresh). S3 alone says so, and the
// same whenever it is asked.
func (a *Activities) rollbacks(ctx context.Context, ref tasks.JobRef, job *r1.PlannedJob, attempts []int) (list []r1.Rollback, fresh bool, err error) {
	if len(attempts) == 0 {
		list, err = a.inherited(ctx, ref, job)
		return list, false, err
	}
	newest := ref.Key().Attempt(attempts[len(attempts)-1])
	spec, err := a.spec(ctx, ref, newest.Attempt)
	if err != nil {
		return nil, false, err
	}
	res, err := a.result(ctx, ref.Layout(), newest)
	if errors.Is(err, r1.ErrNotFound) {
		return spec.Rollbacks, false, nil
	}
	if err != nil {
		return nil, false, err
	}
	back, _, err := r1.RollBack(&spec, &res)
	if err != nil {
		return nil, false, err
	}
	if back == nil {
		return spec.Rollbacks, false, nil
	}
	return append(spec.Rollbacks, *back), true, nil
}

// inherited is what the phases of RL before this one have changed: a stage goes on
// as if it were not split.
func (a *Activities) inherited(ctx context.Context, ref tasks.JobRef, job *r1.PlannedJob) ([]r1.Rollback, error) {
	from, ok := job.Inputs["state"]
	if !ok {
		return nil, nil
	}
	key := r1.JobKey{Run: ref.Run, Stage: from.Stage, Job: from.Job}
	commit, err := a.Store.FindCommit(ctx, ref.Layout(), key)
	if err != nil {
		return nil, fmt.Errorf("find what %s has changed: %w", key, err)
	}
	return commit.Rollbacks, nil
}

// failed is the end of an attempt that says itself that it failed.
func (a *Activities) failed(ctx context.Context, ref tasks.AttemptRef, res r1.Result) (tasks.AttemptEnd, error) {
	end := tasks.AttemptEnd{Outcome: res.Outcome, Class: res.Class, Name: res.Name, Error: res.Error, Remedy: res.Remedy, Step: res.Step}
	switch end.Class {
	case r1.ClassStopped:
		end.Class = r1.ClassPreempted // nobody here asked for it
	case r1.ClassDiverged:
		spec, err := a.spec(ctx, ref.JobRef, ref.Attempt)
		if err != nil {
			return end, err
		}
		back, why, err := r1.RollBack(&spec, &res)
		if err != nil {
			return end, err
		}
		end.RollsBack = back != nil
		if why != "" {
			end.Error += "; " + why
		}
	}
	return end, nil
}

func (a *Activities) spec(ctx context.Context, ref tasks.JobRef, attempt int) (r1.Spec, error) {
	var spec r1.Spec
	if err := a.Store.GetJSON(ctx, specKey(ref, attempt), &spec); err != nil {
		return spec, fmt.Errorf("read the spec of %s: %w", ref.Key().Attempt(attempt), err)
	}
	return spec, nil
}
