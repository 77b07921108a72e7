package agent

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/r1ctl/r1ctl/internal/artifact"
	"github.com/r1ctl/r1ctl/internal/r1"
	"github.com/r1ctl/r1ctl/internal/wholefile"
)

// path is a path in the working folder.
func (a *agent) path(elem ...string) string {
	return filepath.Join(append([]string{a.cfg.WorkDir}, elem...)...)
}

// fetch fills inputs/ and resume/ from S3 and makes the folders of the
// outputs. Repeated after a crash it goes on where it was.
func (a *agent) fetch(ctx context.Context) error {
	a.trimCache() // what earlier attempts left makes room
	options := artifact.DownloadOptions{CacheDir: a.cfg.CacheDir}
	for name, input := range a.spec.Inputs {
		err := a.retry(ctx, "download input "+name, func(ctx context.Context) error {
			return a.cfg.Store.Download(ctx, input, a.path("inputs", name), options)
		})
		if err != nil {
			return err
		}
	}
	if err := a.fetchCheckpoint(ctx); err != nil {
		return err
	}
	for _, o := range a.spec.Outputs {
		if err := os.MkdirAll(a.path("outputs", o.Name), 0o755); err != nil {
			return err
		}
	}
	return os.MkdirAll(a.path(r1.CheckpointDir), 0o755)
}

// fetchCheckpoint fills resume/, if there is a checkpoint to resume from. The
// controller never chooses one again that is not whole.
func (a *agent) fetchCheckpoint(ctx context.Context) error {
	c := a.spec.Resume
	if c == nil {
		return nil
	}
	err := errors.New("it names no file")
	if len(c.Files) > 0 {
		err = a.retry(ctx, fmt.Sprintf("download the checkpoint of step %d", c.Step), func(ctx context.Context) error {
			return a.cfg.Store.DownloadFiles(ctx, c.Prefix, c.Files, a.path(resumeDir), artifact.DownloadOptions{})
		})
	}
	switch {
	case err == nil:
		return writeJSON(a.path(resumeDir, r1.CompleteFile), completeMarker(c))
	case ctx.Err() != nil || isPassing(err) || isLocal(err):
		return err
	}
	return &r1.Error{Name: "checkpoint-unusable", Detail: fmt.Sprintf("the checkpoint of step %d in %s cannot be resumed from", c.Step, c.Prefix),
		Remedy: "nothing to do: the next attempt resumes from the newest one before it; look for who changes or deletes what lies in the bucket", Err: err}
}

// isLocal says whether an error is this machine's own, such as a full disk.
func isLocal(err error) bool {
	var local *fs.PathError
	return errors.As(err, &local)
}

// trimCache keeps the cache of inputs small. A cache that cannot be trimmed costs
// disk space and nothing else.
func (a *agent) trimCache() {
	if a.cfg.CacheDir == "" {
		return
	}
	err := os.MkdirAll(a.cfg.CacheDir, 0o755)
	keep := a.cfg.CacheBytes
	if keep <= 0 && err == nil {
		keep, err = artifact.CacheLimit(a.cfg.CacheDir)
	}
	freed := int64(0)
	if err == nil {
		freed, err = artifact.TrimCache(a.cfg.CacheDir, keep)
	}
	if err != nil || freed > 0 {
		a.cfg.Logger.Info("trimmed the cache of inputs", "freed_bytes", freed, "error", err)
	}
}

// completeMarker is the COMPLETE file that the checkpoint had where it was made.
func completeMarker(c *r1.Checkpoint) r1.CompleteMarker {
	m := r1.CompleteMarker{Step: c.Step}
	for _, f := range c.Files {
		m.Files = append(m.Files, struct {
			Path   string `json:"path"`
			Size   int64  `json:"size"`
			SHA256 string `json:"sha256"`
		}{f.Path, f.Size, f.SHA256})
	}
	return m
}

// deadline is when the trainer must begin to save, if the walltime is bounded.
func (a *agent) deadline() *time.Time {
	if a.spec.Walltime <= 0 {
		return nil
	}
	margin := min(a.cfg.SaveMargin, a.spec.Walltime/4) // or a short one would be all margin
	t := a.cfg.Allocated.Add(a.spec.Walltime - margin).UTC()
	return &t
}

// writeJob writes job.json.
func (a *agent) writeJob(rewardURL string) error {
	s := a.spec
	job := r1.JobFile{
		Version: 1, Key: s.Key.String(), Kind: s.Kind, Params: s.Params, Seed: s.Seed, FromStep: s.FromStep, ToStep: s.ToStep,
		Inputs: map[string]r1.JobFileInput{}, Outputs: map[string]r1.JobFileOutput{},
		Checkpoints: r1.CheckpointDir, Metrics: r1.MetricsFile, Error: errorFile,
		RewardURL: rewardURL, Deadline: a.deadline(), Threads: s.Threads,
	}
	for name, input := range s.Inputs {
		job.Inputs[name] = r1.JobFileInput{Path: filepath.Join("inputs", name), Type: input.Type}
	}
	for _, o := range s.Outputs {
		job.Outputs[o.Name] = r1.JobFileOutput{Path: filepath.Join("outputs", o.Name), Type: o.Type}
	}
	if s.Resume != nil {
		job.Resume = &r1.JobFileResume{Path: resumeDir, Step: s.Resume.Step}
	}
	return writeJSON(a.path(jobFile), job)
}

// writeJSON replaces a file in one step.
func writeJSON(file string, v any) error {
	raw, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return fmt.Errorf("encode %s: %w", file, err)
	}
	return wholefile.Replace(file, append(raw, '\n'), 0o644)
}

// readJSON reads a file and says whether there is one.
func readJSON(file string, v any) (bool, error) {
	raw, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	if err := json.Unmarshal(raw, v); err != nil {
		return true, fmt.Errorf("read %s: %w", file, err)
	}
	return true, nil
}
