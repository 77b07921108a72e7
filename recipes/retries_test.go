package recipes_test

import (
	"encoding/json"
	"testing"

	"github.com/r1ctl/r1ctl/internal/r1"
	"github.com/r1ctl/r1ctl/recipes"
)

const budgeted = `recipe: mine
default_profile: small
retries: {program: 2, infrastructure: 8}
stages: [{name: base, kind: base, params: {source: "tiny://base"}}]
profiles:
  small: {}
  spot: {retries: {infrastructure: 20, preempted: 72h}}
  site: {retries: null}
`

func TestRetriesOfARecipe(t *testing.T) {
	digest := recipes.PlanOptions{SourceDigest: func(address string) (string, error) { return address, nil }}
	fingerprint := ""
	for name, c := range map[string]struct {
		o    recipes.Options
		want string
	}{
		"of the recipe":                     {recipes.Options{}, `{"program":2,"infrastructure":8}`},
		"a profile overrides what it names": {recipes.Options{Profile: "spot"}, `{"program":2,"infrastructure":20,"preempted":"72h0m0s"}`},
		"and may leave all to the site":     {recipes.Options{Profile: "site"}, `null`},
		"a value comes last":                {recipes.Options{Set: []string{"retries.program=0", "retries.preempted=30m"}}, `{"program":0,"infrastructure":8,"preempted":"30m0s"}`},
	} {
		t.Run(name, func(t *testing.T) {
			r, err := recipes.Parse(budgeted, "mine.yaml", t.TempDir(), c.o)
			if err != nil {
				t.Fatal(err)
			}
			p, err := recipes.Plan(r, digest)
			if err != nil {
				t.Fatal(err)
			}
			raw, err := json.Marshal(p.Retries)
			if err != nil || string(raw) != c.want {
				t.Errorf("retries %s, %v; want %s", raw, err, c.want)
			}
			if got := p.Stages[0].Jobs[0].Fingerprint; fingerprint == "" {
				fingerprint = got
			} else if got != fingerprint {
				t.Errorf("the fingerprint changes with the budgets")
			}
		})
	}
}

func TestRetriesCanChangeLater(t *testing.T) {
	digest := recipes.PlanOptions{SourceDigest: func(address string) (string, error) { return address, nil }}
	r, err := recipes.Parse(budgeted, "mine.yaml", "", recipes.Options{})
	if err != nil {
		t.Fatal(err)
	}
	p, err := recipes.Plan(r, digest)
	if err != nil {
		t.Fatal(err)
	}
	run := &r1.Run{ID: "mine-1", Recipe: "mine", Profile: "small", RecipeYAML: budgeted, Plan: *p}
	plan, changes, err := recipes.Amend(run, []string{"retries.program=5", "retries.preempted=1h"}, digest)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := json.Marshal(changes)
	if err != nil || string(raw) != `[{"field":"retries.program","from":2,"to":5},{"field":"retries.preempted","from":null,"to":"1h0m0s"}]` {
		t.Errorf("changes %s, %v", raw, err)
	}
	if *plan.Retries.Program != 5 || *plan.Retries.Infrastructure != 8 {
		t.Errorf("plan has %+v", plan.Retries)
	}
}
