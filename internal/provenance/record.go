package provenance

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/r1ctl/r1ctl/internal/lineage"
	"github.com/r1ctl/r1ctl/internal/r1"
)

// Store is what this package needs of the artifact store.
type Store interface {
	GetJSON(ctx context.Context, key string, v any) error
	FindCommit(ctx context.Context, l r1.Layout, key r1.JobKey) (r1.Commit, error)
	Manifest(ctx context.Context, a r1.Artifact) (r1.Manifest, error)
}

// Record is all that is known of an artifact's making.
type Record struct {
	Artifact r1.Artifact        `json:"artifact"`
	Files    []r1.ManifestEntry `json:"files"`
	Recipe   string             `json:"recipe"`
	Profile  string             `json:"profile"`
	// RecipeSHA256 is the digest of the recipe's text, as it was frozen in the run.
	RecipeSHA256 string `json:"recipe_sha256"`
	Step                // its own
	// Behind are the jobs that it was made of, the farthest first.
	Behind []Step `json:"behind"`
	// Measured are the evaluations of it in the run.
	Measured []Measured `json:"measured,omitempty"`
}

// Step is a job on the way to an artifact.
type Step struct {
	Run         string             `json:"run"` // that made it
	Stage       string             `json:"stage"`
	Title       string             `json:"title,omitempty"`
	Job         string             `json:"job"`
	Attempt     int                `json:"attempt"`
	Kind        r1.Kind            `json:"kind"`
	Fingerprint string             `json:"fingerprint"`
	Seed        int64              `json:"seed"`
	Params      json.RawMessage    `json:"params"`
	Steps       int                `json:"steps,omitempty"`
	Started     time.Time          `json:"started"`
	Ended       time.Time          `json:"ended"`
	Maker       *r1.Maker          `json:"maker,omitempty"`
	Rollbacks   []r1.Rollback      `json:"rollbacks,omitempty"`
	Funnel      *r1.Funnel         `json:"funnel,omitempty"`
	Metrics     map[string]float64 `json:"metrics,omitempty"`
	Inputs      []Input            `json:"inputs"`
	Outputs     map[string]string  `json:"outputs"` // sha256 of the content, by name
}

// Input is an artifact that a job read.
type Input struct {
	Name   string `json:"name"` // as the job calls it
	From   string `json:"from"` // "<stage>.<output>"
	URI    string `json:"uri"`
	SHA256 string `json:"sha256"`
}

// Measured is an evaluation.
type Measured struct {
	Stage   string             `json:"stage"`
	Metrics map[string]float64 `json:"metrics"`
}

// Collect follows an output of a run to where it comes from. What it was made of must
// be committed, as it is when the output is.
func Collect(ctx context.Context, s Store, run *r1.Run, out r1.OutputRef) (*Record, error) {
	c := collector{store: s, run: run, layout: r1.Layout{Recipe: run.Recipe, Run: run.ID}, steps: map[string]bool{}}
	commit, err := c.commit(ctx, out)
	if err != nil {
		return nil, err
	}
	artifact, ok := commit.Outputs[out.Output]
	if !ok {
		return nil, fmt.Errorf("the commit of %s has no output %s", commit.Key, out.Output)
	}
	m, err := s.Manifest(ctx, artifact)
	if err != nil {
		return nil, err
	}
	if err := c.walk(ctx, out); err != nil {
		return nil, err
	}
	sum := sha256.Sum256([]byte(run.RecipeYAML))
	last := len(c.found) - 1
	r := &Record{Artifact: artifact, Files: m.Files, Recipe: run.Recipe, Profile: run.Profile, RecipeSHA256: hex.EncodeToString(sum[:]),
		Step: c.found[last], Behind: c.found[:last]}
	r.Measured, err = c.measured(ctx, out)
	return r, err
}

type collector struct {
	store  Store
	run    *r1.Run
	layout r1.Layout
	steps  map[string]bool // "<stage>/<job>" that were found
	found  []Step
}

