package recipes_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/r1ctl/r1ctl/recipes"
)

// Each fingerprint of a plan is that of what it is explained by.
func TestExplanationsMatch(t *testing.T) {
	for _, name := range recipes.List() {
		for _, profile := range []string{"laptop", "smoke", "paper"} {
			r, err := recipes.Load(name, recipes.Options{Profile: profile})
			if err != nil {
				t.Fatal(err)
			}
			opts := recipes.PlanOptions{SourceDigest: func(a string) (string, error) { return "digest of " + a, nil }}
			p := plan(t, r)
			for _, s := range p.Stages {
				for _, j := range s.Jobs {
					e, err := recipes.Explain(p, j, opts)
					if err != nil {
						t.Fatal(err)
					}
					if !e.Matches {
						t.Errorf("%s/%s: %s/%s is not explained: %+v", name, profile, s.Name, j.Name, e)
					}
				}
			}
		}
	}
}

func TestChangedTellsOwnFieldsFirst(t *testing.T) {
	opts := recipes.PlanOptions{SourceDigest: func(a string) (string, error) { return "digest of " + a, nil }}
	changed := func(stage string, set ...string) string {
		var both []*recipes.Explanation
		for _, values := range [][]string{nil, set} {
			p := plan(t, load(t, small, recipes.Options{Set: values}))
			e, err := recipes.Explain(p, p.Stage(stage).Jobs[0], opts)
			if err != nil {
				t.Fatal(err)
			}
			both = append(both, e)
		}
		all, err := recipes.Changed(both[0], both[1])
		if err != nil {
			t.Fatal(err)
		}
		var out []string
		for _, c := range all {
			if strings.HasPrefix(c.Field, "inputs.") {
				c.From, c.To = nil, nil // digests
			}
			out = append(out, fmt.Sprintf("%s %s>%s", c.Field, c.From, c.To))
		}
		return strings.Join(out, "; ")
	}
	for name, c := range map[string]struct {
		stage string
		set   []string
		want  string
	}{
		"nothing":              {"zero", nil, ""},
		"its own":              {"zero", []string{"zero.params.learning_rate=2e-4"}, "params.learning_rate 0.0001>0.0002"},
		"upstream":             {"zero", []string{"prompts.params.sources.a.address=s3://bucket/b.jsonl"}, "inputs.prompts >"},
		"its own come first":   {"zero", []string{"prompts.params.steps=[{do: shuffle}, {do: shuffle}]", "zero.params.kl_beta=0.1"}, "params.kl_beta 0.001>0.1; inputs.prompts >"},
		"a reward by its name": {"zero", []string{"zero.params.rewards.accuracy.weight=2"}, "params.rewards.accuracy.weight 1>2"},
	} {
		if got := changed(c.stage, c.set...); got != c.want {
			t.Errorf("%s: got %q, want %q", name, got, c.want)
		}
	}
}
