package recipes_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/r1ctl/r1ctl/internal/r1"
	"github.com/r1ctl/r1ctl/recipes"
)

// parent is a run of the full recipe.
func parent(t *testing.T, set ...string) *r1.Run {
	t.Helper()
	r := loaded(t, recipes.Options{Set: set})
	return &r1.Run{ID: "parent", Recipe: r.Name, Profile: r.Profile, RecipeYAML: r.YAML(), RecipeDir: r.Dir, Set: set, Plan: *plan(t, r)}
}

func loaded(t *testing.T, o recipes.Options) *recipes.Recipe {
	t.Helper()
	r, err := recipes.Load("full-r1", o)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

var sources = recipes.PlanOptions{SourceDigest: func(a string) (string, error) { return "digest of " + a, nil }}

func all(string, string) bool { return true }

func TestAForkTakesWhatComesBeforeItsStage(t *testing.T) {
	run := parent(t)
	// The run was planned by a version for which this job had another fingerprint.
	run.Plan.Stage("dev1").Jobs[0].Fingerprint = strings.Repeat("0", 64)
	now := loaded(t, recipes.Options{Set: []string{"dev2.params.learning_rate=3e-5"}})
	p, differs, err := recipes.Fork(run, now, recipes.ForkOptions{Stage: "dev2", Committed: all}, sources)
	if err != nil {
		t.Fatal(err)
	}
	if len(differs) > 0 {
		t.Errorf("differences before the fork: %+v", differs)
	}
	for _, s := range p.Stages {
		depends := s.Name == "dev2" || slices.ContainsFunc(s.Needs, func(n string) bool { return p.Stage(n).Jobs[0].Anew != "" })
		for _, j := range s.Jobs {
			switch was := run.Plan.Stage(s.Name).Job(j.Name); {
			case depends && (j.Anew != r1.AnewRebuild || j.Take != nil):
				t.Errorf("%s/%s depends on dev2, and is not made anew: %+v, %q", s.Name, j.Name, j.Take, j.Anew)
			case !depends && (j.Take == nil || j.Take.String() != "parent/"+s.Name+"/"+j.Name || j.Fingerprint != was.Fingerprint):
				t.Errorf("%s/%s is not taken as it was: %+v", s.Name, j.Name, j.Take)
			}
		}
	}
	e, err := recipes.Explain(p, p.Stage("dev2").Jobs[0], sources)
	if err != nil || !strings.HasPrefix(e.Inputs.Inputs["policy"], strings.Repeat("0", 64)) {
		t.Errorf("dev2 is made of %q, not of what the run has (%v)", e.Inputs.Inputs["policy"], err)
	}
}

func TestWhatTheRecipeHasOtherwiseBeforeAForkIsNamed(t *testing.T) {
	run := parent(t)
	now := loaded(t, recipes.Options{Set: []string{"zero.params.steps=80", "eval-dev1.params.temperature=0.5"}})
	p, differs, err := recipes.Fork(run, now, recipes.ForkOptions{Stage: "dev2", Committed: all}, sources)
	if err != nil {
		t.Fatal(err)
	}
	if len(differs) != 1 || differs[0].Field != "zero.params.steps" {
		t.Errorf("got %+v, want the steps of zero and nothing of what stands beside", differs)
	}
	// What stands beside the fork follows the recipe where that changed it.
	if j := p.Stage("eval-dev1").Jobs[0]; j.Take != nil || j.Anew != "" || j.Fingerprint == run.Plan.Stage("eval-dev1").Jobs[0].Fingerprint {
		t.Errorf("eval-dev1 is %+v", j)
	}
	if j := p.Stage("eval-zero").Jobs[0]; j.Take == nil {
		t.Error("eval-zero is not taken")
	}
}

func TestForksThatAreRefused(t *testing.T) {
	for name, c := range map[string]struct {
		f    recipes.ForkOptions
		want string // name of the error
		text string
	}{
		"no such stage":        {recipes.ForkOptions{Stage: "dev22", Committed: all}, "unknown-stage", `did you mean "dev2"?`},
		"not got there":        {recipes.ForkOptions{Stage: "dev2", Committed: func(s, _ string) bool { return s != "dev1" }}, "fork-incomplete", "dev1/main"},
		"a value before it":    {recipes.ForkOptions{Stage: "dev2", Committed: all, Set: []string{"zero.params.steps=80"}}, "fork-before-stage", "fork at zero"},
		"a value by its star":  {recipes.ForkOptions{Stage: "dev2", Committed: all, Set: []string{"ze*.params.steps=80"}}, "fork-before-stage", "fork at zero"},
		"a value at the stage": {recipes.ForkOptions{Stage: "dev2", Committed: all, Set: []string{"dev2.params.learning_rate=1e-5"}}, "", ""},
	} {
		_, _, err := recipes.Fork(parent(t), loaded(t, recipes.Options{}), c.f, sources)
		user, _ := r1.AsError(err)
		switch {
		case c.want == "" && err != nil:
			t.Errorf("%s: %v", name, err)
		case c.want != "" && (user == nil || user.Name != c.want || !strings.Contains(user.Detail+user.Remedy, c.text)):
			t.Errorf("%s: got %v, want %s with %q", name, err, c.want, c.text)
		}
	}
}

// An amendment of a forked run keeps what it takes, and what it makes anew.
func TestAForkIsAmended(t *testing.T) {
	run := parent(t)
	p, _, err := recipes.Fork(run, loaded(t, recipes.Options{}), recipes.ForkOptions{Stage: "r1", Committed: all}, sources)
	if err != nil {
		t.Fatal(err)
	}
	fork := *run
	fork.ID, fork.Plan = "fork", *p
	amended, changes, err := recipes.Amend(&fork, []string{"r1.params.learning_rate=1e-5"}, sources)
	if err != nil || len(changes) != 1 {
		t.Fatal(changes, err)
	}
	if amended.Stage("dev3").Jobs[0].Take == nil || amended.Stage("r1").Jobs[0].Anew == "" {
		t.Error("the amended plan has forgotten what it takes or makes anew")
	}
	if _, _, err = recipes.Amend(&fork, []string{"zero.params.steps=80"}, sources); err == nil || !strings.Contains(err.Error(), "taken from run parent") {
		t.Errorf("a taken stage is amended: %v", err)
	}
}

func TestRebuildMarksStages(t *testing.T) {
	p := parent(t).Plan
	if err := recipes.Rebuild(&p, []string{"zero"}, r1.AnewRebuild); err != nil {
		t.Fatal(err)
	}
	for _, s := range p.Stages {
		for _, j := range s.Jobs {
			if (j.Anew != "") != (s.Name == "zero") {
				t.Errorf("%s/%s: %q", s.Name, j.Name, j.Anew)
			}
		}
	}
	if err := recipes.Rebuild(&p, []string{"zeroo"}, r1.AnewRebuild); err == nil || !strings.Contains(err.Error(), `did you mean "zero"?`) {
		t.Errorf("got %v", err)
	}
}
