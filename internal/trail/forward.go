package trail

import (
	"context"
	"errors"
	"maps"
	"slices"

	"github.com/r1ctl/r1ctl/internal/r1"
)

// Fate is what a later stage did with a row.
type Fate struct {
	Stage  string  `json:"stage"`
	Kind   r1.Kind `json:"kind"`
	Did    string  `json:"did"` // kept, changed, dropped, asked, trained-on
	Step   string  `json:"step,omitempty"`
	Reason string  `json:"reason,omitempty"`
	At     *Place  `json:"at,omitempty"` // in its data
	// Samples are how many responses to the row a sampler kept.
	Samples int `json:"samples,omitempty"`
}

// What later stages do with a row, besides Kept and Changed.
const (
	Dropped   = "dropped"
	Asked     = "asked"
	TrainedOn = "trained-on"
)

// Forward says what later stages did with a row, in the plan's order. It follows the row
// itself and not what was sampled in answer to it.
func (r *Run) Forward(ctx context.Context, row Row) ([]Fate, error) {
	holds := map[string]*Row{row.At.Stage: &row}
	var out []Fate
	for i := range r.run.Plan.Stages {
		stage := &r.run.Plan.Stages[i]
		inputs := stage.Jobs[0].Inputs
		for _, name := range slices.Sorted(maps.Keys(inputs)) {
			before := holds[inputs[name].Stage]
			if before == nil || stage.Name == inputs[name].Stage {
				continue
			}
			fate, after, err := r.fate(ctx, stage, before)
			if errors.Is(err, ErrNotCommitted) {
				break
			}
			if err != nil {
				return nil, err
			}
			if fate == nil {
				continue // it was only compared with
			}
			out = append(out, *fate)
			if after != nil {
				holds[stage.Name] = after
			}
			break
		}
	}
	return out, nil
}

// fate is what a stage did with a row of one of its inputs; nil where it was only
// compared with. after is the row in the stage's own data.
func (r *Run) fate(ctx context.Context, stage *r1.PlannedStage, before *Row) (f *Fate, after *Row, err error) {
	f = &Fate{Stage: stage.Name, Kind: stage.Kind}
	switch stage.Kind {
	case r1.KindCurate:
	case r1.KindSample, r1.KindEvaluate:
		f.Did = Asked
		for other, err := range r.Rows(ctx, stage, before.ID) {
			if err != nil {
				return nil, nil, err
			}
			if other.ID == before.ID {
				f.Samples++
			}
		}
		return f, nil, nil
	default:
		f.Did = TrainedOn
		_, err := r.committed(ctx, stage)
		return f, nil, err
	}
	for other, err := range r.Rows(ctx, stage, before.ID) {
		if err != nil {
			return nil, nil, err
		}
		if other.ID == before.ID && same(other.number(), before.number()) {
			f.Did, f.At = Kept, &other.At
			if len(changes(before, &other)) > 0 {
				f.Did = Changed
			}
			return f, &other, nil
		}
	}
	for d, err := range r.Dropped(ctx, stage, before.ID) {
		if err != nil {
			return nil, nil, err
		}
		if d.ID == before.ID && (d.Sample == nil || same(d.Sample, before.number())) {
			f.Did, f.Step, f.Reason = Dropped, d.Step, d.Reason
			return f, nil, nil
		}
	}
	return nil, nil, nil
}

// committed says whether a stage is done.
func (r *Run) committed(ctx context.Context, stage *r1.PlannedStage) (bool, error) {
	for _, job := range stage.Jobs {
		_, err := r.store.FindCommit(ctx, r1.Layout{Recipe: r.run.Recipe, Run: r.run.ID}, r1.JobKey{Run: r.run.ID, Stage: stage.Name, Job: job.Name})
		if errors.Is(err, r1.ErrNotFound) {
			return false, ErrNotCommitted
		}
		if err != nil {
			return false, err
		}
	}
	return true, nil
}
