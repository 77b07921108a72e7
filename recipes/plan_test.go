package recipes_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/r1ctl/r1ctl/internal/golden"
	"github.com/r1ctl/r1ctl/internal/r1"
	"github.com/r1ctl/r1ctl/internal/tinyworld"
	"github.com/r1ctl/r1ctl/recipes"
	"github.com/r1ctl/r1ctl/trainer"
)

func plan(t *testing.T, r *recipes.Recipe) *r1.Plan {
	t.Helper()
	p, err := recipes.Plan(r, recipes.PlanOptions{SourceDigest: func(a string) (string, error) { return "digest of " + a, nil }})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// The recipes that ship, under each profile, in a form that can be read.
func TestPlans(t *testing.T) {
	if got := recipes.List(); !slices.Equal(got, []string{"cold-start", "four-habits", "full-r1", "r1-zero"}) {
		t.Fatalf("the binary holds %v", got)
	}
	for _, name := range recipes.List() {
		for _, profile := range []string{"laptop", "smoke", "paper"} {
			t.Run(name+"/"+profile, func(t *testing.T) {
				r, err := recipes.Load(name, recipes.Options{Profile: profile})
				if err != nil {
					t.Fatal(err)
				}
				golden.Check(t, filepath.Join("testdata", "plans", name+"-"+profile+".txt"), render(plan(t, r)))
			})
		}
	}
}

// Every tiny:// address in the recipes is one that the tiny world gives.
func TestTinyAddresses(t *testing.T) {
	digest := func(address string) (string, error) {
		if slices.Contains(trainer.TinyModels(), strings.TrimPrefix(address, tinyworld.Scheme)) {
			return "a model", nil
		}
		return tinyworld.Digest(address)
	}
	for _, name := range recipes.List() {
		for _, profile := range []string{"laptop", "smoke"} {
			r, err := recipes.Load(name, recipes.Options{Profile: profile})
			if err != nil {
				t.Fatal(err)
			}
			if _, err := recipes.Plan(r, recipes.PlanOptions{SourceDigest: digest}); err != nil {
				t.Errorf("%s/%s: %v", name, profile, err)
			}
			if loose := r.Unpinned(); len(loose) > 0 {
				t.Errorf("%s/%s takes %v, and must run without a network", name, profile, loose)
			}
		}
	}
}

// render shows a plan: a paragraph a stage, and what a job of it gets.
func render(p *r1.Plan) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s (%s), seed %d: %s\n", p.Recipe, p.Profile, p.Seed, p.Description)
	for _, s := range p.Stages {
		fmt.Fprintf(&b, "\n%s [%s] %s\n", s.Name, s.Kind, s.Title)
		if len(s.Needs) > 0 {
			fmt.Fprintf(&b, "  needs %s\n", strings.Join(s.Needs, ", "))
		}
		params := ""
		for _, j := range s.Jobs {
			fmt.Fprintf(&b, "  %s", j.Name)
			if j.ToStep > 0 {
				fmt.Fprintf(&b, " steps %d-%d", j.FromStep, j.ToStep)
			}
			for _, in := range slices.Sorted(maps.Keys(j.Inputs)) {
				o := j.Inputs[in]
				fmt.Fprintf(&b, " %s=%s/%s/%s", in, o.Stage, o.Job, o.Output)
			}
			for _, o := range j.Outputs {
				fmt.Fprintf(&b, " > %s", o.Path)
			}
			b.WriteByte('\n')
			if string(j.Params) != params { // phases share theirs
				params = string(j.Params)
				fmt.Fprintf(&b, "    %s\n", params)
			}
		}
	}
	return b.String()
}

