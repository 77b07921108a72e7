package recipes

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/r1ctl/r1ctl/internal/r1"
)

// A step review makes the stage wait, and the gate is no part of the fingerprint;
// what the step says is.
func TestAReviewIsAGate(t *testing.T) {
	plan := func(gate, step string) *r1.PlannedStage {
		dir := t.TempDir()
		text := "recipe: r\nstages:\n  - {name: rows, kind: curate, params: {sources: [{name: a, address: a.jsonl}], steps: [{do: shuffle}]}}\n" +
			"  - {name: looked-at, kind: curate, inputs: {rows: rows.data}, " + gate + "params: {steps: [" + step + "]}}\n"
		for name, content := range map[string]string{"r.yaml": text, "a.jsonl": `{"prompt":"p","response":"r"}` + "\n"} {
			if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		r, err := Load(filepath.Join(dir, "r.yaml"), Options{})
		if err != nil {
			t.Fatal(err)
		}
		p, err := Plan(r, PlanOptions{})
		if err != nil {
			t.Fatal(err)
		}
		return p.Stage("looked-at")
	}
	all, some, asked := plan("", "{do: review}"), plan("", "{do: review, rows: 20}"), plan(`gate: {approval: "Go?"}, `, "{do: review, rows: 20}")
	for _, c := range []struct {
		stage *r1.PlannedStage
		want  string
	}{{all, "a review of its rows"}, {some, "a review of 20 rows"}, {asked, "Go?; a review of 20 rows"}} {
		if got := c.stage.Gate.String(); got != c.want {
			t.Errorf("it waits for %q, want %q", got, c.want)
		}
	}
	if plan("", "{do: shuffle}").Gate != nil {
		t.Error("a stage without a review waits")
	}
	if some.Jobs[0].Fingerprint != asked.Jobs[0].Fingerprint || some.Jobs[0].Fingerprint == all.Jobs[0].Fingerprint {
		t.Error("the gate is part of the fingerprint, or the step is not")
	}
	if plan("", "{do: review, rows: 20, round: 2}").Jobs[0].Fingerprint == some.Jobs[0].Fingerprint {
		t.Error("another round is reused")
	}
}
