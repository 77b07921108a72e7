package reward_test

import (
	"reflect"
	"strings"
	"testing"

	"github.com/r1ctl/r1ctl/internal/r1"
	"github.com/r1ctl/r1ctl/internal/verify/reward"
)

func TestNames(t *testing.T) {
	upstream := []string{
		"accuracy", "format", "reasoning_steps", "cosine", "repetition_penalty", "length", "code", "binary_code",
		"ioi_code", "cf_code", "code_format", "tag_count", "soft_overlong_punishment",
	}
	for _, name := range upstream {
		if _, err := reward.New(name, map[string]any{"compat": "open-r1"}); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	seen := map[string]bool{}
	for _, d := range reward.Definitions() {
		if seen[d.Name] || d.Version < 1 || d.Doc == "" || d.Formula == "" || d.Range == "" || d.Source == "" {
			t.Errorf("%s is told twice, or not in full", d.Name)
		}
		seen[d.Name] = true
		for _, p := range d.Params {
			if p.Doc == "" || p.Required && p.Default != nil {
				t.Errorf("%s.%s is not told in full", d.Name, p.Name)
			}
		}
	}
}

// Names and defaults as in open-r1: those of the functions, and under compat
// those of the configuration, which differ for cosine.
func TestDefaults(t *testing.T) {
	cases := map[string]struct {
		params map[string]any
		want   reward.Params
	}{
		"accuracy": {nil, reward.Params{}},
		"format":   {nil, reward.Params{"style": "answer"}},
		"cosine": {nil, reward.Params{
			"min_value_wrong": -1.0, "max_value_wrong": -0.5, "min_value_correct": 0.5, "max_value_correct": 1.0, "max_len": int64(1000),
		}},
		"cosine ": {row("compat", "open-r1"), reward.Params{
			"compat": "open-r1", "min_value_wrong": 0.0, "max_value_wrong": -0.5, "min_value_correct": 0.5, "max_value_correct": 1.0, "max_len": int64(1000),
		}},
		"repetition_penalty":       {nil, reward.Params{"ngram_size": int64(3), "max_penalty": -1.0, "language": "en"}},
		"soft_overlong_punishment": {nil, reward.Params{"max_completion_len": int64(16384), "soft_punish_cache": int64(4096)}},
		"cf_code":                  {nil, reward.Params{"test_batch_size": int64(1), "scoring_mode": "weighted_sum", "patch_code": false}},
		"ioi_code":                 {nil, reward.Params{"test_batch_size": int64(1)}},
		"code_format":              {nil, reward.Params{"language": "python"}},
		"language":                 {nil, reward.Params{"target": "en"}},
		"url":                      {row("url", "http://x/y"), reward.Params{"url": "http://x/y", "timeout_seconds": 60.0}},
	}
	for name, c := range cases {
		if got := newReward(t, strings.TrimSpace(name), c.params); !reflect.DeepEqual(got.Params, c.want) {
			t.Errorf("%s: got %#v, want %#v", name, got.Params, c.want)
		}
	}
}

func TestMistakes(t *testing.T) {
	cases := map[string]struct {
		reward string
		params map[string]any
		want   string
	}{
		"unknown reward":          {"cosin", nil, `there is no reward "cosin"; did you mean "cosine"?`},
		"unknown parameter":       {"cosine", row("max_length", 5), `unknown parameter "max_length" of the reward cosine; did you mean "max_len"?`},
		"no parameter at all":     {"reasoning_steps", row("steps", 5), `unknown parameter "steps"`},
		"inverted for right":      {"cosine", row("min_value_correct", 1, "max_value_correct", 0.5), "min_value_correct: 1 is above max_value_correct 0.5"},
		"inverted for wrong":      {"cosine", row("min_value_wrong", 0, "max_value_wrong", -0.5), "min_value_wrong: 0 is above max_value_wrong -0.5"},
		"wrong better than right": {"cosine", row("max_value_wrong", 0.6), "a wrong answer could be worth more than a right one"},
		"no length":               {"cosine", row("max_len", 0), "max_len: expected a whole number from 1, found the number 0"},
		"half a character":        {"cosine", row("max_len", 0.5), "max_len: expected a whole number from 1"},
		"not a number":            {"cosine", row("max_len", "long"), `expected a whole number from 1, found the text "long"`},
		"twice, by two names":     {"cosine", row("max_len", 5, "cosine_max_len", 5), "max_len: given twice: cosine_max_len is another name of it"},
		"no n-grams":              {"repetition_penalty", row("ngram_size", 0), "ngram_size: expected a whole number from 1, found the number 0"},
		"no penalty":              {"repetition_penalty", row("max_penalty", 0), "max_penalty: expected a number below 0, found the number 0"},
		"a bonus":                 {"repetition_penalty", row("max_penalty", 0.5), "max_penalty: expected a number below 0"},
		"a bonus, upstream too":   {"repetition_penalty", row("max_penalty", 0.5, "compat", "open-r1"), "max_penalty: expected a number below 0"},
		"cache above the limit":   {"soft_overlong_punishment", row("max_completion_len", 10, "soft_punish_cache", 11), "soft_punish_cache: 11 is more than max_completion_len 10"},
		"no cache":                {"soft_overlong_punishment", row("soft_punish_cache", 0), "soft_punish_cache: expected a whole number from 1"},
		"style":                   {"format", row("style", "boxes"), `style: expected one of answer, boxed, think, found the text "boxes"; did you mean "boxed"?`},
		"style, upstream":         {"format", row("style", "boxed", "compat", "open-r1"), "style: open-r1 has no such parameter"},
		"prefilled, upstream":     {"tag_count", row("prefilled", true, "compat", "open-r1"), "prefilled: open-r1 has no such parameter"},
		"Chinese, upstream":       {"repetition_penalty", row("language", "zh", "compat", "open-r1"), "language: no key of open-r1's configuration asks for Chinese"},
		"compat of ours":          {"language", row("compat", "open-r1"), `unknown parameter "compat"`},
		"other compat":            {"format", row("compat", "openr1"), "compat: expected one of open-r1"},
		"target":                  {"language", row("target", "tlh"), "target: expected one of en, fr"},
		"mode":                    {"cf_code", row("scoring_mode", "sum"), "scoring_mode: expected one of pass_fail, partial, weighted_sum"},
		"no batch":                {"cf_code", row("test_batch_size", 0), "test_batch_size: expected a whole number from 1, or -1 for all"},
		"flag":                    {"cf_code", row("patch_code", "yes"), "patch_code: expected true or false"},
		"no function":             {"python", nil, "python is missing: expected a function as module.path:name"},
		"a file":                  {"python", row("python", "rewards.py"), "python: expected a function as module.path:name"},
		"no address":              {"url", nil, "url is missing: expected an address as http://host/path"},
		"not http":                {"url", row("url", "ftp://x"), "url: expected an address as http://host/path"},
		"a password":              {"url", row("url", "http://me:secret@x"), "a recipe holds no password"},
		"no time":                 {"url", row("url", "http://x", "timeout_seconds", 0), "timeout_seconds: expected a number from 0.1"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			_, err := reward.New(c.reward, c.params)
			e, ok := r1.AsError(err)
			if !ok || e.Remedy == "" || (e.Name != "unknown-reward" && e.Name != "reward-parameter-invalid") {
				t.Fatalf("got %v, want a named error", err)
			}
			if !strings.Contains(e.Detail, c.want) || strings.Contains(e.Detail, "secret") {
				t.Errorf("got %s, want %s", e.Detail, c.want)
			}
		})
	}
}

