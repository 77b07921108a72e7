package activities

import (
	"context"
	"errors"
	"fmt"

	"github.com/r1ctl/r1ctl/internal/r1"
	"github.com/r1ctl/r1ctl/internal/tasks"
)

// Reap stops every attempt of a run that is still alive, whoever launched it,
// and says how many it found. It is for runs that no workflow drives any more:
// terminated in Temporal, or with a lost history.
func (a *Activities) Reap(ctx context.Context, in tasks.ReapInput) (int, error) {
	l := r1.Layout{Recipe: in.Recipe, Run: in.Run}
	run, err := a.run(ctx, l)
	if err != nil {
		return 0, err
	}
	found := 0
	for _, stage := range run.Plan.Stages {
		for _, job := range stage.Jobs {
			ref := tasks.JobRef{Recipe: in.Recipe, Run: in.Run, Stage: stage.Name, Job: job.Name}
			n, err := a.reapJob(ctx, ref)
			if err != nil {
				return found, err
			}
			found += n
		}
	}
	record := tasks.RunState{Recipe: in.Recipe, RunRecord: r1.RunRecord{Run: in.Run, State: r1.RunCancelled, Ended: in.Now}}
	return found, a.RecordRun(ctx, record)
}

func (a *Activities) reapJob(ctx context.Context, ref tasks.JobRef) (int, error) {
	numbers, err := a.attemptNumbers(ctx, ref)
	if err != nil {
		return 0, err
	}
	found := 0
	for _, n := range numbers {
		key := ref.Key().Attempt(n)
		handle, err := a.Launcher.Find(ctx, key)
		if errors.Is(err, r1.ErrNotFound) {
			if err := a.forbid(ctx, ref, key); err != nil {
				return found, err
			}
			continue
		}
		if err != nil {
			return found, fmt.Errorf("find attempt %s: %w", key, err)
		}
		status, err := a.Launcher.Status(ctx, handle)
		if err != nil {
			return found, fmt.Errorf("status of attempt %s: %w", key, err)
		}
		if status.State == r1.StateEnded {
			continue
		}
		found++
		if err := a.stop(ctx, tasks.AttemptRef{JobRef: ref, Attempt: n}, handle); err != nil {
			return found, err
		}
	}
	return found, nil
}

// forbid makes sure that an attempt that was prepared and not yet submitted never
// begins: its submission may be on its way.
func (a *Activities) forbid(ctx context.Context, ref tasks.JobRef, key r1.AttemptKey) error {
	_, err := a.result(ctx, ref.Layout(), key)
	if !errors.Is(err, r1.ErrNotFound) {
		return err // it is over, or nobody can say
	}
	var spec r1.Spec
	if err := a.Store.GetJSON(ctx, specKey(ref, key.Attempt), &spec); err != nil {
		return fmt.Errorf("read the spec of %s: %w", key, err)
	}
	if spec.Kind == r1.KindCurate || spec.Queue != a.Queue {
		return nil // it is computed by a worker, or another machine's
	}
	if err := a.Launcher.Stop(ctx, r1.Handle{Launcher: a.Launcher.Name(), Key: key}, 0); err != nil {
		return fmt.Errorf("stop %s before it begins: %w", key, err)
	}
	return nil
}
