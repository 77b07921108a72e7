package trail

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/r1ctl/r1ctl/internal/r1"
)

// Step is one station of a row, the newest first.
type Step struct {
	Stage string  `json:"stage"`
	Kind  r1.Kind `json:"kind"`
	At    Place   `json:"at"`
	// Did says what the stage did with it: kept, changed, sampled, read.
	Did     string   `json:"did"`
	Changed []string `json:"changed,omitempty"` // fields that are otherwise than before
	Row     Row      `json:"row"`
	Model   *Model   `json:"model,omitempty"`  // that was sampled
	Source  *Source  `json:"source,omitempty"` // from outside, where the way begins
}

// What a stage did with a row.
const (
	Kept    = "kept"
	Changed = "changed"
	Sampled = "sampled"
	ReadIn  = "read"
)

// Model is what a sample was drawn from.
type Model struct {
	Stage string `json:"stage,omitempty"`
	Job   string `json:"job,omitempty"`
	// Run is the run that trained it, where it was reused.
	Run string `json:"run,omitempty"`
	// SHA256 is the digest of the weights, by the row; Weights that of the artifact's
	// own file, where it is one file.
	SHA256  string `json:"sha256,omitempty"`
	Weights string `json:"weights,omitempty"`
	Steps   int    `json:"steps,omitempty"`
	Name    string `json:"name,omitempty"` // at an endpoint
}

// Source is a line of data from outside.
type Source struct {
	Name    string `json:"name"`
	Address string `json:"address,omitempty"`
	File    string `json:"file,omitempty"`
	Line    int    `json:"line,omitempty"`
}

// Back follows a row to where it comes from. The error broken-trail says that a
// dataset on the way does not hold it.
func (r *Run) Back(ctx context.Context, row Row) ([]Step, error) {
	var out []Step
	for range len(r.run.Plan.Stages) + 1 {
		stage := r.run.Plan.Stage(row.At.Stage)
		step := Step{Stage: stage.Name, Kind: stage.Kind, At: row.At, Row: row, Did: Kept}
		before, err := r.before(ctx, stage, &step)
		if err != nil {
			return nil, err
		}
		out = append(out, step)
		if before == nil {
			return out, nil
		}
		row = *before
	}
	return nil, fmt.Errorf("row %s of stage %s goes in a ring", row.ID, row.At.Stage)
}

// before finds the row that a stage made this one of; nil where it came from outside.
func (r *Run) before(ctx context.Context, stage *r1.PlannedStage, step *Step) (*Row, error) {
	row := &step.Row
	if stage.Kind != r1.KindCurate {
		step.Did = Sampled
		if err := r.model(ctx, stage, step); err != nil {
			return nil, err
		}
		for _, input := range []string{"prompts", "problems"} {
			if from, ok := stage.Jobs[0].Inputs[input]; ok {
				return r.asked(ctx, stage, from, row)
			}
		}
		return nil, fmt.Errorf("stage %s has no prompts", stage.Name)
	}
	inputs := stage.Jobs[0].Inputs
	for _, name := range slices.Sorted(maps.Keys(inputs)) {
		before, err := r.earlier(ctx, inputs[name], row)
		if err != nil {
			return nil, err
		}
		if before != nil {
			if step.Changed = changes(before, row); len(step.Changed) > 0 {
				step.Did = Changed
			}
			return before, nil
		}
	}
	if row.Origin.Source == "" {
		return nil, r.broken(row, "no input of stage "+stage.Name+" holds it, and it names no source")
	}
	step.Did = ReadIn
	step.Source = &Source{Name: row.Origin.Source, File: row.Origin.File, Line: row.Origin.Line, Address: address(stage, row.Origin.Source)}
	return nil, nil
}

func (r *Run) broken(row *Row, why string) error {
	return &r1.Error{Name: "broken-trail", Detail: fmt.Sprintf("row %s at %s cannot be followed: %s", row.ID, row.At, why), Remedy: "r1ctl artifacts verify " + r.run.ID}
}

