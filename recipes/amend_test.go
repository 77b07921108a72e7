package recipes_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/r1ctl/r1ctl/internal/r1"
	"github.com/r1ctl/r1ctl/recipes"
)

const amendable = `recipe: small
seed: 3
templates:
  chat: {chat: true}
stages:
  - name: base
    kind: base
    params: {source: "hf://org/model@0123456789abcdef0123456789abcdef01234567"}
  - name: rows
    kind: curate
    params: {sources: [{name: rows, address: "tiny://arithmetic?split=train&size=8&seed=1"}], steps: [{do: length, min: 1, max: 40}]}
  - name: tune
    kind: sft
    gate: {approval: "is the data good?"}
    inputs: {model: base.model, data: rows.data}
    params: {template: chat, epochs: 2, learning_rate: 1.0e-4, batch_size: 8, max_tokens: 64}
  - name: again
    kind: sft
    inputs: {model: tune.model, data: rows.data}
    params: {template: chat, epochs: 1, learning_rate: 1.0e-4, batch_size: 8, max_tokens: 64}
`

func digest(address string) (string, error) { return "digest of " + address, nil }

// begun is a run of a recipe, as it is frozen.
func begun(t *testing.T, text string, set ...string) *r1.Run {
	t.Helper()
	r, err := recipes.Parse(text, "small.yaml", t.TempDir(), recipes.Options{Set: set})
	if err != nil {
		t.Fatal(err)
	}
	return &r1.Run{ID: "r", Recipe: r.Name, RecipeYAML: r.YAML(), RecipeDir: r.Dir, Set: set, R1ctl: "1.0", Plan: *plan(t, r)}
}

func TestAmend(t *testing.T) {
	run := begun(t, amendable, "tune.params.epochs=3")
	amended, changes, err := recipes.Amend(run, []string{"tune.params.learning_rate=5e-5", "tune.params.epochs=3", "again.params.weight_decay=0.5"}, recipes.PlanOptions{SourceDigest: digest})
	if err != nil {
		t.Fatal(err)
	}
	var told []string
	for _, c := range changes {
		told = append(told, fmt.Sprintf("%s %s>%s", c.Field, c.From, c.To))
	}
	if got := strings.Join(told, ", "); got != "tune.params.learning_rate 0.0001>0.00005, again.params.weight_decay 0>0.5" &&
		got != "tune.params.learning_rate 0.0001>5e-5, again.params.weight_decay 0>0.5" &&
		got != "tune.params.learning_rate 0.0001>5e-05, again.params.weight_decay 0>0.5" {
		t.Errorf("changes %s", got)
	}
	for _, stage := range run.Plan.Stages {
		equal := amended.Stage(stage.Name).Jobs[0].Fingerprint == stage.Jobs[0].Fingerprint
		if want := stage.Name == "base" || stage.Name == "rows"; equal != want {
			t.Errorf("the fingerprint of %s is the same: %v, want %v", stage.Name, equal, want)
		}
	}
	if params := string(amended.Stage("tune").Jobs[0].Params); !strings.Contains(params, `"epochs":3`) || !strings.Contains(params, `"learning_rate":0.00005`) {
		t.Errorf("tune got %s: want what was set at the start, and the change", params)
	}

	// A second amendment stands on the first, and the same values change nothing.
	run.Plan, run.Amendments = *amended, []r1.Amendment{{Number: 1, Set: []string{"tune.params.learning_rate=5e-5", "again.params.weight_decay=0.5"}}}
	if _, changes, err := recipes.Amend(run, []string{"tune.params.learning_rate=5e-5"}, recipes.PlanOptions{SourceDigest: digest}); err != nil || len(changes) != 0 {
		t.Errorf("the same amendment again changes %v (%v)", changes, err)
	}
}

func TestAmendRefuses(t *testing.T) {
	for set, name := range map[string]string{
		"seed=4":                       "set-not-amendable",
		"templates.chat.chat=true":     "set-not-amendable",
		"tune.gate.approval=no":        "set-not-amendable",
		"tune.params.learning_rat=5e5": "recipe-invalid",
		"tune.params.epochs=zero":      "recipe-invalid",
		"nobody.params.epochs=1":       "recipe-invalid",
	} {
		if _, _, err := recipes.Amend(begun(t, amendable), []string{set}, recipes.PlanOptions{SourceDigest: digest}); err == nil {
			t.Errorf("%s was accepted", set)
		} else {
			named(t, err, name)
		}
	}
	// The binary that plans otherwise than the one before changes nothing.
	run := begun(t, amendable)
	run.Plan.Stages[1].Jobs[0].Fingerprint = "of another version"
	_, _, err := recipes.Amend(run, []string{"tune.params.epochs=4"}, recipes.PlanOptions{SourceDigest: digest})
	if e := named(t, err, "plan-not-repeatable"); !strings.Contains(e.Detail, "rows/main") {
		t.Errorf("the refusal does not say where: %s", e.Detail)
	}
}

// A gate asks; it never bears on the result.
func TestGate(t *testing.T) {
	run := begun(t, amendable)
	if g := run.Plan.Stage("tune").Gate; g == nil || g.Approval != "is the data good?" {
		t.Errorf("the gate of the plan is %+v", g)
	}
	without := begun(t, strings.Replace(amendable, "    gate: {approval: \"is the data good?\"}\n", "", 1))
	if without.Plan.Stage("tune").Gate != nil || without.Plan.Stage("tune").Jobs[0].Fingerprint != run.Plan.Stage("tune").Jobs[0].Fingerprint {
		t.Error("the gate enters the fingerprint")
	}
	for gate, want := range map[string]string{
		"{}":                 "expected approval, a question to a person, or conditions",
		"{otherwise: fail}":  "or conditions",
		"{aproval: x}":       `did you mean "approval"?`,
		"{approval: ''}":     "a question to a person",
		"please":             "a map such as",
		"{approval: [a, b]}": "a question to a person",
	} {
		text := strings.Replace(amendable, `{approval: "is the data good?"}`, gate, 1)
		_, err := recipes.Parse(text, "small.yaml", ".", recipes.Options{})
		var e *r1.Error
		if !errors.As(err, &e) || !strings.Contains(e.Detail, want) {
			t.Errorf("gate: %s gives %v, want %q", gate, err, want)
		}
	}
}
