package lineage_test

import (
	"testing"

	"github.com/r1ctl/r1ctl/internal/lineage"
	"github.com/r1ctl/r1ctl/internal/r1"
	"github.com/r1ctl/r1ctl/recipes"
)

func TestModelsOfTheFullRecipe(t *testing.T) {
	recipe, err := recipes.Load("full-r1", recipes.Options{Profile: "controls"})
	if err != nil {
		t.Fatal(err)
	}
	plan, err := recipes.Plan(recipe, recipes.PlanOptions{})
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{
		"eval-base": "", "eval-zero": "eval-base", "eval-dev1": "eval-base", "eval-dev2": "eval-dev1",
		"eval-dev3": "eval-base", "eval-r1": "eval-dev3",
		"eval-zero-permuted": "eval-base", "eval-zero-direct": "eval-base",
		"eval-pre-48": "", "eval-student-48": "eval-pre-48", "eval-answers-48": "eval-pre-48",
		"eval-pre-32": "", "eval-student-32": "eval-pre-32", "eval-answers-32": "eval-pre-32",
	}
	got := lineage.Models(plan)
	if len(got) != len(want) {
		t.Errorf("%d models are measured, want %d", len(got), len(want))
	}
	for _, m := range got {
		before, known := want[m.Evaluate]
		if !known || before != m.Before {
			t.Errorf("%s measures %s.%s, which started from the model of %q; want %q", m.Evaluate, m.Model.Stage, m.Model.Output, m.Before, before)
		}
	}
}

// A plan read from S3 may be of any make: a ring of phases ends nowhere.
func TestParentEnds(t *testing.T) {
	ring := r1.PlannedStage{Name: "rl", Kind: r1.KindGRPO, Jobs: []r1.PlannedJob{
		{Stage: "rl", Name: "a", Kind: r1.KindGRPO, Inputs: map[string]r1.OutputRef{"policy": {Stage: "rl", Job: "b", Output: "model"}}},
		{Stage: "rl", Name: "b", Kind: r1.KindGRPO, Inputs: map[string]r1.OutputRef{"policy": {Stage: "rl", Job: "a", Output: "model"}}},
	}}
	if _, ok := lineage.Parent(&r1.Plan{Stages: []r1.PlannedStage{ring}}, r1.OutputRef{Stage: "rl", Job: "a", Output: "model"}); ok {
		t.Error("a ring of phases has a parent")
	}
}