// earlier finds the row in an input of a curate stage: the same sample of the same
// prompt, by the same sampler.
func (r *Run) earlier(ctx context.Context, from r1.OutputRef, row *Row) (*Row, error) {
	for other, err := range r.Rows(ctx, r.run.Plan.Stage(from.Stage), row.ID) {
		if err != nil {
			return nil, err
		}
		if other.ID != row.ID || !same(other.number(), row.number()) {
			continue
		}
		if other.Origin.Stage != row.Origin.Stage || other.Origin.Job != row.Origin.Job || other.Origin.Run != row.Origin.Run {
			continue
		}
		return &other, nil
	}
	return nil, nil
}

// asked finds the prompt of a sample.
func (r *Run) asked(ctx context.Context, stage *r1.PlannedStage, from r1.OutputRef, row *Row) (*Row, error) {
	for other, err := range r.Rows(ctx, r.run.Plan.Stage(from.Stage), row.ID) {
		if err != nil {
			return nil, err
		}
		if other.ID == row.ID {
			return &other, nil
		}
	}
	return nil, r.broken(row, fmt.Sprintf("stage %s, which stage %s was asked from, does not hold its prompt", from.Stage, stage.Name))
}

// model says what a sample was drawn from.
func (r *Run) model(ctx context.Context, stage *r1.PlannedStage, step *Step) error {
	step.Model = &Model{SHA256: step.Row.Origin.SHA256, Name: step.Row.Origin.Model}
	from, ok := stage.Jobs[0].Inputs["model"]
	if !ok {
		return nil
	}
	step.Model.Stage, step.Model.Job = from.Stage, from.Job
	commit, err := r.store.FindCommit(ctx, r1.Layout{Recipe: r.run.Recipe, Run: r.run.ID}, r1.JobKey{Run: r.run.ID, Stage: from.Stage, Job: from.Job})
	if errors.Is(err, r1.ErrNotFound) {
		return r.broken(&step.Row, "its model, of stage "+from.Stage+", is not committed")
	}
	if err != nil {
		return fmt.Errorf("read the commit of %s: %w", from.Stage, err)
	}
	step.Model.Steps = commit.Steps
	if commit.ReusedFrom != nil {
		step.Model.Run = commit.ReusedFrom.Run
	}
	m, err := r.store.Manifest(ctx, commit.Outputs[from.Output])
	if err != nil {
		return fmt.Errorf("read the manifest of %s: %w", from.Stage, err)
	}
	step.Model.Weights = weights(m)
	if step.Model.Weights != "" && step.Model.SHA256 != "" && step.Model.Weights != step.Model.SHA256 {
		return r.broken(&step.Row, fmt.Sprintf("it was sampled from weights %.12s, and stage %s made %.12s", step.Model.SHA256, from.Stage, step.Model.Weights))
	}
	return nil
}

// weights is the digest of a model's only weights file; "" where there are several.
func weights(m r1.Manifest) string {
	sum := ""
	for _, f := range m.Files {
		if len(f.Path) > 12 && f.Path[len(f.Path)-12:] == ".safetensors" {
			if sum != "" {
				return ""
			}
			sum = f.SHA256
		}
	}
	return sum
}

// changes lists the fields that a stage changed.
func changes(before, after *Row) []string {
	var out []string
	for _, f := range []struct {
		name string
		same bool
	}{
		{"prompt", before.Prompt == after.Prompt}, {"response", before.Response == after.Response},
		{"chosen", before.Chosen == after.Chosen}, {"rejected", before.Rejected == after.Rejected},
		{"gold", string(before.Gold) == string(after.Gold)}, {"domain", before.Domain == after.Domain},
	} {
		if !f.same {
			out = append(out, f.name)
		}
	}
	return out
}

// address is that of a curate stage's source.
func address(stage *r1.PlannedStage, name string) string {
	var params struct {
		Sources []struct {
			Name    string `json:"name"`
			Address string `json:"address"`
		} `json:"sources"`
	}
	if json.Unmarshal(stage.Jobs[0].Params, &params) != nil {
		return ""
	}
	for _, s := range params.Sources {
		if s.Name == name {
			return s.Address
		}
	}
	return ""
}
