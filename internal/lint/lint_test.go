package lint_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/r1ctl/r1ctl/internal/estimate"
	"github.com/r1ctl/r1ctl/internal/golden"
	"github.com/r1ctl/r1ctl/internal/lint"
	"github.com/r1ctl/r1ctl/internal/r1"
	"github.com/r1ctl/r1ctl/recipes"
)

func facts() lint.Facts {
	return lint.Facts{Model: func(address string) (estimate.Model, bool) {
		if address == "tiny://base" {
			return estimate.Model{Total: 150e3, Active: 150e3, Positions: 1024, Heads: 4, Exact: true}, true
		}
		return estimate.OfAddress(address)
	}}
}

// onASite are the facts of a site with accelerators.
func onASite() lint.Facts {
	f := facts()
	f.Accelerators = estimate.Machine{Accelerator: "H100", Count: 8, MemoryGiB: 80}
	return f
}

func render(all []lint.Finding) string {
	var b strings.Builder
	for _, f := range all {
		fmt.Fprintf(&b, "%s %s %s: %s\n", f.Severity, f.Rule, strings.TrimPrefix(f.Place.String(), "testdata/"), f.Text)
	}
	return b.String()
}

// The recipes that ship have no errors, and what is doubtful about them is known.
func TestShippedRecipes(t *testing.T) {
	var b strings.Builder
	for _, name := range recipes.List() {
		for _, profile := range []string{"laptop", "smoke", "paper"} {
			r, err := recipes.Load(name, recipes.Options{Profile: profile})
			if err != nil {
				t.Fatal(err)
			}
			all := lint.Check(r, facts())
			if bad := lint.Errors(all); len(bad) > 0 {
				t.Errorf("%s/%s is refused:\n%s", name, profile, render(bad))
			}
			fmt.Fprintf(&b, "== %s %s\n", name, profile)
			for _, f := range all { // without lines, which every edit of a recipe moves
				fmt.Fprintf(&b, "%s %s %s: %s\n", f.Severity, f.Rule, f.Place.Path, f.Text)
			}
		}
	}
	golden.Check(t, "testdata/shipped.golden", b.String())
}

// Each broken recipe is refused, or doubted, by the rule it is named after, at its
// line: that with the comment "# here".
func TestEachRuleFindsItsMistake(t *testing.T) {
	files, err := filepath.Glob("testdata/broken/*.yaml")
	if err != nil || len(files) < 30 {
		t.Fatalf("%d broken recipes (%v), want at least 30", len(files), err)
	}
	found := map[string]bool{}
	for _, file := range files {
		rule := strings.TrimSuffix(filepath.Base(file), ".yaml")
		rule, _, _ = strings.Cut(rule, "_") // a second recipe of the same rule
		t.Run(filepath.Base(file), func(t *testing.T) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			line := 0
			for i, l := range strings.Split(string(text), "\n") {
				if strings.Contains(l, "# here") {
					line = i + 1
				}
			}
			var all []lint.Finding
			r, err := recipes.Load(file, recipes.Options{})
			if err == nil {
				all = lint.Check(r, onASite())
			} else {
				all = lint.OfError(err)
			}
			for _, f := range all {
				if f.Rule == rule && f.Place.Line == line {
					found[rule] = true
					return
				}
			}
			t.Errorf("want %s in line %d, got (%v)\n%s", rule, line, err, render(all))
		})
	}
	for _, r := range lint.Rules() {
		if !found[r.ID] {
			t.Errorf("no broken recipe shows the rule %s", r.ID)
		}
	}
}

// The recipe that the broken ones are made from breaks nothing.
func TestASoundRecipe(t *testing.T) {
	r, err := recipes.Load("testdata/base.yaml", recipes.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if all := lint.Check(r, facts()); len(all) > 0 {
		t.Errorf("found\n%s", render(all))
	}
}

func TestRefuse(t *testing.T) {
	all := []lint.Finding{{Rule: "a", Severity: lint.Warning}, {Rule: "columns", Severity: lint.Error, Text: "no verdict", Place: recipes.Place{File: "r.yaml", Line: 3}}}
	err := lint.Refuse("r.yaml", all)
	user, ok := r1.AsError(err)
	if !ok || user.Name != "recipe-invalid" || !strings.Contains(user.Detail, "no verdict (columns)") || strings.Contains(user.Detail, "(a)") {
		t.Errorf("got %v", err)
	}
	if err := lint.Refuse("r.yaml", all[:1]); err != nil {
		t.Errorf("a warning refuses: %v", err)
	}
}

func TestRulesAreExplained(t *testing.T) {
	var ids []string
	for _, r := range lint.Rules() {
		if r.Title == "" || r.Reason == "" || r.Remedy == "" {
			t.Errorf("%s is not explained", r.ID)
		}
		if slices.Contains(ids, r.ID) {
			t.Errorf("two rules are called %s", r.ID)
		}
		ids = append(ids, r.ID)
	}
}

// docs/lint.md is made from the rules.
func TestDocs(t *testing.T) {
	golden.Check(t, "../../docs/lint.md", lint.Docs())
}
