package adopt

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"
	"time"

	"github.com/r1ctl/r1ctl/internal/artifact"
	"github.com/r1ctl/r1ctl/internal/r1"
)

// Store is what adopting needs of the artifact store.
type Store interface {
	Entries(ctx context.Context, folder string) ([]r1.ManifestEntry, error)
	Get(ctx context.Context, key string, offset, length int64) (io.ReadCloser, error)
	Upload(ctx context.Context, dir string, o artifact.UploadOptions) (r1.Artifact, error)
	Refer(ctx context.Context, files []r1.ManifestEntry, o artifact.UploadOptions) (r1.Artifact, error)
	Commit(ctx context.Context, l r1.Layout, c r1.Commit) (r1.Commit, bool, error)
	Prefer(ctx context.Context, l r1.Layout, c r1.Commit) error
	FindEqual(ctx context.Context, fingerprint string, accept func(r1.Commit) bool) (r1.Commit, error)
	PutJSON(ctx context.Context, key string, v any) error
	Delete(ctx context.Context, key string) error
}

// InBucket reads a folder of the store's bucket. Its files stay where they are.
func InBucket(ctx context.Context, s Store, address, folder string) (*Folder, error) {
	files, err := s.Entries(ctx, strings.Trim(folder, "/"))
	if errors.Is(err, r1.ErrNotFound) {
		return nil, &r1.Error{Name: "source-missing", Detail: "there is nothing below " + address, Remedy: "check the address: it names a folder"}
	}
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", address, err)
	}
	return &Folder{Address: address, Files: files, open: func(ctx context.Context, e r1.ManifestEntry) (io.ReadCloser, error) {
		return s.Get(ctx, e.Key, 0, -1)
	}}, nil
}

// Request names what is adopted, and for what.
type Request struct {
	Plan   *r1.Plan
	Output r1.OutputRef // of the plan
	From   *Folder
	By     string // who adopts it
	R1ctl  string // version of this binary
	// Progress is told of bytes that are stored; may be nil.
	Progress func(done, total int64)
}

// Adopted is what came of it.
type Adopted struct {
	Stage    string      `json:"stage"`
	Job      string      `json:"job"`
	Output   string      `json:"output"`
	Artifact r1.Artifact `json:"artifact"`
	Rows     int         `json:"rows,omitempty"`
	Copied   bool        `json:"copied"`  // its bytes were stored anew; else they stay where they are
	Already  bool        `json:"already"` // the same was adopted before
	Doubts   []string    `json:"doubts,omitempty"`
}

// Adopt checks a folder and commits it as the output of a job. Killed anywhere, it is
// repeated; repeated, it changes nothing.
func Adopt(ctx context.Context, s Store, r Request) (*Adopted, error) {
	job, decl, err := r.job()
	if err != nil {
		return nil, err
	}
	rows, doubts, err := ContractOf(r.Plan, r.Output, job.Kind, decl.Type).check(ctx, r.From)
	if err != nil {
		return nil, err
	}
	run := r1.AdoptedRun(job.Fingerprint, r1.ContentDigest(r.From.Files))
	l := r1.Layout{Recipe: r.Plan.Recipe, Run: run}
	key := r1.JobKey{Run: run, Stage: job.Stage, Job: job.Name}
	out := &Adopted{Stage: job.Stage, Job: job.Name, Output: decl.Name, Rows: rows, Doubts: doubts, Copied: r.From.Dir != ""}
	o := artifact.UploadOptions{
		Name: job.Stage + "." + decl.Name, Type: decl.Type, Producer: r1.AttemptKey{JobKey: key}, Prefix: path.Join(l.Prefix(), decl.Path), Progress: r.Progress,
	}
	// Said first, so that whoever removes files sees that these are needed.
	entry := r1.AdoptedEntry{Recipe: r.Plan.Recipe, JobKey: key, Prefix: o.Prefix, From: r.From.Address}
	if err := s.PutJSON(ctx, r1.AdoptedIndex(l), entry); err != nil {
		return nil, fmt.Errorf("index what is adopted: %w", err)
	}
	if out.Copied {
		out.Artifact, err = s.Upload(ctx, r.From.Dir, o)
	} else {
		out.Artifact, err = s.Refer(ctx, r.From.Files, o)
	}
	if err != nil {
		return nil, fmt.Errorf("store what is adopted: %w", err)
	}
	now := time.Now().UTC()
	c := r1.Commit{
		Version: 1, Key: key, Kind: job.Kind, Fingerprint: job.Fingerprint, Outputs: map[string]r1.Artifact{decl.Name: out.Artifact}, Steps: job.ToStep,
		Started: now, Ended: now, Made: &r1.Made{Adopted: &r1.Adopted{From: r.From.Address, By: r.By, At: now, R1ctl: r.R1ctl}},
	}
	if decl.Type == r1.TypeDataset {
		c.Funnel, c.Metrics = &r1.Funnel{In: rows, Kept: rows}, map[string]float64{"rows": float64(rows)}
	}
	winner, won, err := s.Commit(ctx, l, c)
	if err != nil {
		return nil, fmt.Errorf("commit what is adopted: %w", err)
	}
	out.Already = !won
	if err := s.Prefer(ctx, l, winner); err != nil { // others may have been made or adopted since
		return nil, err
	}
	return out, nil
}

// Remove takes back what was adopted for an output: the commits, not the files. It says
// how many there were. Jobs of other recipes may be equal, and an adoption for one of these
// is taken back too: it is the one that would be reused.
func Remove(ctx context.Context, s Store, plan *r1.Plan, output r1.OutputRef) (int, error) {
	job, decl, err := (Request{Plan: plan, Output: output}).job()
	if err != nil {
		return 0, err
	}
	for n := 0; ; n++ {
		c, err := s.FindEqual(ctx, job.Fingerprint, func(c r1.Commit) bool { return c.Made != nil && c.Made.Adopted != nil && c.ReusedFrom == nil })
		if errors.Is(err, r1.ErrNotFound) {
			return n, nil
		}
		if err == nil {
			recipe, _, _ := strings.Cut(c.Outputs[decl.Name].Prefix, "/") // whichever it was adopted for
			l := r1.Layout{Recipe: recipe, Run: c.Key.Run}
			if err = s.Delete(ctx, l.Commit(c.Key)); err == nil {
				err = s.Delete(ctx, r1.AdoptedIndex(l))
			}
		}
		if err != nil {
			return n, fmt.Errorf("take back what was adopted: %w", err)
		}
	}
}

// job is the one whose output is adopted.
func (r Request) job() (*r1.PlannedJob, r1.OutputDecl, error) {
	if stage := r.Plan.Stage(r.Output.Stage); stage != nil {
		if job := stage.Job(r.Output.Job); job != nil {
			for _, o := range job.Outputs {
				if o.Name != r.Output.Output {
					continue
				}
				if len(job.Outputs) > 1 {
					return nil, o, &r1.Error{Name: "adopt-refused", Detail: fmt.Sprintf("%s/%s makes more than its %s", job.Stage, job.Name, o.Name),
						Remedy: "adopt the stage's own output"}
				}
				return job, o, nil
			}
		}
	}
	return nil, r1.OutputDecl{}, fmt.Errorf("the plan makes no %s/%s#%s", r.Output.Stage, r.Output.Job, r.Output.Output)
}