// commit reads the commit of the job that makes an output.
func (c *collector) commit(ctx context.Context, ref r1.OutputRef) (r1.Commit, error) {
	key := r1.JobKey{Run: c.run.ID, Stage: ref.Stage, Job: ref.Job}
	commit, err := c.store.FindCommit(ctx, c.layout, key)
	if err != nil {
		return commit, fmt.Errorf("read the commit of %s: %w", key, err)
	}
	return commit, nil
}

// walk adds a job behind those it was made of.
func (c *collector) walk(ctx context.Context, ref r1.OutputRef) error {
	if c.steps[ref.Stage+"/"+ref.Job] {
		return nil
	}
	c.steps[ref.Stage+"/"+ref.Job] = true
	stage := c.run.Plan.Stage(ref.Stage)
	if stage == nil || stage.Job(ref.Job) == nil {
		return fmt.Errorf("the plan of run %s has no job %s/%s", c.run.ID, ref.Stage, ref.Job)
	}
	job := stage.Job(ref.Job)
	commit, err := c.commit(ctx, ref)
	if err != nil {
		return err
	}
	step := Step{Run: c.run.ID, Stage: ref.Stage, Title: stage.Title, Job: ref.Job, Kind: job.Kind, Seed: job.Seed, Params: job.Params,
		Inputs: []Input{}, Outputs: map[string]string{}}
	for _, name := range slices.Sorted(maps.Keys(job.Inputs)) {
		from := job.Inputs[name]
		if err := c.walk(ctx, from); err != nil {
			return err
		}
		producer, err := c.commit(ctx, from)
		if err != nil {
			return err
		}
		a := producer.Outputs[from.Output]
		step.Inputs = append(step.Inputs, Input{Name: name, From: from.Stage + "." + from.Output, URI: a.URI, SHA256: a.SHA256})
	}
	if commit, err = c.made(ctx, commit); err != nil {
		return err
	}
	step.Run, step.Attempt, step.Fingerprint = commit.Key.Run, commit.Attempt, commit.Fingerprint
	step.Steps, step.Started, step.Ended = commit.Steps, commit.Started, commit.Ended
	if commit.Made != nil {
		step.Maker = commit.Made.By
	}
	step.Rollbacks, step.Funnel, step.Metrics = commit.Rollbacks, commit.Funnel, commit.Metrics
	for name, a := range commit.Outputs {
		step.Outputs[name] = a.SHA256
	}
	c.found = append(c.found, step)
	return nil
}

// made finds the commit of the attempt that made what another commit reuses. Where
// its run is gone, the repetition tells all but who, when and in what.
func (c *collector) made(ctx context.Context, commit r1.Commit) (r1.Commit, error) {
	if commit.ReusedFrom == nil {
		return commit, nil
	}
	var entry struct {
		Recipe string `json:"recipe"`
	}
	err := c.store.GetJSON(ctx, r1.RunIndex(commit.ReusedFrom.Run), &entry)
	if err == nil {
		var first r1.Commit
		if first, err = c.store.FindCommit(ctx, r1.Layout{Recipe: entry.Recipe, Run: commit.ReusedFrom.Run}, *commit.ReusedFrom); err == nil {
			return first, nil
		}
	}
	if errors.Is(err, r1.ErrNotFound) {
		return commit, nil
	}
	return commit, fmt.Errorf("read the commit of %s: %w", *commit.ReusedFrom, err)
}

// measured finds the evaluations of a model that are committed.
func (c *collector) measured(ctx context.Context, out r1.OutputRef) ([]Measured, error) {
	var list []Measured
	for _, m := range lineage.Models(&c.run.Plan) {
		if m.Model != out {
			continue
		}
		commit, err := c.commit(ctx, r1.OutputRef{Stage: m.Evaluate, Job: r1.MainJob})
		if errors.Is(err, r1.ErrNotFound) {
			continue
		}
		if err != nil {
			return nil, err
		}
		list = append(list, Measured{Stage: m.Evaluate, Metrics: commit.Metrics})
	}
	return list, nil
}
