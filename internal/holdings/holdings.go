package holdings

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/r1ctl/r1ctl/internal/artifact"
	"github.com/r1ctl/r1ctl/internal/r1"
	"github.com/r1ctl/r1ctl/internal/suggest"
)

// Store is what this package needs of the artifact store.
type Store interface {
	GetJSON(ctx context.Context, key string, v any) error
	FindCommit(ctx context.Context, l r1.Layout, key r1.JobKey) (r1.Commit, error)
	Manifest(ctx context.Context, a r1.Artifact) (r1.Manifest, error)
	Download(ctx context.Context, a r1.Artifact, dir string, o artifact.DownloadOptions) error
	CheckFiles(ctx context.Context, files []r1.ManifestEntry, progress func(done, total int64)) ([]artifact.Damage, error)
}

// Artifact is an output of a stage that is committed.
type Artifact struct {
	Run    string          `json:"run"`
	Stage  string          `json:"stage"`
	Output string          `json:"output"` // as the stage calls it
	Job    string          `json:"job"`
	Type   r1.ArtifactType `json:"type"`
	URI    string          `json:"uri"`
	SHA256 string          `json:"sha256"`
	Bytes  int64           `json:"bytes"`
	Files  int             `json:"files"`
	// Elsewhere are the bytes that lie below other artifacts with equal files.
	Elsewhere int64     `json:"elsewhere_bytes"`
	Committed time.Time `json:"committed"`
	// ReusedFrom is the run that made it, where that is another one.
	ReusedFrom string `json:"reused_from,omitempty"`
	// Missing says why there is no complete artifact any more; empty: there is.
	Missing string `json:"missing,omitempty"`
	Removed bool   `json:"removed,omitempty"` // by a garbage collection

	Ref      r1.Artifact `json:"-"`
	Manifest r1.Manifest `json:"-"`
}

// Name is "<stage>.<output>".
func (a *Artifact) Name() string { return a.Stage + "." + a.Output }

// List gives the committed artifacts of a run, or of one stage, in the order of the plan.
func List(ctx context.Context, s Store, run *r1.Run, stage string) ([]Artifact, error) {
	if stage != "" && run.Plan.Stage(stage) == nil {
		return nil, unknownStage(run, stage)
	}
	var removed r1.Removed
	l := r1.Layout{Recipe: run.Recipe, Run: run.ID}
	if err := s.GetJSON(ctx, l.Removed(), &removed); err != nil && !errors.Is(err, r1.ErrNotFound) {
		return nil, fmt.Errorf("read what was removed of run %s: %w", run.ID, err)
	}
	lists := make([][]Artifact, len(run.Plan.Stages))
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(8)
	for i := range run.Plan.Stages {
		if p := &run.Plan.Stages[i]; stage == "" || p.Name == stage {
			g.Go(func() error {
				var err error
				lists[i], err = ofStage(gctx, s, l, p, removed)
				return err
			})
		}
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	return slices.Concat(lists...), nil
}

func ofStage(ctx context.Context, s Store, l r1.Layout, p *r1.PlannedStage, removed r1.Removed) ([]Artifact, error) {
	var out []Artifact
	for _, name := range slices.Sorted(maps.Keys(p.Outputs)) {
		ref := p.Outputs[name]
		key := r1.JobKey{Run: l.Run, Stage: p.Name, Job: ref.Job}
		commit, err := s.FindCommit(ctx, l, key)
		if errors.Is(err, r1.ErrNotFound) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("read the commit of %s: %w", key, err)
		}
		a, ok := commit.Outputs[ref.Output]
		if !ok {
			return nil, fmt.Errorf("the commit of %s has no output %s", key, ref.Output)
		}
		h := Artifact{Run: l.Run, Stage: p.Name, Output: name, Job: ref.Job, Type: a.Type, URI: a.URI, SHA256: a.SHA256,
			Bytes: a.Bytes, Files: a.Files, Committed: commit.Ended, Ref: a}
		if commit.ReusedFrom != nil {
			h.ReusedFrom = commit.ReusedFrom.Run
		}
		if err := h.look(ctx, s, removed); err != nil {
			return nil, err
		}
		out = append(out, h)
	}
	return out, nil
}

// look reads the manifest. A name that no manifest bears out is told, not hidden.
func (a *Artifact) look(ctx context.Context, s Store, removed r1.Removed) error {
	m, err := s.Manifest(ctx, a.Ref)
	known, _ := r1.AsError(err)
	switch {
	case err == nil:
		a.Manifest = m
		for _, f := range m.Files {
			if !strings.HasPrefix(f.Key, a.Ref.Prefix+"/") {
				a.Elsewhere += f.Size
			}
		}
	case errors.Is(err, r1.ErrNotFound):
		a.Missing = "there is no manifest at " + a.URI
		if r, ok := removed.Artifacts[a.Ref.Prefix]; ok {
			a.Removed = true
			a.Missing = fmt.Sprintf("removed on %s: %s", r.At.Local().Format(time.DateOnly), r.Why)
		}
	case known != nil && known.Name == "artifact-corrupt":
		a.Missing = known.Detail
	default:
		return err
	}
	return nil
}

// Find gives the artifact that "<stage>" or "<stage>.<output>" names. A stage of
// several outputs must be told which.
func Find(ctx context.Context, s Store, run *r1.Run, name string) (Artifact, error) {
	stage, output, named := strings.Cut(name, ".")
	list, err := List(ctx, s, run, stage)
	if err != nil {
		return Artifact{}, err
	}
	planned := slices.Sorted(maps.Keys(run.Plan.Stage(stage).Outputs))
	if !named && len(planned) == 1 {
		output = planned[0]
	}
	for _, a := range list {
		if a.Output == output {
			return a, nil
		}
	}
	e := &r1.Error{Name: "unknown-output", Remedy: fmt.Sprintf("r1ctl artifacts ls %s %s", run.ID, stage)}
	switch {
	case slices.Contains(planned, output):
		e.Name, e.Detail = "not-committed", fmt.Sprintf("%s.%s of run %s is not there yet", stage, output, run.ID)
		e.Remedy = "see how far the run is: r1ctl status " + run.ID
	case named:
		e.Detail = fmt.Sprintf("stage %s has no output %q", stage, output)
		if near := suggest.Nearest(output, planned); near != "" {
			e.Detail += fmt.Sprintf("; did you mean %q?", near)
		}
	default:
		e.Detail = fmt.Sprintf("stage %s has several outputs: say which, such as %s.%s (of %s)", stage, stage, planned[0], strings.Join(planned, ", "))
	}
	return Artifact{}, e
}

func unknownStage(run *r1.Run, stage string) error {
	var names []string
	for _, st := range run.Plan.Stages {
		names = append(names, st.Name)
	}
	e := &r1.Error{Name: "unknown-stage", Detail: fmt.Sprintf("run %s has no stage %q", run.ID, stage), Remedy: "r1ctl status " + run.ID}
	if near := suggest.Nearest(stage, names); near != "" {
		e.Detail += fmt.Sprintf("; did you mean %q?", near)
	}
	return e
}