// A command line gives text; its parameters are those a recipe gives.
func TestParse(t *testing.T) {
	d, err := reward.Lookup("cf_code")
	if err != nil {
		t.Fatal(err)
	}
	values, err := d.Parse([]string{"test_batch_size=-1", "scoring_mode=partial", "patch_code=true"})
	if err != nil {
		t.Fatal(err)
	}
	got, problems := d.Decode(values)
	if want := (reward.Params{"test_batch_size": int64(-1), "scoring_mode": "partial", "patch_code": true}); !reflect.DeepEqual(got, want) {
		t.Errorf("got %#v, %v", got, problems)
	}
	for _, bad := range [][]string{{"patch_code"}, {"=1"}, {"patch_code=true", "patch_code=false"}} {
		if _, err := d.Parse(bad); err == nil {
			t.Errorf("%v is taken", bad)
		}
	}
	if _, problems := d.Decode(map[string]any{"test_batch_size": "many", "patch": true}); len(problems) != 2 {
		t.Errorf("got %v, want both mistakes", problems)
	}
}

func TestRows(t *testing.T) {
	bad := map[string]string{
		"no object":           `[1]`,
		"null":                `null`,
		"no completion":       `{"id": 1}`,
		"completion a number": `{"completion": 1}`,
		"no message":          `{"completion": []}`,
		"no role":             `{"completion": [{"content": "x"}]}`,
		"gold a list":         `{"completion": "", "gold": [1]}`,
		"tokens negative":     `{"completion": "", "tokens": -1}`,
		"ids of text":         `{"completion": "", "completion_ids": ["a"]}`,
		"language a number":   `{"completion": "", "language": 1}`,
		"half a row":          `{"completion": "`,
	}
	for name, raw := range bad {
		if _, err := reward.ParseRow([]byte(raw)); err == nil {
			t.Errorf("%s is taken", name)
		}
	}
	it, err := reward.ParseRow([]byte(`{"id": 7, "prompt": [{"role": "user", "content": "2+5?"}], "response": "x", "solution": 7.50, "tokens": null, "score_precision": 3}`))
	if err != nil || string(it.ID) != "7" || it.Prompt != "2+5?" || it.Text() != "x" || it.Gold == nil || *it.Gold != "7.50" || it.Tokens != nil {
		t.Errorf("got %+v, %v", it, err)
	}
	if want := `[{"role":"user","content":"2+5?"}]`; it.GroupKey() != want {
		t.Errorf("group %s, want %s", it.GroupKey(), want)
	}
}
