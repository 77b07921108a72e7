package recipes_test

import (
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/r1ctl/r1ctl/recipes"
)

const rewardsRecipe = `recipe: rewards
templates: {zero: {text: "{prompt}"}}
stages:
  - {name: base, kind: base, params: {source: "tiny://base"}}
  - {name: prompts, kind: curate, params: {sources: [{name: a, address: "tiny://arithmetic?split=train&size=8&seed=1"}], steps: [{do: shuffle}]}}
  - name: zero
    kind: grpo
    inputs: {policy: base.model, prompts: prompts.data}
    params: {template: zero, learning_rate: 1.0e-6, steps: 10, group_size: 8, questions_per_step: 4, max_tokens: 64, rewards: [REWARDS]}
  - name: sampled
    kind: sample
    inputs: {model: zero.model, prompts: prompts.data}
    params: {template: zero, samples_per_prompt: 2, max_tokens: 64, rewards: [SAMPLED]}
`

func loadRewards(t *testing.T, list string) *recipes.Recipe {
	t.Helper()
	file := filepath.Join(t.TempDir(), "rewards.yaml")
	write(t, file, strings.NewReplacer("REWARDS", list, "SAMPLED", list).Replace(rewardsRecipe))
	r, err := recipes.Load(file, recipes.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// Every reward works from a recipe, and a job carries all its parameters.
func TestRewardsOfARecipe(t *testing.T) {
	r := loadRewards(t, `{name: accuracy}, {name: format}, {name: tag_count}, {name: reasoning_steps}, {name: cosine, cosine_max_len: 500},
		{name: length}, {name: repetition_penalty, compat: open-r1}, {name: soft_overlong_punishment}, {name: code}, {name: binary_code},
		{name: ioi_code}, {name: cf_code, test_batch_size: -1}, {name: code_format, language: cpp}, {name: language},
		{name: brevity, python: "mine.rewards:brevity"}, {name: judge, url: "http://127.0.0.1:8900/score", timeout_seconds: 5}`)
	want := []map[string]any{
		{"name": "accuracy"}, {"name": "format", "style": "answer"}, {"name": "tag_count"}, {"name": "reasoning_steps"},
		{"name": "cosine", "min_value_wrong": -1.0, "max_value_wrong": -0.5, "min_value_correct": 0.5, "max_value_correct": 1.0, "max_len": int64(500)},
		{"name": "length"}, {"name": "repetition_penalty", "compat": "open-r1", "ngram_size": int64(3), "max_penalty": -1.0, "language": "en"},
		{"name": "soft_overlong_punishment", "max_completion_len": int64(16384), "soft_punish_cache": int64(4096)}, {"name": "code"}, {"name": "binary_code"},
		{"name": "ioi_code", "test_batch_size": int64(1)},
		{"name": "cf_code", "test_batch_size": int64(-1), "scoring_mode": "weighted_sum", "patch_code": false},
		{"name": "code_format", "language": "cpp"}, {"name": "language", "target": "en"},
		{"name": "brevity", "python": "mine.rewards:brevity", "timeout_seconds": 60.0},
		{"name": "judge", "url": "http://127.0.0.1:8900/score", "timeout_seconds": 5.0},
	}
	for _, stage := range r.Stages {
		list, ok := stage.Params["rewards"].([]any)
		if !ok {
			continue
		}
		if len(list) != len(want) {
			t.Fatalf("%s has %d rewards, want %d", stage.Name, len(list), len(want))
		}
		for i, got := range list {
			expected := map[string]any{}
			for key, value := range want[i] {
				expected[key] = value
			}
			if stage.Name == "zero" {
				expected["weight"], expected["from_step"] = 1.0, int64(0)
			}
			if !reflect.DeepEqual(got, expected) {
				t.Errorf("%s: got %#v\nwant %#v", stage.Name, got, expected)
			}
		}
	}
}

// A parameter bears on the result; upstream's name for it, and a default that
// is written out, do not.
func TestRewardFingerprints(t *testing.T) {
	fingerprint := func(list string) string {
		plan, err := recipes.Plan(loadRewards(t, list), recipes.PlanOptions{})
		if err != nil {
			t.Fatal(err)
		}
		for _, stage := range plan.Stages {
			if stage.Name == "zero" {
				return stage.Jobs[0].Fingerprint
			}
		}
		t.Fatal("no stage zero")
		return ""
	}
	same := []string{"{name: cosine, max_len: 500}", "{name: cosine, cosine_max_len: 500, min_value_correct: 0.5}"}
	if fingerprint(same[0]) != fingerprint(same[1]) {
		t.Error("the same reward, written in two ways, has two fingerprints")
	}
	if fingerprint(same[0]) == fingerprint("{name: cosine}") {
		t.Error("max_len does not show in the fingerprint")
	}
}
