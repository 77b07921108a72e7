package lineage

import (
	"encoding/json"

	"github.com/r1ctl/r1ctl/internal/r1"
)

// Measured is a model of the plan with the evaluate stage that measures it.
type Measured struct {
	Evaluate string       // the evaluate stage
	Title    string       // of the stage that makes the model, for people
	Model    r1.OutputRef // the stage, job and output that make the model
	Kind     r1.Kind      // how it is made
	// Before is the evaluate stage of the model this one started from; "" where it
	// started from none, or from one that the plan does not measure.
	Before string
}

// Models lists the measured models in the plan's order. A model that several
// stages evaluate is listed once for each; Before is then the first of its parent's.
func Models(plan *r1.Plan) []Measured {
	var out []Measured
	by := map[r1.OutputRef]string{}
	for i := range plan.Stages {
		s := &plan.Stages[i]
		if s.Kind != r1.KindEvaluate || len(s.Jobs) == 0 {
			continue
		}
		model := s.Jobs[0].Inputs["model"]
		maker := plan.Stage(model.Stage)
		if maker == nil {
			continue
		}
		if _, twice := by[model]; !twice {
			by[model] = s.Name
		}
		out = append(out, Measured{Evaluate: s.Name, Title: title(maker, model), Model: model, Kind: maker.Kind})
	}
	for i := range out {
		if parent, ok := Parent(plan, out[i].Model); ok {
			out[i].Before = by[parent]
		}
	}
	return out
}

// title is that of the stage, with the output where it makes several models.
func title(maker *r1.PlannedStage, model r1.OutputRef) string {
	if len(maker.Outputs) < 2 {
		return maker.Title
	}
	for name, ref := range maker.Outputs {
		if ref == model {
			return maker.Title + ": " + name
		}
	}
	return maker.Title
}

// Parent is the model that a model started from. A student from a source has the
// model of a base stage with the same source for a parent.
func Parent(plan *r1.Plan, model r1.OutputRef) (r1.OutputRef, bool) {
	stage := plan.Stage(model.Stage)
	for hops := 0; stage != nil && hops <= len(stage.Jobs); hops++ {
		job := stage.Job(model.Job)
		if job == nil || job.Kind == r1.KindBase {
			break
		}
		from, ok := startsFrom(job)
		if !ok {
			return sameSource(plan, job)
		}
		if from.Stage != stage.Name {
			return from, true
		}
		model = from // an earlier phase of the same stage
	}
	return r1.OutputRef{}, false
}

func startsFrom(job *r1.PlannedJob) (r1.OutputRef, bool) {
	for _, input := range []string{"policy", "model", "student"} {
		if from, ok := job.Inputs[input]; ok {
			return from, true
		}
	}
	return r1.OutputRef{}, false
}

func sameSource(plan *r1.Plan, job *r1.PlannedJob) (r1.OutputRef, bool) {
	source := sourceOf(job)
	if source == "" {
		return r1.OutputRef{}, false
	}
	for i := range plan.Stages {
		s := &plan.Stages[i]
		if s.Kind != r1.KindBase || sourceOf(&s.Jobs[0]) != source {
			continue
		}
		if ref, ok := s.Outputs["model"]; ok {
			return ref, true
		}
	}
	return r1.OutputRef{}, false
}

func sourceOf(job *r1.PlannedJob) string {
	var params struct {
		Source string `json:"source"`
	}
	if err := json.Unmarshal(job.Params, &params); err != nil {
		return "" // parameters of a kind that has another source
	}
	return params.Source
}
