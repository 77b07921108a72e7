package recipes_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/r1ctl/r1ctl/internal/golden"
	"github.com/r1ctl/r1ctl/recipes"
)

// Every file in testdata/ is a broken recipe; beside it lies the exact message.
func TestMistakes(t *testing.T) {
	files, err := filepath.Glob("testdata/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatal("no files", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".yaml"), func(t *testing.T) {
			_, err := recipes.Load(file, recipes.Options{})
			e := named(t, err, "recipe-invalid")
			golden.Check(t, strings.TrimSuffix(file, ".yaml")+".golden", e.Detail+"\n")
		})
	}
}

func TestMistakesInSet(t *testing.T) {
	tests := map[string]string{
		"zero.params.steps=fast":              `--set zero.params.steps=fast: zero.params.steps: expected a whole number from 1, found the text "fast"`,
		"zero.params.stepz=3":                 `--set zero.params.stepz=3: zero.params.stepz: unknown key "stepz"; did you mean "steps"?`,
		"zerro.params.steps=3":                `--set zerro.params.steps=3: zerro.params.steps: there is no stage "zerro"; did you mean "zero"?`,
		"zero=3":                              `--set zero=3: zero: zero is a stage: expected a key of it, such as zero.params.KEY`,
		"zero.params.steps":                   `--set zero.params.steps: expected KEY=VALUE, such as zero.params.steps=80 or seed=3`,
		"zero..steps=3":                       `--set zero..steps=3: expected KEY=VALUE, such as zero.params.steps=80 or seed=3`,
		"seed=-1":                             `--set seed=-1: seed: expected a whole number from 0, found the number -1`,
		"zero.params.rewards={":               `--set zero.params.rewards={: zero.params.rewards: the value is not valid YAML`,
		"zero.params.rewards.accurac.weight=": `--set zero.params.rewards.accurac.weight=: zero.params.rewards.accurac.weight: there is no "accurac" in a list`,
		"zero.params.steps=":                  `zero.params: steps is missing: expected a whole number from 1`,
	}
	for set, want := range tests {
		t.Run(set, func(t *testing.T) {
			_, err := recipes.Load("r1-zero", recipes.Options{Set: []string{set}})
			e := named(t, err, "recipe-invalid")
			if !strings.Contains(e.Detail, want) {
				t.Errorf("got\n%s\nwant it to contain\n%s", e.Detail, want)
			}
			if n := strings.Count(e.Detail, "\n"); n != 1 {
				t.Errorf("got %d mistakes, want 1:\n%s", n, e.Detail)
			}
		})
	}
}

func TestNames(t *testing.T) {
	for _, name := range []string{"full-r1", "full-r1.yaml", "recipe/full-r1.yaml", "recipes/full-r1.yaml", "recipes/full-r1"} {
		t.Run(name, func(t *testing.T) {
			t.Chdir(t.TempDir())
			r, err := recipes.Load(name, recipes.Options{})
			if err != nil {
				t.Fatal(err)
			}
			if r.Name != "full-r1" || r.Profile != "laptop" || r.File != "recipes/full-r1.yaml" {
				t.Errorf("got %s/%s from %s", r.Name, r.Profile, r.File)
			}
		})
	}
	t.Run("a file on disk wins", func(t *testing.T) {
		t.Chdir(t.TempDir())
		if err := os.Mkdir("recipes", 0o755); err != nil {
			t.Fatal(err)
		}
		write(t, "recipes/full-r1.yaml", "recipe: mine\nstages: [{name: base, kind: base, params: {source: ./m}}]\n")
		r, err := recipes.Load("recipes/full-r1.yaml", recipes.Options{})
		if err != nil {
			t.Fatal(err)
		}
		dir, _ := os.Getwd()
		if got, want := r.Stages[0].Params["source"], filepath.Join(dir, "recipes", "m"); r.Name != "mine" || got != want {
			t.Errorf("got %s with source %s, want mine with %s", r.Name, got, want)
		}
	})
	t.Run("unknown", func(t *testing.T) {
		_, err := recipes.Load("ful-r1", recipes.Options{})
		e := named(t, err, "unknown-recipe")
		if want := `there is no recipe "ful-r1": no such file, and none of that name is built in; did you mean "full-r1"?`; e.Detail != want {
			t.Errorf("got %s\nwant %s", e.Detail, want)
		}
		if want := "give the path of a recipe file, or one of: cold-start, four-habits, full-r1, r1-zero"; e.Remedy != want {
			t.Errorf("got %s\nwant %s", e.Remedy, want)
		}
	})
	t.Run("a folder is no recipe", func(t *testing.T) {
		_, err := recipes.Load(t.TempDir(), recipes.Options{})
		named(t, err, "unknown-recipe")
	})
	t.Run("unknown profile", func(t *testing.T) {
		_, err := recipes.Load("full-r1", recipes.Options{Profile: "labtop"})
		e := named(t, err, "unknown-profile")
		if want := `recipes/full-r1.yaml has no profile "labtop"; did you mean "laptop"?`; e.Detail != want {
			t.Errorf("got %s\nwant %s", e.Detail, want)
		}
	})
}

func write(t *testing.T, file, text string) {
	t.Helper()
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// The loader must answer any file with a recipe or an error.
func FuzzLoad(f *testing.F) {
	files, _ := filepath.Glob("testdata/*.yaml")
	for _, file := range append(files, "full-r1.yaml", "r1-zero.yaml") {
		text, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(text), "zero.params.steps=8")
	}
	file := filepath.Join(f.TempDir(), "fuzz.yaml")
	f.Fuzz(func(t *testing.T, text, set string) {
		write(t, file, text)
		r, err := recipes.Load(file, recipes.Options{Set: []string{set}})
		if err != nil {
			named(t, err, "recipe-invalid")
			return
		}
		for i := range r.Stages {
			if r.Stages[i].Params["source"] != nil || r.Stages[i].Params["sources"] != nil || r.Stages[i].Students != nil {
				return // the plan would read files that the fuzzer names
			}
		}
		if _, err := recipes.Plan(r, recipes.PlanOptions{}); err != nil {
			t.Errorf("a recipe that loads has no plan: %v", err)
		}
	})
}
