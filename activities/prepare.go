package activities

import (
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/r1ctl/r1ctl/internal/fault"
	"github.com/r1ctl/r1ctl/internal/r1"
	"github.com/r1ctl/r1ctl/internal/tasks"
)

// PrepareAttempt decides which attempt of a job to run next, later than
// in.After: one that was begun and is not known to have failed (after a crash
// of the worker, or when a lost history is resumed), else a new one. The new
// one's spec, with the checkpoint it resumes from, is in S3 before anything is
// submitted, so a crash between the two leaves an attempt that is found again.
func (a *Activities) PrepareAttempt(ctx context.Context, in tasks.PrepareInput) (tasks.AttemptRef, error) {
	job, err := a.planned(ctx, in.JobRef)
	if err != nil {
		return tasks.AttemptRef{}, err
	}
	for {
		numbers, err := a.attemptNumbers(ctx, in.JobRef)
		if err != nil {
			return tasks.AttemptRef{}, err
		}
		latest := 0
		if len(numbers) > 0 {
			latest = numbers[len(numbers)-1]
		}
		if latest > in.After {
			var spec r1.Spec
			if err := a.Store.GetJSON(ctx, specKey(in.JobRef, latest), &spec); err != nil {
				return tasks.AttemptRef{}, fmt.Errorf("read the spec of %s: %w", in.Key().Attempt(latest), err)
			}
			open, err := a.isOpen(ctx, in.JobRef, spec)
			if err != nil {
				return tasks.AttemptRef{}, err
			}
			if open && spec.Fingerprint == job.Fingerprint { // else an amendment has made it another job's
				return refOf(in.JobRef, spec, true), nil
			}
		}
		spec, err := a.newSpec(ctx, in.JobRef, job, numbers)
		if err != nil {
			return tasks.AttemptRef{}, err
		}
		if spec.Ends, err = a.ends(ctx, in, numbers); err != nil {
			return tasks.AttemptRef{}, err
		}
		won, err := a.Store.PutJSONIfAbsent(ctx, specKey(in.JobRef, spec.Key.Attempt), spec)
		if err != nil {
			return tasks.AttemptRef{}, fmt.Errorf("write the spec of %s: %w", spec.Key, err)
		}
		if won {
			fault.Point(fault.EngineSpec, spec.Key.String())
			return refOf(in.JobRef, spec, false), nil
		}
		// Somebody else made this attempt just now: look again.
	}
}

// attemptNumbers lists the attempts of a job that have a spec, ascending.
func (a *Activities) attemptNumbers(ctx context.Context, ref tasks.JobRef) ([]int, error) {
	last := 0
	for p, err := range a.Store.ListPrefixes(ctx, ref.Layout().Job(ref.Key())+"/") {
		if err != nil {
			return nil, fmt.Errorf("list the attempts of %s: %w", ref.Key(), err)
		}
		if n, err := strconv.Atoi(path.Base(strings.TrimSuffix(p, "/"))); err == nil && n > last {
			last = n
		}
	}
	numbers := make([]int, 0, last)
	for n := 1; n <= last; n++ {
		numbers = append(numbers, n)
	}
	return numbers, nil
}

// isOpen says whether an attempt can still lead to a commit: it is live, or it
// succeeded without being committed, or it was never submitted. What cannot be
// known counts as live: waiting is cheaper than a doubled job. So does an
// attempt that only another machine's worker can see.
func (a *Activities) isOpen(ctx context.Context, ref tasks.JobRef, spec r1.Spec) (bool, error) {
	key := spec.Key
	res, err := a.result(ctx, ref.Layout(), key)
	if err == nil {
		return res.Outcome == r1.Succeeded, nil
	}
	if !errors.Is(err, r1.ErrNotFound) {
		return false, err
	}
	if spec.Queue != a.Queue {
		return true, nil
	}
	handle, err := a.Launcher.Find(ctx, key)
	if errors.Is(err, r1.ErrNotFound) {
		return true, nil
	}
	if err != nil {
		return false, fmt.Errorf("find attempt %s: %w", key, err)
	}
	status, err := a.Launcher.Status(ctx, handle)
	if err != nil {
		return false, fmt.Errorf("status of attempt %s: %w", key, err)
	}
	return status.State != r1.StateEnded, nil
}

func refOf(ref tasks.JobRef, spec r1.Spec, adopted bool) tasks.AttemptRef {
	r := tasks.AttemptRef{JobRef: ref, Attempt: spec.Key.Attempt, Queue: spec.Queue, Adopted: adopted}
	if spec.Resume != nil {
		r.Resume = spec.Resume.Step
	}
	if n := len(spec.Rollbacks); n > 0 {
		r.RolledBack = spec.Rollbacks[n-1].In(ref.Job)
	}
	return r
}

