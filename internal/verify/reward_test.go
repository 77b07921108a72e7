package verify

import (
	"encoding/json"
	"math"
	"testing"

	"github.com/r1ctl/r1ctl/internal/verify/reward"
)

func raws(list ...string) []json.RawMessage {
	out := make([]json.RawMessage, len(list))
	for i, text := range list {
		out[i] = json.RawMessage(text)
	}
	return out
}

func TestScore(t *testing.T) {
	rewards, err := ReadRewards(raws(`{"name": "accuracy", "weight": 2}`, `{"name": "format", "style": "answer", "domains": ["arithmetic"]}`,
		`{"name": "format", "style": "boxed", "domains": ["science"]}`, `{"name": "language", "target": "en", "from_step": 3}`))
	if err != nil {
		t.Fatal(err)
	}
	const response = "<think>3+4=7 as is</think><answer>7</answer>"
	cases := map[string]struct {
		item                       map[string]any
		accuracy, format, language float64 // NaN is null
	}{
		"correct":           {map[string]any{"domain": "arithmetic", "verifier": "integer", "gold": "7", "response": response}, 1, 1, 1},
		"wrong":             {map[string]any{"domain": "arithmetic", "verifier": "integer", "gold": "8", "response": response}, 0, 1, 1},
		"unverified":        {map[string]any{"domain": "arithmetic", "verifier": "integer", "response": response}, math.NaN(), 1, 1},
		"style by domain":   {map[string]any{"domain": "science", "verifier": "integer", "gold": "7", "response": response}, 1, 0, 1},
		"reward elsewhere":  {map[string]any{"domain": "general", "verifier": "none", "response": response}, math.NaN(), math.NaN(), 1},
		"nothing to detect": {map[string]any{"domain": "arithmetic", "verifier": "integer", "gold": "7", "response": "7"}, 1, 0, math.NaN()},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			results, err := Scorer{Judge: New(Options{})}.Score(t.Context(), rewards, []reward.Item{item(t, c.item)}, 0)
			if err != nil {
				t.Fatal(err)
			}
			for reward, want := range map[string]float64{"accuracy": c.accuracy, "format": c.format, "language": c.language} {
				value, present := results[0].Rewards[reward]
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

func TestRewardsThatAreRefused(t *testing.T) {
	for name, list := range map[string][]json.RawMessage{
		"no name":           raws(`{}`),
		"no object":         raws(`"accuracy"`),
		"unknown":           raws(`{"name": "acuracy"}`),
		"of the trainer":    raws(`{"name": "preference"}`),
		"format misstyled":  raws(`{"name": "format", "style": "boxes"}`),
		"language unknown":  raws(`{"name": "language", "target": "tlh"}`),
		"style of accuracy": raws(`{"name": "accuracy", "style": "answer"}`),
		"inverted slope":    raws(`{"name": "cosine", "min_value_correct": 2}`),
		"twice":             raws(`{"name": "accuracy"}`, `{"name": "accuracy"}`),
		"twice in a domain": raws(`{"name": "format", "style": "answer", "domains": ["a", "b"]}`, `{"name": "format", "style": "boxed", "domains": ["b"]}`),
	} {
		if _, err := ReadRewards(list); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

// Every reward of open-r1 is computed for a request, and the ones that compare
// responses compare those of one prompt.
func TestEveryReward(t *testing.T) {
	var list []json.RawMessage
	for _, d := range reward.Definitions() {
		if !d.Outside {
			list = append(list, json.RawMessage(`{"name": "`+d.Name+`"`+required(d)+`}`))
		}
	}
	rewards, err := ReadRewards(list)
	if err != nil {
		t.Fatal(err)
	}
	items := raws(
		`{"id": "a", "prompt": "p", "verifier": "integer", "gold": "7", "completion": "<think>so it is</think><answer>7</answer>", "tokens": 9}`,
		`{"id": "b", "prompt": "p", "verifier": "integer", "gold": "7", "completion": "<think>so it is, and it goes on</think><answer>7</answer>", "tokens": 9}`,
		`{"id": "c", "prompt": "q", "verifier": "integer", "gold": "7", "completion": "<think>x</think><answer>7</answer>", "tokens": 9}`,
		`{"id": "d", "prompt": "q"}`,
	)
	results, err := Scorer{Judge: New(Options{})}.ScoreRaw(t.Context(), rewards, items, 0)
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []float64{0.5, -0.5, 0} {
		if got := results[i].Rewards["length"]; got == nil || *got != want {
			t.Errorf("length of %s is %v, want %v", results[i].ID, got, want)
		}
		for _, w := range rewards {
			value := results[i].Rewards[w.Name]
			if program := results[i].Reasons[w.Name] == ReasonNoSandbox; (value == nil) != program {
				t.Errorf("%s of %s: %v (%s)", w.Name, results[i].ID, value, results[i].Reasons[w.Name])
			}
		}
	}
	if len(results[3].Rewards) != len(rewards) || results[3].Verdict.Reason != ReasonMalformed {
		t.Errorf("a row without a completion: %+v", results[3])
	}
}

// required are parameters that a reward has no default for.
func required(d *reward.Definition) string {
	text := ""
	for _, p := range d.Params {
		if p.Required {
			text += `, "` + p.Name + `": 1000`
		}
	}
	return text
}

func TestAnswer(t *testing.T) {
	if got, ok := Answer("integer", `<think>x</think>\boxed{7}`); !ok || got != "7" {
		t.Errorf("got %q, %v", got, ok)
	}
	if _, ok := Answer("none", `\boxed{7}`); ok {
		t.Error("none reads no answers")
	}
}
