package suggest

import "testing"

func TestNearest(t *testing.T) {
	names := []string{"sample", "curate", "evaluate", "grpo", "sft"}
	for got, want := range map[string]string{
		"curat":      "curate",
		"evalaute":   "evaluate", // a swap counts once
		"GRPO":       "grpo",
		"stf":        "sft",
		"kubernetes": "",
		"":           "",
	} {
		if near := Nearest(got, names); near != want {
			t.Errorf("Nearest(%q) = %q, want %q", got, near, want)
		}
	}
}
