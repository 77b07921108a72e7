package trail

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"path"

	"github.com/r1ctl/r1ctl/internal/curate"
	"github.com/r1ctl/r1ctl/internal/r1"
)

// Store reads commits and artifacts; *artifact.Store does.
type Store interface {
	FindCommit(ctx context.Context, l r1.Layout, job r1.JobKey) (r1.Commit, error)
	Manifest(ctx context.Context, a r1.Artifact) (r1.Manifest, error)
	OpenFile(ctx context.Context, a r1.Artifact, path string) (io.ReadCloser, error)
}

// Run is a run whose rows are followed.
type Run struct {
	store Store
	run   *r1.Run
}

// Open takes a run.
func Open(store Store, run *r1.Run) *Run { return &Run{store, run} }

// Row is what is read of a row; Raw is all of it.
type Row struct {
	ID       string              `json:"id"`
	Domain   string              `json:"domain,omitempty"`
	Sample   *int                `json:"sample,omitempty"`
	Prompt   string              `json:"prompt,omitempty"`
	Response string              `json:"response,omitempty"`
	Chosen   string              `json:"chosen,omitempty"`
	Rejected string              `json:"rejected,omitempty"`
	Gold     json.RawMessage     `json:"gold,omitempty"`
	Tokens   int                 `json:"tokens,omitempty"`
	Finish   string              `json:"finish,omitempty"`
	Verdict  *r1.Verdict         `json:"verdict,omitempty"`
	Rewards  map[string]*float64 `json:"rewards,omitempty"`
	Origin   Origin              `json:"origin,omitzero"`

	Raw json.RawMessage `json:"-"`
	At  Place           `json:"-"`
}

// Origin is where a row says it comes from: a sampler, or a line of a source.
type Origin struct {
	Run    string `json:"run,omitempty"`
	Stage  string `json:"stage,omitempty"`
	Job    string `json:"job,omitempty"`
	Sample *int   `json:"sample,omitempty"`
	SHA256 string `json:"model_sha256,omitempty"` // of the weights that were sampled
	Model  string `json:"model,omitempty"`        // that an endpoint served
	Source string `json:"source,omitempty"`
	File   string `json:"file,omitempty"`
	Line   int    `json:"line,omitempty"`
}

// Place is where a row lies in a stage's dataset.
type Place struct {
	Stage string `json:"stage"`
	File  string `json:"file"`
	Line  int    `json:"line"`
}

func (p Place) String() string { return fmt.Sprintf("%s %s:%d", p.Stage, p.File, p.Line) }

// Drop is a row that a step dropped, as the stage's accounts have it.
type Drop struct {
	ID     string `json:"id,omitempty"`
	Sample *int   `json:"sample,omitempty"`
	Domain string `json:"domain,omitempty"`
	Step   string `json:"step"`
	Reason string `json:"reason"`
	Source string `json:"source"`
	File   string `json:"file"`
	Line   int    `json:"line"`
	Text   string `json:"text,omitempty"` // of a malformed row
}

// ErrNotCommitted says that a stage has not made its rows yet.
var ErrNotCommitted = errors.New("not committed")

// Files lists the files of rows in a stage's datasets and reports, in order.
func (r *Run) Files(ctx context.Context, stage *r1.PlannedStage) ([]curate.NamedSource, error) {
	return r.files(ctx, stage, curate.HoldsRows)
}

// files lists the files of a stage's datasets and reports that are wanted by name.
func (r *Run) files(ctx context.Context, stage *r1.PlannedStage, want func(string) bool) ([]curate.NamedSource, error) {
	layout := r1.Layout{Recipe: r.run.Recipe, Run: r.run.ID}
	var out []curate.NamedSource
	for _, job := range stage.Jobs {
		commit, err := r.store.FindCommit(ctx, layout, r1.JobKey{Run: r.run.ID, Stage: stage.Name, Job: job.Name})
		if errors.Is(err, r1.ErrNotFound) {
			return nil, fmt.Errorf("stage %s: %w", stage.Name, ErrNotCommitted)
		}
		if err != nil {
			return nil, fmt.Errorf("read the commit of %s: %w", stage.Name, err)
		}
		for _, o := range job.Outputs {
			a := commit.Outputs[o.Name]
			if a.Type != r1.TypeDataset && a.Type != r1.TypeReport {
				continue
			}
			m, err := r.store.Manifest(ctx, a)
			if err != nil {
				return nil, fmt.Errorf("read the manifest of %s: %w", a.Name, err)
			}
			for _, file := range m.Files {
				if !want(path.Base(file.Path)) {
					continue
				}
				open := func(ctx context.Context) (io.ReadCloser, error) { return r.store.OpenFile(ctx, a, file.Path) }
				out = append(out, curate.NamedSource{Name: file.Path, Source: curate.Stream(file.Path, open)})
			}
		}
	}
	return out, nil
}

// Rows reads the rows that a stage made, in order. A part that is not empty must be in a
// row's text, which saves decoding the others.
func (r *Run) Rows(ctx context.Context, stage *r1.PlannedStage, part string) iter.Seq2[Row, error] {
	return func(yield func(Row, error) bool) {
		files, err := r.Files(ctx, stage)
		if err != nil {
			yield(Row{}, err)
			return
		}
		for _, f := range files {
			number := 0
			for line, err := range f.Source.Rows(ctx) {
				if err != nil {
					yield(Row{}, fmt.Errorf("read %s of stage %s: %w", f.Name, stage.Name, err))
					return
				}
				number++
				if !bytes.Contains(line.Raw, []byte(part)) {
					continue
				}
				row := Row{Raw: bytes.Clone(line.Raw), At: Place{Stage: stage.Name, File: f.Name, Line: line.Number}}
				if json.Unmarshal(line.Raw, &row) != nil {
					continue // what is no row was counted where it was read
				}
				if !yield(row, nil) {
					return
				}
			}
		}
	}
}

// Dropped reads what a stage dropped, in order.
func (r *Run) Dropped(ctx context.Context, stage *r1.PlannedStage, part string) iter.Seq2[Drop, error] {
	return func(yield func(Drop, error) bool) {
		files, err := r.files(ctx, stage, r1.IsAccount)
		if err != nil {
			yield(Drop{}, err)
			return
		}
		for _, f := range files {
			for line, err := range f.Source.Rows(ctx) {
				if err != nil {
					yield(Drop{}, fmt.Errorf("read %s of stage %s: %w", f.Name, stage.Name, err))
					return
				}
				if !bytes.Contains(line.Raw, []byte(part)) {
					continue
				}
				var d Drop
				if err := json.Unmarshal(line.Raw, &d); err != nil {
					yield(d, fmt.Errorf("read %s of stage %s, line %d: %w", f.Name, stage.Name, line.Number, err))
					return
				}
				if d.Step == "" {
					d.Step = "malformed"
				}
				if !yield(d, nil) {
					return
				}
			}
		}
	}
}
