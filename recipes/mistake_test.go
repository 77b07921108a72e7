package recipes_test

import (
	"errors"
	"os"
	"regexp"
	"slices"
	"testing"

	"github.com/r1ctl/r1ctl/recipes"
)

// Each name that loading gives to a mistake is described, and each described one is given.
func TestMistakeRulesAreThoseInUse(t *testing.T) {
	var used, known []string
	for _, r := range recipes.MistakeRules() {
		known = append(known, r.Name)
		if r.Title == "" || r.Reason == "" || r.Remedy == "" {
			t.Errorf("%s is not explained", r.Name)
		}
	}
	call := regexp.MustCompile(`\.breaks\("([a-z-]+)"`)
	for _, file := range []string{"schema.go", "shapes.go", "stage.go", "graph.go", "checks.go", "sampling.go", "generators.go"} {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range call.FindAllStringSubmatch(string(text), -1) {
			used = append(used, m[1])
		}
	}
	used = append(used, "recipe")
	slices.Sort(used)
	slices.Sort(known)
	if used = slices.Compact(used); !slices.Equal(used, known) {
		t.Errorf("in use: %v\nknown:  %v", used, known)
	}
}

func TestMistakesAsData(t *testing.T) {
	_, err := recipes.Load("testdata/many.yaml", recipes.Options{Set: []string{"zero.params.stepz=1"}})
	var invalid *recipes.Invalid
	if !errors.As(err, &invalid) {
		t.Fatalf("got %v", err)
	}
	named(t, err, "recipe-invalid")
	set := 0
	for _, m := range invalid.Mistakes {
		if m.Rule == "" || m.Text == "" || m.Place.File != "testdata/many.yaml" || (m.Place.Line < 1) == (m.Place.Set == "") {
			t.Errorf("%+v", m)
		}
		if m.Place.Set != "" {
			set++
		}
	}
	if set == 0 {
		t.Error("no mistake points to the --set value")
	}
}

func TestPlaces(t *testing.T) {
	r := load(t, small, recipes.Options{Set: []string{"zero.params.kl_beta=0.5"}})
	for name, c := range map[string]struct {
		keys []string
		line int
		set  string
	}{
		"a stage":                   {[]string{"prompts"}, 12, ""},
		"a value":                   {[]string{"zero", "params", "group_size"}, 22, ""},
		"one of the profile":        {[]string{"zero", "params", "steps"}, 49, ""},
		"a --set value":             {[]string{"zero", "params", "kl_beta"}, 0, "zero.params.kl_beta=0.5"},
		"an entry of a list":        {[]string{"prompts", "params", "sources", "a", "address"}, 14, ""},
		"a default: what is around": {[]string{"zero", "params", "top_p"}, 18, ""},
		"a student's own":           {[]string{"students", "students", "little", "params", "epochs"}, 37, ""},
		"beside its name":           {[]string{"students", "students", "big", "params", "source"}, 36, ""},
		"what it shares":            {[]string{"students", "students", "little", "params", "batch_size"}, 34, ""},
	} {
		if got := r.Place(c.keys...); got.Line != c.line || got.Set != c.set || got.Path == "" {
			t.Errorf("%s: %+v, want line %d %s", name, got, c.line, c.set)
		}
	}
}
