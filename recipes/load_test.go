package recipes_test

import (
	"path/filepath"
	"reflect"
	"testing"

	"github.com/r1ctl/r1ctl/recipes"
)

const small = `
recipe: small
default_profile: tiny
seed: 7
templates:
  zero: {text: "Q: {prompt}"}
  chat: {chat: true, prefill: "<think>"}
stages:
  - name: base
    kind: base
    params: {source: "hf://org/base"}
  - name: prompts
    kind: curate
    params: {sources: [{name: a, address: "s3://bucket/a.jsonl"}], steps: [{do: shuffle}]}
  - name: zero
    kind: grpo
    inputs: {policy: base.model, prompts: prompts.data}
    params: &rl
      template: zero
      steps: 100
      learning_rate: 1e-4
      group_size: 8
      questions_per_step: 4
      max_tokens: 64
      rewards: [{name: accuracy}, {name: format, weight: 0.5}]
  - name: again
    kind: grpo
    after: [zero]
    inputs: {policy: base.model, prompts: prompts.data}
    params: {<<: *rl, steps: 10, template: {chat: true}}
  - name: students
    kind: distill
    inputs: {data: prompts.data, tokenizer: base.model}
    params: {template: chat, epochs: 2, learning_rate: 1e-3, batch_size: 8, max_tokens: 64}
    students:
      - {name: big, source: "hf://org/big@abc"}
      - {name: little, architecture: {hidden_size: 32, layers: 2, heads: 4, intermediate_size: 64}, params: {learning_rate: 3e-3, epochs: 4}}
  - name: eval-*
    kind: evaluate
    title: "* measured"
    inputs: {model: students.*, problems: prompts.data}
    params: {template: chat, samples_per_prompt: 2, max_tokens: 64}
profiles:
  tiny:
    seed: 8
    templates: {zero: {text: "{prompt}="}}
    stages:
      - {name: base, params: {source: "tiny://base"}}
      - {name: zero, params: {steps: 20, rewards: [{name: accuracy}]}}
      - {name: again, omit: true}
  tinier:
    extends: tiny
    stages:
      - {name: zero, params: {steps: 10, questions_per_step: 2}}
      - {add: true, name: extra, kind: evaluate, inputs: {model: zero.model, problems: prompts.data}, params: {template: chat, samples_per_prompt: 3, max_tokens: 8}}
  tiniest:
    extends: tinier
    stages:
      - {name: extra, params: {max_tokens: 4}}
`

