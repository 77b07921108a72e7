package recipes_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/r1ctl/r1ctl/internal/r1"
	"github.com/r1ctl/r1ctl/recipes"
)

// However a stage is split, what it makes is the same, and so is all that follows.
func TestShardsBearOnNoResult(t *testing.T) {
	plan := func(set ...string) *r1.Plan {
		t.Helper()
		r, err := recipes.Load("full-r1", recipes.Options{Set: set})
		if err != nil {
			t.Fatal(err)
		}
		p, err := recipes.Plan(r, recipes.PlanOptions{})
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	whole := plan()
	stage := ""
	for _, s := range whole.Stages {
		if s.Kind == r1.KindSample {
			stage = s.Name
			break
		}
	}
	split := plan(stage + ".params.shards=3")
	for i, s := range split.Stages {
		last := s.Jobs[len(s.Jobs)-1]
		if was := whole.Stages[i].Jobs[len(whole.Stages[i].Jobs)-1]; last.Fingerprint != was.Fingerprint || last.Name != was.Name {
			t.Errorf("stage %s has the fingerprint %s and had %s", s.Name, last.Fingerprint, was.Fingerprint)
		}
		if s.Name != stage {
			continue
		}
		if len(s.Jobs) != 4 || s.Outputs["samples"].Job != r1.MainJob || fmt.Sprint(last.Join) != "[shard-001 shard-002 shard-003]" || fmt.Sprint(last.After) != fmt.Sprint(last.Join) {
			t.Fatalf("jobs %+v", s.Jobs)
		}
		seen := map[string]bool{last.Fingerprint: true}
		for n, j := range s.Jobs[:3] {
			if seen[j.Fingerprint] || j.Seed != last.Seed || !strings.Contains(string(j.Params), fmt.Sprintf(`"shard":{"index":%d,"of":3}`, n)) || strings.Contains(string(j.Params), "shards") {
				t.Errorf("shard %d: seed %d, params %s", n, j.Seed, j.Params)
			}
			seen[j.Fingerprint] = true
			if len(j.Join)+len(j.After) > 0 {
				t.Errorf("shard %d is made of %v, after %v", n, j.Join, j.After)
			}
			if want := fmt.Sprintf("%s/shard-%03d/samples", stage, n+1); j.Outputs[0].Path != want || len(j.Inputs) != 2 {
				t.Errorf("shard %d writes to %s from %v", n, j.Outputs[0].Path, j.Inputs)
			}
		}
	}
	if one := plan(stage + ".params.shards=1"); fmt.Sprint(one.Stage(stage).Jobs) != fmt.Sprint(whole.Stage(stage).Jobs) {
		t.Error("one shard is no split")
	}
}