// The template of R1-Zero, which the first RL of every recipe has, word for word as the paper prints it.
func TestZeroTemplate(t *testing.T) {
	const want = "A conversation between User and Assistant. The user asks a question, and the Assistant solves it. " +
		"The assistant first thinks about the reasoning process in the mind and then provides the user with the answer. " +
		"The reasoning process and answer are enclosed within <think> </think> and <answer> </answer> tags, respectively, " +
		"i.e., <think> reasoning process here </think> <answer> answer here </answer>. User: {prompt}. Assistant:"
	for _, name := range recipes.List() {
		r, err := recipes.Load(name, recipes.Options{})
		if err != nil {
			t.Fatal(err)
		}
		rl := r.Stages[slices.IndexFunc(r.Stages, func(s recipes.Stage) bool { return s.Kind == r1.KindGRPO || s.Name == "zero-samples" })]
		template := rl.Params["template"].(map[string]any)
		if len(template) != 1 || template["text"] != want {
			t.Errorf("%s: got %q", name, template)
		}
	}
}

func TestPhases(t *testing.T) {
	tests := map[string]struct {
		steps, refresh string
		want           []string
	}{
		"no refresh":     {"10", "", []string{"main 0-10 > zero/model"}},
		"one phase":      {"10", "10", []string{"phase-01 0-10 > zero/model"}},
		"refresh beyond": {"10", "30", []string{"phase-01 0-10 > zero/model"}},
		"the last is shorter": {"25", "10", []string{
			"phase-01 0-10 > zero/phase-01/model > zero/phase-01/state",
			"phase-02 10-20 after phase-01 policy state > zero/phase-02/model > zero/phase-02/state",
			"phase-03 20-25 after phase-02 policy state > zero/model",
		}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			r := load(t, small, recipes.Options{Set: []string{"zero.params.steps=" + tt.steps, "zero.params.reference_refresh_steps=" + tt.refresh}})
			s := plan(t, r).Stage("zero")
			var got []string
			for i, j := range s.Jobs {
				line := fmt.Sprintf("%s %d-%d", j.Name, j.FromStep, j.ToStep)
				if i > 0 {
					before := s.Jobs[i-1].Name
					if !slices.Equal(j.After, []string{before}) {
						t.Errorf("%s is after %v", j.Name, j.After)
					}
					line += " after " + before
					for _, in := range []string{"policy", "state"} {
						want := r1.OutputRef{Stage: "zero", Job: before, Output: map[string]string{"policy": "model", "state": "state"}[in]}
						if j.Inputs[in] != want {
							t.Errorf("%s takes %s from %v", j.Name, in, j.Inputs[in])
						}
						line += " " + in
					}
				} else if _, ok := j.Inputs["state"]; ok || j.Inputs["policy"].Stage != "base" {
					t.Errorf("the first phase takes %v", j.Inputs)
				}
				for _, o := range j.Outputs {
					line += " > " + o.Path
				}
				if j.Seed != s.Jobs[0].Seed {
					t.Error("phases differ in their seed, so their data would not go on")
				}
				var params map[string]any
				if err := json.Unmarshal(j.Params, &params); err != nil || params["steps"] != nil || params["reference_refresh_steps"] != nil {
					t.Errorf("parameters of the plan reach the job: %s", j.Params)
				}
				got = append(got, line)
			}
			if !slices.Equal(got, tt.want) {
				t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(tt.want, "\n"))
			}
			last := s.Jobs[len(s.Jobs)-1].Name
			if s.Outputs["model"] != (r1.OutputRef{Stage: "zero", Job: last, Output: "model"}) {
				t.Errorf("the stage's model is %v", s.Outputs["model"])
			}
		})
	}
}

