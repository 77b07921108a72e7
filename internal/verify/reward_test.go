package verify

import (
	"math"
	"testing"
)

func TestFormat(t *testing.T) {
	cases := map[string]struct {
		response             string
		answer, boxed, think bool
	}{
		"zero template":              {"<think>a</think><answer>7</answer>", true, false, true},
		"with newlines":              {"<think>\na\n</think>\n\n<answer>\n7\n</answer>\n", true, false, true},
		"carriage returns":           {"<think>a</think>\r\n<answer>7</answer>\r\n", true, false, true},
		"leading space":              {"  <think>a</think> <answer>7</answer>", true, false, true},
		"prefill counts":             {"<think>\n" + "a</think>\n\\boxed{7}", false, true, true},
		"boxed":                      {`<think>a</think>The answer is \boxed{7}.`, false, true, true},
		"plain reply":                {"<think>a</think>7", false, false, true},
		"two boxes":                  {`<think>a</think>\boxed{6} \boxed{7}`, false, false, true},
		"box in a box":               {`<think>a</think>\boxed{\boxed{7}}`, false, true, true},
		"empty box":                  {`<think>a</think>\boxed{ }`, false, false, true},
		"box left open":              {`<think>a</think>\boxed{7} \boxed{`, false, false, true},
		"box inside answer":          {`<think>a</think><answer>\boxed{7}</answer>`, true, false, true},
		"box in the thinking only":   {`<think>\boxed{7}</think>7`, false, false, true},
		"text after, on a new line":  {"<think>a</think><answer>7</answer>\nmore", false, false, true},
		"text after, same line":      {"<think>a</think><answer>7</answer> more", false, false, true},
		"text between":               {"<think>a</think> so <answer>7</answer>", false, false, true},
		"text before":                {"Well. <think>a</think><answer>7</answer>", false, false, false},
		"two thoughts":               {"<think>a</think><think>b</think><answer>7</answer>", false, false, false},
		"two answers":                {"<think>a</think><answer>6</answer><answer>7</answer>", false, false, true},
		"answer in the thinking too": {"<think><answer>6</answer></think><answer>7</answer>", false, false, true},
		"empty thinking":             {"<think>\n</think><answer>7</answer>", false, false, false},
		"empty answer":               {"<think>a</think><answer>\n</answer>", false, false, true},
		"no thinking":                {"<answer>7</answer>", false, false, false},
		"thinking not opened":        {"a</think><answer>7</answer>", false, false, false},
		"thinking not closed":        {"<think>a<answer>7</answer>", false, false, false},
		"nothing after":              {"<think>a</think>\n", false, false, false},
		"wrong case":                 {"<Think>a</Think><answer>7</answer>", false, false, false},
		"empty":                      {"", false, false, false},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			for style, want := range map[string]bool{StyleAnswer: c.answer, StyleBoxed: c.boxed, StyleThink: c.think, "unknown": false} {
				if got := Format(style, c.response); got != want {
					t.Errorf("%s: got %v, want %v for %q", style, got, want, c.response)
				}
			}
		})
	}
}

