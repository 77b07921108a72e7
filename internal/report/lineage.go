package report

import (
	"encoding/json"
	"slices"

	"github.com/r1ctl/r1ctl/internal/r1"
)

// makesModel says that a kind's output is a language model to be measured.
func makesModel(k r1.Kind) bool {
	switch k {
	case r1.KindBase, r1.KindGRPO, r1.KindSFT, r1.KindDistill:
		return true
	}
	return false
}

// origins answers who made what of what, from the plan.
type origins struct{ plan *r1.Plan }

func (l origins) job(ref r1.OutputRef) *r1.PlannedJob {
	if s := l.plan.Stage(ref.Stage); s != nil {
		return s.Job(ref.Job)
	}
	return nil
}

// models lists the models of the plan in its order: one a stage, or one a
// student. Of a stage in phases it is what the last one makes.
func (l origins) models() []r1.OutputRef {
	var out []r1.OutputRef
	for i := range l.plan.Stages {
		s := &l.plan.Stages[i]
		if !makesModel(s.Kind) {
			continue
		}
		for _, j := range s.Jobs {
			for _, ref := range s.Outputs {
				if ref.Job == j.Name && slices.ContainsFunc(j.Outputs, func(o r1.OutputDecl) bool {
					return o.Name == ref.Output && o.Type == r1.TypeModel
				}) {
					out = append(out, ref)
					break
				}
			}
		}
	}
	return out
}

// name is what a model is called: its stage, or among students the job.
func (l origins) name(ref r1.OutputRef) string {
	if s := l.plan.Stage(ref.Stage); s != nil && s.Kind == r1.KindDistill {
		return ref.Job
	}
	return ref.Stage
}

// evaluations lists the jobs that measure a model, in the plan's order.
func (l origins) evaluations(model r1.OutputRef) []*r1.PlannedJob {
	var out []*r1.PlannedJob
	for i := range l.plan.Stages {
		s := &l.plan.Stages[i]
		if s.Kind != r1.KindEvaluate {
			continue
		}
		for k := range s.Jobs {
			if s.Jobs[k].Inputs["model"] == model {
				out = append(out, &s.Jobs[k])
			}
		}
	}
	return out
}

// teachers are the models whose samples a job's data was made of.
func (l origins) teachers(job *r1.PlannedJob) []r1.OutputRef {
	var out []r1.OutputRef
	seen := map[r1.OutputRef]bool{}
	var walk func(ref r1.OutputRef)
	walk = func(ref r1.OutputRef) {
		if seen[ref] {
			return
		}
		seen[ref] = true
		j := l.job(ref)
		if j == nil {
			return
		}
		if j.Kind == r1.KindSample {
			if m, ok := j.Inputs["model"]; ok && !slices.Contains(out, m) {
				out = append(out, m)
			}
			return
		}
		if j.Kind != r1.KindCurate {
			return
		}
		excluded := comparedWith(j.Params)
		for _, name := range sortedKeys(j.Inputs) {
			if !excluded[name] {
				walk(j.Inputs[name])
			}
		}
	}
	if ref, ok := job.Inputs["data"]; ok {
		walk(ref)
	}
	return out
}

// comparedWith names the inputs of a curate job that give it no rows.
func comparedWith(params json.RawMessage) map[string]bool {
	var p struct {
		Steps []struct {
			Against string `json:"against"`
		} `json:"steps"`
	}
	out := map[string]bool{}
	if json.Unmarshal(params, &p) == nil {
		for _, s := range p.Steps {
			if s.Against != "" {
				out[s.Against] = true
			}
		}
	}
	return out
}

// fromBase says that RL starts at the starting model itself, as R1-Zero does.
func (l origins) fromBase(stage *r1.PlannedStage) bool {
	if len(stage.Jobs) == 0 {
		return false
	}
	ref, ok := stage.Jobs[0].Inputs["policy"]
	if !ok {
		return false
	}
	j := l.job(ref)
	return j != nil && j.Kind == r1.KindBase
}

// producer says in words where an input comes from.
func (l origins) producer(ref r1.OutputRef) string {
	name := ref.Stage
	if ref.Job != r1.MainJob {
		name += "/" + ref.Job
	}
	return name + "." + ref.Output
}
