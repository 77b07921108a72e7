package activities

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	"go.temporal.io/sdk/activity"
	"golang.org/x/sync/errgroup"

	"github.com/r1ctl/r1ctl/internal/artifact"
	"github.com/r1ctl/r1ctl/internal/fault"
	"github.com/r1ctl/r1ctl/internal/r1"
	"github.com/r1ctl/r1ctl/internal/tasks"
)

// Compute joins the shards of a stage, brings out what a stage publishes, or runs a curate job in this
// worker: inputs down, rows through the filters, the dataset up, commit. Killed anywhere, the next try takes an
// attempt number of its own and so never writes into this one's prefix; it begins
// with the journal of what earlier ones have found out about rows.
func (a *Activities) Compute(ctx context.Context, ref tasks.JobRef) (tasks.Computed, error) {
	if c, err := a.Store.FindCommit(ctx, ref.Layout(), ref.Key()); err == nil {
		a.journalOf(ref).remove(ctx) // whoever committed may have died before
		return tasks.Computed{Metrics: keyMetrics(c.Kind, c.Metrics)}, nil
	} else if !errors.Is(err, r1.ErrNotFound) {
		return tasks.Computed{}, fmt.Errorf("look for the commit of %s: %w", ref.Key(), err)
	}
	job, err := a.planned(ctx, ref)
	if err != nil {
		return tasks.Computed{}, err
	}
	progress, stop := beat(ctx)
	defer stop()
	attempt, err := a.claim(ctx, ref, job)
	if err != nil {
		return tasks.Computed{}, err
	}
	fault.Point(fault.EngineClaimed, ref.Key().String())
	if len(job.Join) > 0 {
		return a.join(ctx, ref, job, attempt)
	}
	if job.Kind == r1.KindPublish {
		return a.publish(ctx, ref, job, attempt, progress)
	}
	started := time.Now().UTC()
	if err := os.MkdirAll(a.WorkDir, 0o700); err != nil {
		return tasks.Computed{}, fmt.Errorf("make the work folder: %w", err)
	}
	dir, err := os.MkdirTemp(a.WorkDir, "curate-")
	if err != nil {
		return tasks.Computed{}, fmt.Errorf("make the work folder: %w", err)
	}
	defer a.trimCache() // when the folder is gone: what it linked to is free then
	defer os.RemoveAll(dir)

	in, err := a.download(ctx, ref, job, dir)
	if err != nil {
		return tasks.Computed{}, err
	}
	said, err := a.fetchReview(ctx, ref, job, dir, &in)
	if err != nil {
		return tasks.Computed{}, err
	}
	fetched := time.Now()
	in.Progress = func(n int) { progress.rows.Store(int64(n)) }
	journal := a.journalOf(ref)
	journal.first = attempt == 1
	in.Shards = journal
	funnel, err := a.Curate(ctx, in)
	if err != nil {
		if funnel.In > 0 {
			err = a.keepAccounts(ctx, ref, attempt, in.OutDir, err)
		}
		return tasks.Computed{}, classify(fmt.Errorf("curate %s: %w", ref.Key(), err))
	}
	fault.Point(fault.EngineComputed, ref.Key().String())
	computed := time.Now()
	decl := job.Outputs[0]
	art, err := a.Store.Upload(ctx, in.OutDir, artifact.UploadOptions{
		Name:     ref.Stage + "." + decl.Name,
		Type:     decl.Type,
		Producer: ref.Key().Attempt(attempt),
		Prefix:   ref.Layout().Artifact(decl, attempt),
	})
	if err != nil {
		return tasks.Computed{}, fmt.Errorf("upload %s: %w", decl.Name, err)
	}
	fault.Point(fault.EngineComputeStored, ref.Key().String())
	metrics := map[string]float64{"rows_in": float64(funnel.In), "rows": float64(funnel.Kept)}
	maps.Copy(metrics, said)
	maps.Copy(metrics, audits(funnel))
	err = a.commitResult(ctx, tasks.AttemptRef{JobRef: ref, Attempt: attempt}, job, nil, r1.Result{
		Outcome: r1.Succeeded,
		Outputs: map[string]r1.Artifact{decl.Name: art},
		Metrics: metrics,
		Funnel:  &funnel,
		Started: started,
		Ended:   time.Now().UTC(),
		Timing: &r1.Timing{Download: fetched.Sub(started).Seconds(), Train: computed.Sub(fetched).Seconds(),
			Upload: time.Since(computed).Seconds()},
		Maker: &r1.Maker{R1ctl: a.R1ctl},
	})
	if err == nil {
		journal.remove(ctx)
	}
	return tasks.Computed{Metrics: keyMetrics(job.Kind, metrics)}, err
}

// claim takes the next attempt number by writing its spec.
func (a *Activities) claim(ctx context.Context, ref tasks.JobRef, job *r1.PlannedJob) (int, error) {
	for {
		numbers, err := a.attemptNumbers(ctx, ref)
		if err != nil {
			return 0, err
		}
		spec, err := a.newSpec(ctx, ref, job, numbers)
		if err != nil {
			return 0, err
		}
		won, err := a.Store.PutJSONIfAbsent(ctx, specKey(ref, spec.Key.Attempt), spec)
		if err != nil {
			return 0, fmt.Errorf("write the spec of %s: %w", spec.Key, err)
		}
		if won {
			return spec.Key.Attempt, nil
		}
	}
}

func (a *Activities) download(ctx context.Context, ref tasks.JobRef, job *r1.PlannedJob, dir string) (CurateInput, error) {
	arts, err := a.inputs(ctx, ref, job)
	if err != nil {
		return CurateInput{}, err
	}
	in := CurateInput{Params: job.Params, Seed: job.Seed, Inputs: map[string]string{}, OutDir: filepath.Join(dir, "out")}
	g, gctx := errgroup.WithContext(ctx)
	for name, art := range arts {
		folder := filepath.Join(dir, "inputs", name)
		in.Inputs[name] = folder
		g.Go(func() error {
			if err := a.Store.Download(gctx, art, folder, artifact.DownloadOptions{CacheDir: a.CacheDir}); err != nil {
				return fmt.Errorf("download input %s: %w", name, err)
			}
			return nil
		})
	}
	return in, classify(g.Wait())
}

// trimCache keeps the cache of inputs small. One that cannot be trimmed costs disk
// space and nothing else.
func (a *Activities) trimCache() {
	if a.CacheDir == "" {
		return
	}
	keep, err := artifact.CacheLimit(a.CacheDir)
	if err == nil {
		_, err = artifact.TrimCache(a.CacheDir, keep)
	}
	if err != nil && !errors.Is(err, os.ErrNotExist) && a.Log != nil {
		a.Log.Warn("cannot trim the cache of inputs", "error", err)
	}
}

// reading is how far a computed job is.
type reading struct{ rows, done, total atomic.Int64 }

func (p *reading) bytes(done, total int64) {
	p.done.Store(done)
	p.total.Store(total)
}

// beat heartbeats until stopped, with what is done so far.
func beat(ctx context.Context) (*reading, func()) {
	var p reading
	ctx, cancel := context.WithCancel(ctx)
	go func() {
		ticker := time.NewTicker(3 * time.Second)
		defer ticker.Stop()
		for {
			select {
			case <-ticker.C:
				activity.RecordHeartbeat(ctx, tasks.Reading{Rows: p.rows.Load(), Bytes: p.done.Load(), Total: p.total.Load()})
			case <-ctx.Done():
				return
			}
		}
	}()
	return &p, cancel
}