func TestLanguage(t *testing.T) {
	none := math.NaN()
	cases := map[string]struct {
		thinking string
		en, zh   float64
	}{
		"english":                  {"Let me think, step by step.", 1, 0},
		"arithmetic is of both":    {"3*4=12;12+5=17", 1, 1},
		"spaced arithmetic":        {"3 * 4 = 12", 1, 1},
		"chinese":                  {"我们先算三乘四。", 0, 1},
		"chinese with digits":      {"先算3*4=12", 1.0 / 3, 1},
		"chinese digits in ascii":  {"3*4=12;二", 0.5, 1},
		"round zero is Han":        {"〇", 0, 1},
		"one chinese word in four": {"so it is 七", 0.75, 0.25},
		"variables are of both":    {"x=3", 1, 1},
		"contraction is one word":  {"don't 七", 0.5, 0.5},
		"accents are Latin":        {"café 七", 0.5, 0.5},
		"combining accent":         {"cafe\u0301 七", 0.5, 0.5},
		"third script":             {"да yes", 0.5, 0},
		"lone greek is a symbol":   {"α is it", 1, 0},
		"greek word":               {"λόγος yes", 0.5, 0},
		"latex command":            {`\frac{1}{2}是`, 2.0 / 3, 1},
		"punctuation only":         {"... ，。 !", none, none},
		"emoji only":               {"🙂", none, none},
		"empty":                    {"", none, none},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			for target, want := range map[string]float64{"en": c.en, "zh": c.zh} {
				got, ok := Language(target, "<think>"+c.thinking+"</think>不算 ignored")
				if ok == math.IsNaN(want) || ok && math.Abs(got-want) > 1e-9 {
					t.Errorf("%s: got %v, %v; want %v", target, got, ok, want)
				}
			}
		})
	}
	if _, ok := Language("en", "no thinking at all"); ok {
		t.Error("a response without thinking has no language share")
	}
}

func TestScore(t *testing.T) {
	rewards := []Reward{{Name: "accuracy"}, {Name: "format", Style: "answer", Domains: []string{"arithmetic"}},
		{Name: "format", Style: "boxed", Domains: []string{"science"}}, {Name: "language", Target: "en"}}
	if err := CheckRewards(rewards); err != nil {
		t.Fatal(err)
	}
	const response = "<think>3+4=7</think><answer>7</answer>"
	cases := map[string]struct {
		item                       Item
		accuracy, format, language float64 // NaN is null
	}{
		"correct":           {Item{Domain: "arithmetic", Verifier: "integer", Gold: gold("7"), Response: response}, 1, 1, 1},
		"wrong":             {Item{Domain: "arithmetic", Verifier: "integer", Gold: gold("8"), Response: response}, 0, 1, 1},
		"unverified":        {Item{Domain: "arithmetic", Verifier: "integer", Response: response}, math.NaN(), 1, 1},
		"style by domain":   {Item{Domain: "science", Verifier: "integer", Gold: gold("7"), Response: response}, 1, 0, 1},
		"reward elsewhere":  {Item{Domain: "general", Verifier: "none", Response: response}, math.NaN(), math.NaN(), 1},
		"nothing to detect": {Item{Domain: "arithmetic", Verifier: "integer", Gold: gold("7"), Response: "7"}, 1, 0, math.NaN()},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			got := Score(rewards, c.item)
			for reward, want := range map[string]float64{"accuracy": c.accuracy, "format": c.format, "language": c.language} {
				value, present := got.Rewards[reward]
				if !present {
					t.Fatalf("%s is missing", reward)
				}
				if (value == nil) != math.IsNaN(want) || value != nil && *value != want {
					t.Errorf("%s: got %v, want %v", reward, value, want)
				}
			}
		})
	}
}

func TestCheckRewards(t *testing.T) {
	bad := map[string][]Reward{
		"no name":           {{}},
		"unknown":           {{Name: "acuracy"}},
		"of the trainer":    {{Name: "preference"}},
		"format unstyled":   {{Name: "format"}},
		"format misstyled":  {{Name: "format", Style: "boxes"}},
		"language untold":   {{Name: "language"}},
		"language unknown":  {{Name: "language", Target: "tlh"}},
		"style of accuracy": {{Name: "accuracy", Style: "answer"}},
		"twice":             {{Name: "accuracy"}, {Name: "accuracy"}},
		"twice in a domain": {{Name: "format", Style: "answer", Domains: []string{"a", "b"}}, {Name: "format", Style: "boxed", Domains: []string{"b"}}},
	}
	for name, rewards := range bad {
		if err := CheckRewards(rewards); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

func TestAnswer(t *testing.T) {
	if got, ok := Answer("integer", `<think>x</think>\boxed{7}`); !ok || got != "7" {
		t.Errorf("got %q, %v", got, ok)
	}
	if _, ok := Answer("none", `\boxed{7}`); ok {
		t.Error("none reads no answers")
	}
}
