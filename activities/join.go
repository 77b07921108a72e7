package activities

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"
	"time"

	"github.com/r1ctl/r1ctl/internal/artifact"
	"github.com/r1ctl/r1ctl/internal/fault"
	"github.com/r1ctl/r1ctl/internal/r1"
	"github.com/r1ctl/r1ctl/internal/tasks"
)

// join makes one artifact of those of a stage's shards. Its files are theirs, in
// their order; no byte is moved.
func (a *Activities) join(ctx context.Context, ref tasks.JobRef, job *r1.PlannedJob, attempt int) (tasks.Computed, error) {
	started := time.Now().UTC()
	decl := job.Outputs[0]
	var files []r1.ManifestEntry
	var open []func(context.Context) (io.ReadCloser, error)
	for i, shard := range job.Join {
		key := r1.JobKey{Run: ref.Run, Stage: ref.Stage, Job: shard}
		commit, err := a.Store.FindCommit(ctx, ref.Layout(), key)
		if err != nil {
			return tasks.Computed{}, fmt.Errorf("find the shard %s: %w", key, err)
		}
		art, ok := commit.Outputs[decl.Name]
		if !ok {
			return tasks.Computed{}, permanent("plan-mismatch", "commit of %s has no output %q", key, decl.Name)
		}
		manifest, err := a.Store.Manifest(ctx, art)
		if err != nil {
			return tasks.Computed{}, classify(fmt.Errorf("read the shard %s: %w", key, err))
		}
		for _, f := range manifest.Files {
			name := f.Path
			open = append(open, func(ctx context.Context) (io.ReadCloser, error) { return a.Store.OpenFile(ctx, art, name) })
			f.Path = shardPath(f.Path, i)
			files = append(files, f)
		}
	}
	metrics, rows, err := a.SumUp(ctx, open)
	if err != nil {
		return tasks.Computed{}, classify(fmt.Errorf("sum up %s: %w", ref.Key(), err))
	}
	fault.Point(fault.EngineComputed, ref.Key().String())
	art, err := a.Store.Compose(ctx, files, artifact.UploadOptions{
		Name: ref.Stage + "." + decl.Name, Type: decl.Type, Producer: ref.Key().Attempt(attempt), Prefix: ref.Layout().Artifact(decl, attempt),
	})
	if err != nil {
		return tasks.Computed{}, fmt.Errorf("join %s: %w", ref.Key(), err)
	}
	fault.Point(fault.EngineComputeStored, ref.Key().String())
	err = a.commitResult(ctx, tasks.AttemptRef{JobRef: ref, Attempt: attempt}, job, nil, r1.Result{
		Outcome: r1.Succeeded, Outputs: map[string]r1.Artifact{decl.Name: art}, Metrics: metrics, Step: rows,
		Started: started, Ended: time.Now().UTC(),
		Timing: &r1.Timing{Train: time.Since(started).Seconds()},
	})
	return tasks.Computed{Metrics: keyMetrics(job.Kind, metrics)}, err
}

// shardPath is the name of a shard's file beside those of the others: rows are read
// in the order of the names.
func shardPath(file string, shard int) string {
	dir, base := path.Split(file)
	stem, ext, _ := strings.Cut(base, ".")
	return fmt.Sprintf("%s%s-%03d.%s", dir, stem, shard+1, ext)
}

// spared says that a shard need not run, because what it is part of is committed: by
// this run, or by another one that may have been split otherwise.
func (a *Activities) spared(ctx context.Context, ref tasks.JobRef) (tasks.Found, error) {
	plan, err := a.plan(ctx, ref)
	if err != nil {
		return tasks.Found{}, err
	}
	for _, j := range plan.Stage(ref.Stage).Jobs {
		for _, part := range j.Join {
			if part != ref.Job {
				continue
			}
			whole := ref
			whole.Job = j.Name
			f, err := a.FindCommit(ctx, whole)
			if err != nil && !errors.Is(err, r1.ErrNotFound) {
				return tasks.Found{}, err
			}
			f.Reused = f.Committed
			return f, nil
		}
	}
	return tasks.Found{}, nil
}