func (a *Activities) newSpec(ctx context.Context, ref tasks.JobRef, job *r1.PlannedJob, earlier []int) (r1.Spec, error) {
	inputs, err := a.inputs(ctx, ref, job)
	if err != nil {
		return r1.Spec{}, err
	}
	next := 1
	if len(earlier) > 0 {
		next = earlier[len(earlier)-1] + 1
	}
	if earlier, err = a.alike(ctx, ref, job, earlier); err != nil {
		return r1.Spec{}, err
	}
	if err := a.recall(ctx, ref, earlier); err != nil {
		return r1.Spec{}, err
	}
	back, fresh, err := a.rollbacks(ctx, ref, job, earlier)
	if err != nil {
		return r1.Spec{}, err
	}
	params, err := r1.Changed(job.Params, back)
	if err != nil {
		return r1.Spec{}, fmt.Errorf("prepare %s: %w", ref.Key(), err)
	}
	checkpoint, err := a.newestCheckpoint(ctx, ref, earlier, back)
	if err != nil {
		return r1.Spec{}, err
	}
	if fresh {
		back[len(back)-1].ToStep = job.FromStep
		if checkpoint != nil {
			back[len(back)-1].ToStep = checkpoint.Step
		}
	}
	began, err := a.beginnings(ctx, ref, earlier)
	if err != nil {
		return r1.Spec{}, err
	}
	return r1.Spec{
		Version:         1,
		Key:             ref.Key().Attempt(next),
		Recipe:          ref.Recipe,
		Kind:            job.Kind,
		Params:          params,
		Seed:            job.Seed,
		FromStep:        job.FromStep,
		ToStep:          job.ToStep,
		Fingerprint:     job.Fingerprint,
		Bucket:          a.Bucket,
		Inputs:          inputs,
		Outputs:         job.Outputs,
		Computed:        computed(job),
		Resume:          checkpoint,
		Earlier:         decisive(began, checkpoint),
		Rollbacks:       back,
		Walltime:        a.Site.Walltime,
		Verifier:        needsVerifier(job.Kind),
		VerifierURL:     a.Site.VerifierURL,
		Threads:         a.Site.Threads,
		Queue:           a.Queue,
		KeepCheckpoints: a.Site.KeepCheckpoints,
		Created:         fault.Now().UTC(),
	}, nil
}

// alike keeps the attempts that were to make the same as the job is now. What one
// made before an amendment changed the job's fingerprint is another job's.
func (a *Activities) alike(ctx context.Context, ref tasks.JobRef, job *r1.PlannedJob, attempts []int) ([]int, error) {
	if ref.Amendment == 0 {
		return attempts, nil
	}
	var same []int
	for _, n := range attempts {
		var spec r1.Spec
		if err := a.Store.GetJSON(ctx, specKey(ref, n), &spec); err != nil {
			return nil, fmt.Errorf("read the spec of %s: %w", ref.Key().Attempt(n), err)
		}
		if spec.Fingerprint == job.Fingerprint {
			same = append(same, n)
		}
	}
	return same, nil
}

// newestCheckpoint is the complete checkpoint with the highest step of any
// earlier attempt. Its COMPLETE object is written last, so what has one is whole.
// One that an attempt could not fetch is left out, and so are those of attempts
// that had begun in the wrong place, and those that a roll-back rules out.
func (a *Activities) newestCheckpoint(ctx context.Context, ref tasks.JobRef, attempts []int, back []r1.Rollback) (*r1.Checkpoint, error) {
	var candidates []r1.Checkpoint
	unusable := map[string]bool{} // prefixes
	for _, n := range attempts {
		key := ref.Key().Attempt(n)
		res, err := a.result(ctx, ref.Layout(), key)
		if err != nil && !errors.Is(err, r1.ErrNotFound) {
			return nil, err
		}
		if misled(res.Name) {
			continue
		}
		if res.Name == r1.CheckpointUnusable {
			var spec r1.Spec
			if err := a.Store.GetJSON(ctx, specKey(ref, n), &spec); err != nil {
				return nil, fmt.Errorf("read the spec of %s: %w", key, err)
			}
			if spec.Resume != nil {
				unusable[spec.Resume.Prefix] = true
			}
		}
		stored, err := a.checkpoints(ctx, ref, key)
		if err != nil {
			return nil, err
		}
		for _, c := range stored {
			if !slices.ContainsFunc(back, func(r r1.Rollback) bool { return r.RulesOut(key, c.Step) }) {
				candidates = append(candidates, c)
			}
		}
	}
	var newest *r1.Checkpoint
	for i, c := range candidates {
		if !unusable[c.Prefix] && (newest == nil || c.Step > newest.Step) {
			newest = &candidates[i]
		}
	}
	return newest, nil
}

// checkpoints lists the complete checkpoints of an attempt.
func (a *Activities) checkpoints(ctx context.Context, ref tasks.JobRef, key r1.AttemptKey) ([]r1.Checkpoint, error) {
	found, known := a.past.stored(key)
	if known {
		return found, nil
	}
	folder := path.Join(ref.Layout().Attempt(key), r1.CheckpointDir) + "/"
	for prefix, err := range a.Store.ListPrefixes(ctx, folder) {
		if err != nil {
			return nil, fmt.Errorf("list the checkpoints of %s: %w", key, err)
		}
		var c r1.Checkpoint
		err := a.Store.GetJSON(ctx, prefix+r1.CompleteFile, &c)
		if errors.Is(err, r1.ErrNotFound) {
			continue // cut off while it was written, or being deleted
		}
		if err != nil {
			return nil, fmt.Errorf("read checkpoint %s: %w", prefix, err)
		}
		found = append(found, c)
	}
	return found, nil
}

func (a *Activities) result(ctx context.Context, l r1.Layout, key r1.AttemptKey) (r1.Result, error) {
	res, known := a.past.result(key)
	if known {
		return res, nil
	}
	if err := a.Store.GetJSON(ctx, path.Join(l.Attempt(key), r1.ResultFile), &res); err != nil {
		return res, fmt.Errorf("read the result of %s: %w", key, err)
	}
	a.past.ended(key, res)
	return res, nil
}

func specKey(ref tasks.JobRef, attempt int) string {
	return path.Join(ref.Layout().Attempt(ref.Key().Attempt(attempt)), r1.SpecFile)
}

// computed says that the worker makes a job's outputs itself.
func computed(job *r1.PlannedJob) bool { return job.Kind.Computed() || len(job.Join) > 0 }

// needsVerifier says which kinds of job ask for verdicts.
func needsVerifier(k r1.Kind) bool {
	return k == r1.KindGRPO || k == r1.KindSample || k == r1.KindEvaluate
}