func TestPlanOrder(t *testing.T) {
	// again is written before what it waits for; the rest keeps the file's order.
	text := strings.Replace(small, "    kind: base\n", "    kind: base\n    after: [students]\n", 1)
	text = strings.ReplaceAll(text, "policy: base.model", "policy: start.model")
	text = strings.ReplaceAll(text, ", tokenizer: base.model", ", tokenizer: start.model")
	text = strings.Replace(text, "profiles:\n", "  - {name: start, kind: base, params: {source: \"tiny://base\"}}\nprofiles:\n", 1)
	p := plan(t, load(t, text, recipes.Options{}))
	var got []string
	for _, s := range p.Stages {
		got = append(got, s.Name)
		for _, n := range s.Needs {
			if !slices.Contains(got, n) {
				t.Errorf("%s needs %s, which comes later", s.Name, n)
			}
		}
	}
	if want := []string{"prompts", "start", "zero", "students", "base", "eval-big", "eval-little"}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func fingerprints(p *r1.Plan) map[string]string {
	out := map[string]string{}
	for _, s := range p.Stages {
		for _, j := range s.Jobs {
			out[s.Name+"/"+j.Name] = j.Fingerprint
		}
	}
	return out
}

// A fingerprint changes with what bears on the result, there and downstream,
// and with nothing else.
func TestFingerprints(t *testing.T) {
	base := fingerprints(plan(t, load(t, small, recipes.Options{})))
	set := func(values ...string) func(*testing.T) *recipes.Recipe {
		return func(t *testing.T) *recipes.Recipe { return load(t, small, recipes.Options{Set: values}) }
	}
	edit := func(pairs ...string) func(*testing.T) *recipes.Recipe {
		return func(t *testing.T) *recipes.Recipe {
			text := strings.NewReplacer(pairs...).Replace(small)
			if text == small {
				t.Fatal("the edit changed nothing")
			}
			return load(t, text, recipes.Options{})
		}
	}
	tests := map[string]struct {
		recipe  func(*testing.T) *recipes.Recipe
		changed []string
	}{
		"the same":                      {set(), nil},
		"keys in another order":         {edit("policy: base.model, prompts: prompts.data", "prompts: prompts.data, policy: base.model"), nil},
		"comments":                      {edit("seed: 7", "seed: 7 # any"), nil},
		"a number written differently":  {edit("learning_rate: 1e-4", "learning_rate: 0.0001"), nil},
		"a default spelled out":         {set("zero.params.kl_beta=0.001", "zero.params.rollout_outputs=32"), nil},
		"a title":                       {set("zero.title=Another"), nil},
		"the order of stages":           {set("students.after=[zero]"), nil},
		"checkpoints":                   {set("zero.params.checkpoint_steps=3", "students.params.checkpoint_steps=5"), nil},
		"guards":                        {set("zero.params.guards.kl={do: stop, max: 0.5}", "students.params.guards.loss.do=off"), nil},
		"guards that may not roll back": {set("zero.params.guards.kl={do: stop, most: 2, change: {kl_beta: {times: 2}}}"), nil},
		"a guard that rolls back":       {set("zero.params.guards.kl={do: roll-back, change: {kl_beta: {times: 2}}}"), []string{"zero/main"}},
		"responses generated at once":   {set("eval-*.params.batch_size=1"), nil},
		"the name of a template":        {edit("zero: {text", "other: {text", "template: zero", "template: other"), nil},
		"a learning rate":               {set("zero.params.learning_rate=2e-4"), []string{"zero/main"}},
		"an evaluation":                 {set("eval-*.params.temperature=1"), []string{"eval-big/main", "eval-little/main"}},
		"one student":                   {set("students.students.big.params.epochs=3"), []string{"eval-big/main", "students/big"}},
		"the data":                      {set("prompts.params.sources.a.address=s3://bucket/b.jsonl"), []string{"eval-big/main", "eval-little/main", "prompts/main", "students/big", "students/little", "zero/main"}},
		"the starting model":            {set("base.params.source=hf://org/base@1"), []string{"base/main", "eval-little/main", "students/little", "zero/main"}},
		"the order of a curate's steps": {set("prompts.params.steps=[{do: shuffle}, {do: shuffle}]"), []string{"eval-big/main", "eval-little/main", "prompts/main", "students/big", "students/little", "zero/main"}},
		"the seed":                      {set("seed=9"), slices.Sorted(maps.Keys(base))},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			var changed []string
			for job, fp := range fingerprints(plan(t, tt.recipe(t))) {
				if base[job] != fp {
					changed = append(changed, job)
				}
			}
			slices.Sort(changed)
			if !slices.Equal(changed, tt.changed) {
				t.Errorf("changed: %v, want %v", changed, tt.changed)
			}
		})
	}
}

