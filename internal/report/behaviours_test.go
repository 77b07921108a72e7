package report

import (
	"slices"
	"testing"
)

// The behaviours have a panel where a response shows one.
func TestBehavioursOverSteps(t *testing.T) {
	titles := func(shown float64) []string {
		rl := &RL{Stage: "zero", ToStep: 4}
		for step := range 3 {
			rl.Evals = append(rl.Evals, EvalPoint{Step: step, Values: map[string]float64{
				"behaviour_verification": shown * float64(step), "behaviour_backtracking": 0, "tokens": 9,
			}})
		}
		v, err := newRLView(rl, &Report{})
		if err != nil {
			t.Fatal(err)
		}
		var out []string
		for _, p := range v.Panels {
			out = append(out, p.Title)
			if p.Title == "Share of responses that show a behaviour" && len(p.Legend) != 2 {
				t.Errorf("legend %v", p.Legend)
			}
		}
		return out
	}
	for shown, want := range map[float64]bool{0: false, 0.25: true} {
		if got := titles(shown); slices.Contains(got, "Share of responses that show a behaviour") != want {
			t.Errorf("shown %g: panels %q", shown, got)
		}
	}
}