func load(t *testing.T, text string, opts recipes.Options) *recipes.Recipe {
	t.Helper()
	file := filepath.Join(t.TempDir(), "r.yaml")
	write(t, file, text)
	r, err := recipes.Load(file, opts)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func stage(t *testing.T, r *recipes.Recipe, name string) recipes.Stage {
	t.Helper()
	for _, s := range r.Stages {
		if s.Name == name {
			return s
		}
	}
	t.Fatalf("no stage %s in %v", name, stageNames(r))
	return recipes.Stage{}
}

func stageNames(r *recipes.Recipe) []string {
	var out []string
	for _, s := range r.Stages {
		out = append(out, s.Name)
	}
	return out
}

func TestLoadResolves(t *testing.T) {
	accuracy := map[string]any{"name": "accuracy", "weight": 1.0, "from_step": int64(0)}
	format := map[string]any{"name": "format", "weight": 0.5, "from_step": int64(0), "style": "answer"}
	tests := map[string]struct {
		opts  recipes.Options
		stage string
		param string
		want  any
	}{
		"the default profile applies":               {recipes.Options{}, "base", "source", "tiny://base"},
		"a scalar is replaced":                      {recipes.Options{}, "zero", "steps", int64(20)},
		"a map is merged":                           {recipes.Options{}, "zero", "group_size", int64(8)},
		"a list is replaced, defaults filled in":    {recipes.Options{}, "zero", "rewards", []any{accuracy}},
		"a template is inlined":                     {recipes.Options{}, "zero", "template", map[string]any{"text": "{prompt}="}},
		"extends lays one profile over another":     {recipes.Options{Profile: "tinier"}, "zero", "steps", int64(10)},
		"what is extended still applies":            {recipes.Options{Profile: "tinier"}, "base", "source", "tiny://base"},
		"a default follows another parameter":       {recipes.Options{Profile: "tinier"}, "zero", "rollout_outputs", int64(16)},
		"a profile adds a stage":                    {recipes.Options{Profile: "tinier"}, "extra", "max_tokens", int64(8)},
		"and another one changes it":                {recipes.Options{Profile: "tiniest"}, "extra", "max_tokens", int64(4)},
		"--set comes last":                          {recipes.Options{Set: []string{"zero.params.steps=3"}}, "zero", "steps", int64(3)},
		"--set takes YAML":                          {recipes.Options{Set: []string{"zero.params.rewards=[{name: format, weight: 0.5}]"}}, "zero", "rewards", []any{format}},
		"--set reaches into lists by name":          {recipes.Options{Set: []string{"zero.params.rewards.accuracy.weight=0.5"}}, "zero", "rewards", []any{map[string]any{"name": "accuracy", "weight": 0.5, "from_step": int64(0)}}},
		"--set makes a key":                         {recipes.Options{Set: []string{"zero.params.kl_beta=0.01"}}, "zero", "kl_beta", 0.01},
		"--set to nothing takes a key away":         {recipes.Options{Set: []string{"zero.params.kl_beta=0.01", "zero.params.kl_beta="}}, "zero", "kl_beta", 0.001},
		"one stage is made for each student":        {recipes.Options{}, "eval-little", "samples_per_prompt", int64(2)},
		"--set names such stages as the file does":  {recipes.Options{Set: []string{"eval-*.params.greedy=true"}}, "eval-big", "greedy", true},
		"a number written with an exponent is read": {recipes.Options{}, "zero", "learning_rate", 0.0001},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got := stage(t, load(t, small, tt.opts), tt.stage).Params[tt.param]
			if !reflect.DeepEqual(got, tt.want) {
				t.Errorf("%s.%s is %#v, want %#v", tt.stage, tt.param, got, tt.want)
			}
		})
	}
}

func TestLoadStages(t *testing.T) {
	r := load(t, small, recipes.Options{})
	if got, want := stageNames(r), []string{"base", "prompts", "zero", "students", "eval-big", "eval-little"}; !reflect.DeepEqual(got, want) {
		t.Errorf("got the stages %v, want %v: again is left out", got, want)
	}
	if r.Seed != 8 {
		t.Errorf("got the seed %d, want the profile's 8", r.Seed)
	}
	eval := stage(t, r, "eval-little")
	if eval.Title != "little measured" || eval.Inputs["model"] != (recipes.Ref{Stage: "students", Output: "little"}) {
		t.Errorf("got %q from %v", eval.Title, eval.Inputs["model"])
	}
	students := stage(t, r, "students").Students
	big, little := students[0], students[1]
	if _, ok := big.Inputs["tokenizer"]; ok {
		t.Error("a student with a source got the tokenizer of the others")
	}
	if _, ok := little.Inputs["tokenizer"]; !ok {
		t.Error("a student from random weights got no tokenizer")
	}
	if big.Params["learning_rate"] != 0.001 || little.Params["learning_rate"] != 0.003 || little.Params["final_learning_rate"] != 0.0003 || little.Params["epochs"] != 4.0 {
		t.Errorf("got the parameters %v and %v", big.Params, little.Params)
	}
	if got, want := r.Unpinned(), []string{"s3://bucket/a.jsonl"}; !reflect.DeepEqual(got, want) {
		t.Errorf("got the unpinned sources %v, want %v", got, want)
	}
}