// A longer run begins with the phases of the shorter one. The last of these kept
// no state, so it is another job.
func TestPhasesAreReused(t *testing.T) {
	of := func(steps string) map[string]string {
		return fingerprints(plan(t, load(t, small, recipes.Options{Set: []string{"zero.params.steps=" + steps, "zero.params.reference_refresh_steps=10"}})))
	}
	short, long := of("20"), of("40")
	if short["zero/phase-01"] != long["zero/phase-01"] {
		t.Error("the first phase differs")
	}
	if short["zero/phase-02"] == long["zero/phase-02"] {
		t.Error("the last phase of the short run keeps no state, and stands for one that does")
	}
}

// Fingerprints outlive the program: a change here repeats work that users have
// paid for, so it must be meant, and go with a raised semantics version.
func TestFingerprintsStay(t *testing.T) {
	all := fingerprints(plan(t, load(t, small, recipes.Options{})))
	var b strings.Builder
	for _, job := range slices.Sorted(maps.Keys(all)) {
		fmt.Fprintf(&b, "%s %s\n", all[job], job)
	}
	golden.Check(t, "testdata/plans/fingerprints.txt", b.String())
}

func TestSeeds(t *testing.T) {
	p := plan(t, load(t, small, recipes.Options{}))
	seen := map[int64]string{}
	for _, s := range p.Stages {
		for _, j := range s.Jobs {
			if j.Seed < 0 || j.Seed > 1<<31-1 {
				t.Errorf("%s/%s has the seed %d, which not every library takes", s.Name, j.Name, j.Seed)
			}
			if other, ok := seen[j.Seed]; ok {
				t.Errorf("%s/%s shares its seed with %s", s.Name, j.Name, other)
			}
			seen[j.Seed] = s.Name + "/" + j.Name
		}
	}
}

func TestLocalSources(t *testing.T) {
	build := func(t *testing.T, model, data string) (dir, text string) {
		dir = t.TempDir()
		if err := os.MkdirAll(filepath.Join(dir, "model", "sub"), 0o755); err != nil {
			t.Fatal(err)
		}
		write(t, filepath.Join(dir, "blob"), model)
		if err := os.Symlink("../../blob", filepath.Join(dir, "model", "sub", "weights")); err != nil { // as hub caches do
			t.Fatal(err)
		}
		write(t, filepath.Join(dir, "a.jsonl"), data)
		text = strings.NewReplacer("tiny://base", "./model", "s3://bucket/a.jsonl", "a.jsonl").Replace(small)
		write(t, filepath.Join(dir, "r.yaml"), text)
		return dir, text
	}
	of := func(t *testing.T, dir string) map[string]string {
		r, err := recipes.Load(filepath.Join(dir, "r.yaml"), recipes.Options{})
		if err != nil {
			t.Fatal(err)
		}
		return fingerprints(plan(t, r))
	}
	first, _ := build(t, "weights", "rows")
	moved, _ := build(t, "weights", "rows")
	if got, want := of(t, moved), of(t, first); !maps.Equal(got, want) {
		t.Errorf("where sources lie bears on the fingerprints: %v, %v", got, want)
	}
	retrained, _ := build(t, "other weights", "rows")
	got, want := of(t, retrained), of(t, first)
	if got["base/main"] == want["base/main"] || got["prompts/main"] != want["prompts/main"] {
		t.Error("another model must change the base, and the base alone")
	}

	if err := os.Remove(filepath.Join(first, "a.jsonl")); err != nil {
		t.Fatal(err)
	}
	r, err := recipes.Load(filepath.Join(first, "r.yaml"), recipes.Options{})
	if err != nil {
		t.Fatal(err)
	}
	_, err = recipes.Plan(r, recipes.PlanOptions{})
	e := named(t, err, "source-missing")
	if !strings.Contains(e.Detail, filepath.Join(first, "a.jsonl")) || !errors.Is(err, os.ErrNotExist) {
		t.Errorf("got %s", e.Detail)
	}
}
