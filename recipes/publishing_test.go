package recipes

import (
	"encoding/json"
	"testing"

	"github.com/r1ctl/r1ctl/internal/r1"
)

const outgoing = `
recipe: outgoing
templates: {t: {text: "{prompt}"}}
stages:
  - {name: base, kind: base, params: {source: "tiny://base"}}
  - {name: rows, kind: curate, params: {sources: [{name: a, address: "tiny://arithmetic?split=train&size=8&seed=1"}], steps: [{do: shuffle}]}}
  - name: distill
    kind: distill
    inputs: {data: rows.data}
    params: {template: t, epochs: 1, learning_rate: 1e-4, batch_size: 2, max_tokens: 8}
    students: [{name: small, source: "tiny://student-32"}, {name: large, source: "tiny://student-48"}]
  - {name: out, kind: publish, inputs: {model: base.model}, params: {to: out/base}}
  - {name: hub, kind: publish, inputs: {data: rows.data}, params: {to: "hf://org/rows@main"}}
  - {name: out-*, kind: publish, inputs: {model: distill.*}, params: {to: "hf://org/r1-*", private: false}}
`

func planOf(t *testing.T, dir string, set ...string) *r1.Plan {
	t.Helper()
	r, err := Parse(outgoing, "outgoing.yaml", dir, Options{Set: set})
	if err != nil {
		t.Fatal(err)
	}
	p, err := Plan(r, PlanOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestPlannedPublications(t *testing.T) {
	p := planOf(t, "/recipes")
	for stage, want := range map[string]map[string]any{
		"out":       {"to": "/recipes/out/base", "replace": false},
		"hub":       {"to": "hf://org/rows", "replace": false, "private": true},
		"out-small": {"to": "hf://org/r1-small", "replace": false, "private": false},
		"out-large": {"to": "hf://org/r1-large", "replace": false, "private": false},
	} {
		var got map[string]any
		job := p.Stage(stage).Jobs[0]
		if err := json.Unmarshal(job.Params, &got); err != nil {
			t.Fatal(err)
		}
		if len(got) != len(want) || job.Outputs[0].Type != r1.TypePublication || job.Outputs[0].Path != stage+"/publication" {
			t.Errorf("%s: %s, %+v", stage, job.Params, job.Outputs)
		}
		for key, value := range want {
			if got[key] != value {
				t.Errorf("%s.%s is %v, want %v", stage, key, got[key], value)
			}
		}
	}
}

// Where, what and what is said of it make a publication another one; how it is brought there does not.
func TestWhatMakesAnotherPublication(t *testing.T) {
	print := func(stage string, set ...string) string {
		return planOf(t, "/recipes", set...).Stage(stage).Jobs[0].Fingerprint
	}
	was := print("hub")
	for set, same := range map[string]bool{
		"hub.params.message=out": true, "hub.params.replace=true": true, "hub.params.private=true": true,
		"hub.params.private=false": false, "hub.params.licence=mit": false, "hub.params.notes=x": false, "hub.params.title=x": false,
		"hub.params.to=hf://org/other": false, "hub.params.to=hf://org/rows@v2": false, "rows.params.sources.a.address=tiny://arithmetic?split=train&size=9&seed=1": false,
	} {
		if got := print("hub", set) == was; got != same {
			t.Errorf("with %s it is the same: %t, want %t", set, got, same)
		}
	}
}
