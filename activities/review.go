package activities

import (
	"context"
	"errors"
	"fmt"
	"path"
	"path/filepath"

	"github.com/r1ctl/r1ctl/internal/artifact"
	"github.com/r1ctl/r1ctl/internal/r1"
	"github.com/r1ctl/r1ctl/internal/tasks"
)

// FindReview looks for what people said of a job's rows.
func (a *Activities) FindReview(ctx context.Context, ref tasks.JobRef) (tasks.FoundReview, error) {
	job, err := a.planned(ctx, ref)
	if err != nil {
		return tasks.FoundReview{}, err
	}
	found, err := a.review(ctx, ref, job)
	return tasks.FoundReview{Review: found}, err
}

// review is that of a job, or nil.
func (a *Activities) review(ctx context.Context, ref tasks.JobRef, job *r1.PlannedJob) (*r1.Review, error) {
	var found r1.Review
	err := a.Store.GetJSON(ctx, ref.Layout().Review(ref.Stage, job.Fingerprint), &found)
	if errors.Is(err, r1.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("look for a review of %s: %w", ref.Stage, err)
	}
	return &found, nil
}

// RecordReview stores what people said of a job's rows, unless something is stored:
// then that holds, and is returned. The reviewed file must be there, whole.
func (a *Activities) RecordReview(ctx context.Context, in tasks.ReviewInput) (r1.Review, error) {
	job, err := a.planned(ctx, in.JobRef)
	if err != nil {
		return r1.Review{}, err
	}
	said := in.Review
	if said.Fingerprint != job.Fingerprint {
		return r1.Review{}, classify(&r1.Error{
			Name:   "review-stale",
			Detail: fmt.Sprintf("the review is of a job that %s no longer is: its parameters, or a stage before it, were changed", in.Key()),
			Remedy: fmt.Sprintf("export the rows again: r1ctl review %s %s -o batch.jsonl", in.Run, in.Stage),
		})
	}
	var manifest r1.Manifest
	err = a.Store.GetJSON(ctx, path.Join(said.Data.Prefix, r1.ManifestFile), &manifest)
	if errors.Is(err, r1.ErrNotFound) || err == nil && r1.ContentDigest(manifest.Files) != said.Data.SHA256 {
		return r1.Review{}, classify(&r1.Error{
			Name: "review-missing", Detail: fmt.Sprintf("the reviewed rows are not at %s, or are others", said.Data.URI),
			Remedy: fmt.Sprintf("submit them again: r1ctl review %s %s batch.jsonl", in.Run, in.Stage),
		})
	}
	if err != nil {
		return r1.Review{}, fmt.Errorf("look for the reviewed rows of %s: %w", in.Stage, err)
	}
	key := in.Layout().Review(in.Stage, job.Fingerprint)
	won, err := a.Store.PutJSONIfAbsent(ctx, key, said)
	if err != nil {
		return r1.Review{}, fmt.Errorf("record the review of %s: %w", in.Stage, err)
	}
	if won {
		return said, nil
	}
	var first r1.Review
	if err := a.Store.GetJSON(ctx, key, &first); err != nil {
		return r1.Review{}, fmt.Errorf("read the review of %s: %w", in.Stage, err)
	}
	return first, nil
}

// fetchReview puts the review of a job whose steps need one beside its inputs, and
// gives its numbers.
func (a *Activities) fetchReview(ctx context.Context, ref tasks.JobRef, job *r1.PlannedJob, dir string, in *CurateInput) (map[string]float64, error) {
	plan, err := a.plan(ctx, ref)
	if err != nil {
		return nil, err
	}
	if stage := plan.Stage(ref.Stage); stage.Gate == nil || stage.Gate.Review == nil {
		return nil, nil
	}
	said, err := a.review(ctx, ref, job)
	if err != nil {
		return nil, err
	}
	if said == nil {
		return nil, classify(&r1.Error{
			Name: "review-missing", Detail: fmt.Sprintf("the rows of %s were not reviewed", ref.Key()),
			Remedy: fmt.Sprintf("review them: r1ctl review %s %s -o batch.jsonl", ref.Run, ref.Stage),
		})
	}
	folder := filepath.Join(dir, "inputs", r1.ReviewInput)
	if err := a.Store.Download(ctx, said.Data, folder, artifact.DownloadOptions{CacheDir: a.CacheDir}); err != nil {
		return nil, fmt.Errorf("download the review of %s: %w", ref.Stage, err)
	}
	in.Inputs[r1.ReviewInput] = folder
	return map[string]float64{
		"reviewed": float64(said.Rows), "accepted": float64(said.Accepted), "rejected": float64(said.Rejected), "edited": float64(said.Edited),
	}, nil
}
