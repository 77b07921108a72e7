package runs

import (
	"context"
	"errors"
	"fmt"
	"path"
	"strconv"
	"strings"

	"github.com/r1ctl/r1ctl/internal/r1"
)

// Saved is what a job that is not committed has to go on from.
type Saved struct {
	Stage   string `json:"stage"`
	Job     string `json:"job"`
	Attempt int    `json:"attempt"` // whose checkpoint it is; the last one where there is none
	Step    int    `json:"step"`    // 0: no checkpoint
	Prefix  string `json:"prefix,omitempty"`
}

// Checkpoints says which complete checkpoint each job has that began and is not
// committed: the one with the highest step. A changed plan leaves aside what its
// earlier attempts saved.
func Checkpoints(ctx context.Context, s Store, run *r1.Run) ([]Saved, error) {
	saved := []Saved{}
	for _, stage := range run.Plan.Stages {
		if stage.Kind.Computed() {
			continue
		}
		for _, job := range stage.Jobs {
			if len(job.Join) > 0 {
				continue
			}
			key := r1.JobKey{Run: run.ID, Stage: stage.Name, Job: job.Name}
			one, err := checkpoint(ctx, s, run, key, job.Fingerprint)
			if err != nil {
				return nil, fmt.Errorf("look for a checkpoint of %s: %w", key, err)
			}
			if one != nil {
				saved = append(saved, *one)
			}
		}
	}
	return saved, nil
}

func checkpoint(ctx context.Context, s Store, run *r1.Run, key r1.JobKey, fingerprint string) (*Saved, error) {
	l := r1.Layout{Recipe: run.Recipe, Run: run.ID}
	if _, err := s.FindCommit(ctx, l, key); err == nil || !errors.Is(err, r1.ErrNotFound) {
		return nil, err
	}
	attempts, err := numbers(ctx, s, l.Job(key)+"/", "")
	if err != nil || len(attempts) == 0 {
		return nil, err
	}
	out := &Saved{Stage: key.Stage, Job: key.Job}
	for _, n := range attempts {
		prefix := l.Attempt(key.Attempt(n))
		if out.Step == 0 {
			out.Attempt = max(out.Attempt, n)
		}
		var spec r1.Spec
		if err := s.GetJSON(ctx, path.Join(prefix, r1.SpecFile), &spec); err != nil && !errors.Is(err, r1.ErrNotFound) {
			return nil, err
		}
		if spec.Fingerprint != fingerprint {
			continue
		}
		folder := path.Join(prefix, r1.CheckpointDir) + "/"
		steps, err := numbers(ctx, s, folder, "step-")
		if err != nil {
			return nil, err
		}
		for _, step := range steps {
			if step <= out.Step {
				continue
			}
			var c r1.Checkpoint
			err := s.GetJSON(ctx, fmt.Sprintf("%sstep-%d/%s", folder, step, r1.CompleteFile), &c)
			if errors.Is(err, r1.ErrNotFound) {
				continue // cut off while it was written, or being deleted
			}
			if err != nil {
				return nil, err
			}
			out.Attempt, out.Step, out.Prefix = n, step, fmt.Sprintf("%sstep-%d", folder, step)
		}
	}
	return out, nil
}

// numbers lists the numbers that folders below a prefix are named by.
func numbers(ctx context.Context, s Store, prefix, before string) ([]int, error) {
	var out []int
	for p, err := range s.ListPrefixes(ctx, prefix) {
		if err != nil {
			return nil, err
		}
		text, ok := strings.CutPrefix(path.Base(strings.TrimSuffix(p, "/")), before)
		if n, err := strconv.Atoi(text); ok && err == nil {
			out = append(out, n)
		}
	}
	return out, nil
}
