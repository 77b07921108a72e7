package activities

import (
	"context"
	"errors"
	"fmt"
	"path"
	"strings"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"github.com/r1ctl/r1ctl/internal/r1"
	"github.com/r1ctl/r1ctl/internal/tasks"
)

// FindUnended lists the attempts of a run, of whatever plan and execution, that
// left no result: those that may live, or may begin yet. Computed jobs have no
// process of their own.
func (a *Activities) FindUnended(ctx context.Context, in tasks.RunRef) ([]tasks.AttemptRef, error) {
	l := r1.Layout{Recipe: in.Recipe, Run: in.Run}
	var found []tasks.AttemptRef
	stages, err := a.folders(ctx, l.Jobs())
	if err != nil {
		return nil, fmt.Errorf("list the stages of run %s: %w", in.Run, err)
	}
	for _, stage := range stages {
		jobs, err := a.folders(ctx, l.Jobs()+stage+"/")
		if err != nil {
			return nil, fmt.Errorf("list the jobs of %s/%s: %w", in.Run, stage, err)
		}
		for _, job := range jobs {
			refs, err := a.unended(ctx, tasks.JobRef{Recipe: in.Recipe, Run: in.Run, Stage: stage, Job: job})
			if err != nil {
				return nil, err
			}
			found = append(found, refs...)
		}
	}
	return found, nil
}

func (a *Activities) unended(ctx context.Context, ref tasks.JobRef) ([]tasks.AttemptRef, error) {
	numbers, err := a.attemptNumbers(ctx, ref)
	if err != nil {
		return nil, err
	}
	var found []tasks.AttemptRef
	for _, n := range numbers {
		_, err := a.result(ctx, ref.Layout(), ref.Key().Attempt(n))
		if err == nil {
			continue
		}
		if !errors.Is(err, r1.ErrNotFound) {
			return nil, err
		}
		var spec r1.Spec
		err = a.Store.GetJSON(ctx, specKey(ref, n), &spec)
		if errors.Is(err, r1.ErrNotFound) {
			continue // no attempt: nothing is submitted before its spec is there
		}
		if err != nil {
			return nil, fmt.Errorf("read the spec of %s: %w", ref.Key().Attempt(n), err)
		}
		if !spec.Kind.Computed() && !spec.Computed {
			found = append(found, refOf(ref, spec, true))
		}
	}
	return found, nil
}

// folders lists the names right below a prefix.
func (a *Activities) folders(ctx context.Context, prefix string) ([]string, error) {
	var names []string
	for p, err := range a.Store.ListPrefixes(ctx, prefix) {
		if err != nil {
			return nil, err
		}
		names = append(names, path.Base(strings.TrimSuffix(p, "/")))
	}
	return names, nil
}

// Reap stops attempts that this machine can see, whoever launched them, and
// returns when they are gone. One that was prepared and not yet submitted never begins.
func (a *Activities) Reap(ctx context.Context, in tasks.ReapInput) (tasks.Reaped, error) {
	_, stop := beat(ctx)
	defer stop()
	var stopped atomic.Int64
	var g errgroup.Group // one that cannot be stopped must not keep the others alive
	g.SetLimit(8)
	for _, ref := range in.Attempts {
		g.Go(func() error {
			lived, err := a.reap(ctx, ref)
			if lived {
				stopped.Add(1)
			}
			return err
		})
	}
	err := g.Wait()
	return tasks.Reaped{Stopped: int(stopped.Load())}, err
}

// reap stops one attempt, and says whether it was alive.
func (a *Activities) reap(ctx context.Context, ref tasks.AttemptRef) (bool, error) {
	key := ref.AttemptKey()
	handle, err := a.Launcher.Find(ctx, key)
	if errors.Is(err, r1.ErrNotFound) {
		// Its submission may be on its way.
		if err := a.Launcher.Stop(ctx, r1.Handle{Launcher: a.Launcher.Name(), Key: key}, 0); err != nil {
			return false, fmt.Errorf("stop %s before it begins: %w", key, err)
		}
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("find attempt %s: %w", key, err)
	}
	status, err := a.Launcher.Status(ctx, handle)
	if err != nil {
		return false, fmt.Errorf("status of attempt %s: %w", key, err)
	}
	if status.State == r1.StateEnded {
		return false, nil
	}
	return true, a.stop(ctx, ref, handle)
}
