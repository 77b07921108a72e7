package recipes

import (
	"strings"
	"testing"
)

// Where a model is served bears on no result; which one, and from when on rows are near, does.
func TestEndpointsOfStepsBearOnNothing(t *testing.T) {
	shape := list{what: "steps", elem: curateSteps}
	part := func(change func(m map[string]any)) string {
		m := map[string]any{"do": "similar", "against": "eval", "endpoint": "one", "model": "m", "above": 0.9, "keep": "far"}
		change(m)
		raw, err := encode(map[string]any{"steps": bearingPart(shape, []any{m, map[string]any{"do": "correct"}})})
		if err != nil || m["endpoint"] == nil {
			t.Fatal(err, m)
		}
		return string(raw)
	}
	base := part(func(map[string]any) {})
	if strings.Contains(base, "one") || part(func(m map[string]any) { m["endpoint"] = "two" }) != base {
		t.Errorf("the endpoint bears on the result: %s", base)
	}
	for key, value := range map[string]any{"model": "n", "above": 0.8, "keep": "near", "against": "other"} {
		if part(func(m map[string]any) { m[key] = value }) == base {
			t.Errorf("%s does not bear on the result", key)
		}
	}
}

// Mistakes are told with their line before anything runs.
func TestSimilarMistakes(t *testing.T) {
	const head = "datasets: {eval: x.jsonl}\nsteps:\n  - filter: similar\n    against: eval\n"
	for text, want := range map[string]string{
		head + "    model: m\n":                                        "endpoint",
		head + "    endpoint: e\n":                                     "model",
		head + "    endpoint: e\n    model: m\n    above: 1.5\n":       "curate.yaml:7",
		head + "    endpoint: e\n    model: m\n    threshhold: 0.5\n":  "curate.yaml:7",
		head + "    endpoint: https://x\n    model: m\n":               "curate.yaml:5",
		head + "    endpoint: e\n    model: m\n    keep: neer\n":       `"near"`,
		head + "    endpoint: e\n    model: m\n    dimensions: none\n": "curate.yaml:7",
	} {
		if _, err := ParseCuration([]byte(text), "curate.yaml", t.TempDir(), nil); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s\ngives %v, want %s", text, err, want)
		}
	}
	if _, err := ParseCuration([]byte(head+"    endpoint: e\n    model: m\n"), "curate.yaml", t.TempDir(), nil); err != nil {
		t.Error(err)
	}
}
