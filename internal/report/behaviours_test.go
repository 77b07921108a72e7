package report

import (
	"slices"
	"testing"
)

// The behaviours have a panel where they were counted, whatever was found.
func TestBehavioursOverSteps(t *testing.T) {
	titles := func(values map[string]float64) []string {
		rl := &RL{Stage: "zero", ToStep: 4}
		for step := range 3 {
			rl.Evals = append(rl.Evals, EvalPoint{Step: step, Values: values})
		}
		v, err := newRLView(rl, &Report{})
		if err != nil {
			t.Fatal(err)
		}
		var out []string
		for _, p := range v.Panels {
			out = append(out, p.Title)
			if p.Title == behavioursTitle && len(p.Legend) != 2 {
				t.Errorf("legend %v", p.Legend)
			}
		}
		return out
	}
	for name, c := range map[string]struct {
		values map[string]float64
		want   bool
	}{
		"shown":       {map[string]float64{"tokens": 9, "behaviour_verification": 0.25, "behaviour_backtracking": 0}, true},
		"none shown":  {map[string]float64{"tokens": 9, "behaviour_verification": 0, "behaviour_backtracking": 0}, true},
		"not counted": {map[string]float64{"tokens": 9}, false},
	} {
		if got := titles(c.values); slices.Contains(got, behavioursTitle) != c.want {
			t.Errorf("%s: panels %q", name, got)
		}
	}
}
