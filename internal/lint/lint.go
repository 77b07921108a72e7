package lint

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/r1ctl/r1ctl/internal/r1"
	"github.com/r1ctl/r1ctl/recipes"
)

// Severity says what a finding means for a run.
type Severity string

// The severities. An error keeps a run from being started.
const (
	Error   Severity = "error"
	Warning Severity = "warning"
	Note    Severity = "note"
)

// A Rule is one thing that is checked.
type Rule struct {
	ID       string   `json:"id"`
	Severity Severity `json:"severity"`
	Title    string   `json:"title"`  // what holds where all is well
	Reason   string   `json:"reason"` // what goes wrong otherwise
	Remedy   string   `json:"remedy"`

	check func(c *checker) // nil: enforced by loading the recipe
}

// A Finding is a place where a rule does not hold.
type Finding struct {
	Rule     string        `json:"rule"`
	Severity Severity      `json:"severity"`
	Place    recipes.Place `json:"place"`
	Stage    string        `json:"stage,omitempty"`
	Text     string        `json:"text"`
	Remedy   string        `json:"remedy"`
}

// Rules lists every rule: those that loading enforces first, then by subject.
func Rules() []Rule {
	var out []Rule
	for _, m := range recipes.MistakeRules() {
		out = append(out, Rule{ID: m.Name, Severity: Error, Title: m.Title, Reason: m.Reason, Remedy: m.Remedy})
	}
	return slices.Concat(out, textRules(), dataRules(), trainingRules(), vllmRules(), runRules(), publishRules())
}

// Find gives the rule of an id.
func Find(id string) (Rule, bool) {
	for _, r := range Rules() {
		if r.ID == id {
			return r, true
		}
	}
	return Rule{}, false
}

// Check applies every rule to a recipe that has been loaded. Findings come in the
// order of the file; --set values last.
func Check(r *recipes.Recipe, facts Facts) []Finding {
	c := newChecker(r, facts)
	for _, rule := range Rules() {
		if rule.check != nil {
			c.rule = rule
			rule.check(c)
		}
	}
	slices.SortStableFunc(c.findings, func(a, b Finding) int {
		return cmp.Or(cmp.Compare(len(a.Place.Set), len(b.Place.Set)), cmp.Compare(a.Place.Line, b.Place.Line), cmp.Compare(a.Place.Col, b.Place.Col))
	})
	return c.findings
}

// OfError gives the mistakes of a recipe that does not load as findings; nil for
// an error of another kind.
func OfError(err error) []Finding {
	var invalid *recipes.Invalid
	if !errors.As(err, &invalid) {
		return nil
	}
	out := make([]Finding, 0, len(invalid.Mistakes))
	for _, m := range invalid.Mistakes {
		rule, _ := Find(m.Rule)
		stage, _, _ := strings.Cut(m.Place.Path, ".")
		out = append(out, Finding{Rule: m.Rule, Severity: Error, Place: m.Place, Stage: stage, Text: m.Text, Remedy: rule.Remedy})
	}
	return out
}

// Errors keeps the findings that refuse a recipe.
func Errors(all []Finding) []Finding {
	return slices.DeleteFunc(slices.Clone(all), func(f Finding) bool { return f.Severity != Error })
}

// Refuse is the user's error for findings of severity error; nil where there are none.
func Refuse(file string, all []Finding) error {
	bad := Errors(all)
	if len(bad) == 0 {
		return nil
	}
	lines := []string{fmt.Sprintf("%s breaks %d of the rules that keep a run from failing later:", file, len(bad))}
	for _, f := range bad {
		lines = append(lines, fmt.Sprintf("  %s: %s (%s)", f.Place, f.Text, f.Rule))
	}
	return &r1.Error{
		Name:   "recipe-invalid",
		Detail: strings.Join(lines, "\n"),
		Remedy: "r1ctl lint --explain " + bad[0].Rule,
	}
}

// AtFirstLaunch lists what only the real model and data can show. The trainer
// checks each before it trains, and fails with class config, which is not retried.
func AtFirstLaunch() []string {
	return []string{
		"the tokenizer has an EOS token, and a padding token or one that can stand for it",
		"a template with chat: true meets a tokenizer that has a chat template; " +
			"where that template opens <think> itself shows in the first responses (guard constant-reward)",
		"prompt and max_tokens fit the model's positions, by its config.json",
		"rows of s3:// sources have the fields that steps and trainers read; more than 1 % that do not fail the stage",
		"a reward model has one logit",
		"device and precision: bfloat16 on a GPU, float32 on a CPU; whether the job fits into the memory there",
	}
}
