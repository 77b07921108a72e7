package reward_test

import (
	"encoding/json"
	"math"
	"os"
	"testing"

	"github.com/r1ctl/r1ctl/internal/verify/reward"
)

// testdata/openr1.json was made by a Python program of its own, written from the
// description of upstream's rules alone: compat must agree with every value.
func TestCompatOpenR1(t *testing.T) {
	raw, err := os.ReadFile("testdata/openr1.json")
	if err != nil {
		t.Fatal(err)
	}
	var cases []struct {
		Reward string
		Params map[string]any
		Rows   []json.RawMessage
		Want   []float64
	}
	if err := json.Unmarshal(raw, &cases); err != nil || len(cases) == 0 {
		t.Fatal("no cases", err)
	}
	for _, c := range cases {
		c.Params[reward.Compat] = reward.OpenR1
		r := newReward(t, c.Reward, c.Params)
		values, err := r.Score(t.Context(), rows(t, c.Rows), &scriptedJudge{})
		if err != nil {
			t.Fatal(err)
		}
		for i, v := range values {
			if !v.Known || math.Abs(v.Reward-c.Want[i]) > 1e-12 {
				t.Errorf("%s %v: got %+v, want %v for %s", c.Reward, c.Params, v, c.Want[i], c.Rows[i])
			}
		}
	}
}

// What each reward gives where upstream has a defect, on both sides.
func TestDefects(t *testing.T) {
	const shape = "<think>\na\n</think>\n<answer>\n7\n</answer>"
	long := func(n int) string { return string(make([]byte, n)) }
	cases := map[string]struct {
		reward         string
		row            map[string]any
		ours, upstream float64 // NaN is unknown
	}{
		"text after the answer":     {"format", row("completion", shape+"\nmore"), 0, 1},
		"two thoughts":              {"format", row("completion", "<think>\na\n</think>\n"+shape), 0, 1},
		"empty thinking":            {"format", row("completion", "<think>\n\n</think>\n<answer>\n7\n</answer>"), 0, 1},
		"leading space":             {"format", row("completion", " "+shape), 1, 0},
		"no line breaks":            {"format", row("completion", "<think>a</think><answer>7</answer>"), 1, 0},
		"carriage returns":          {"format", row("completion", "<think>\r\na\r\n</think>\r\n<answer>\r\n7\r\n</answer>"), 1, 0},
		"tags without line breaks":  {"tag_count", row("completion", "<think>a</think><answer>7</answer>"), 1, 0},
		"numbered list":             {"reasoning_steps", row("completion", "1. a\n2. b\n3. c"), 1, 1.0 / 3},
		"hyphen list":               {"reasoning_steps", row("completion", "- a\n- b\n- c"), 1, 2.0 / 3},
		"negative number":           {"reasoning_steps", row("completion", "x\n-5\n-6\n-7"), 0, 1},
		"one step said twice":       {"reasoning_steps", row("completion", "1. First, a"), 1.0 / 3, 2.0 / 3},
		"twice the length":          {"cosine", row("completion", long(2000), "label", "correct"), 0.5, 1},
		"short and wrong":           {"cosine", row("completion", "", "label", "wrong"), -1, 0},
		"gold unreadable, cosine":   {"cosine", row("completion", "", "label", "unparsable"), math.NaN(), 1},
		"gold unreadable, length":   {"length", row("completion", "", "label", "unparsable"), math.NaN(), 0},
		"gold unreadable, accuracy": {"accuracy", row("completion", "", "label", "unparsable"), math.NaN(), math.NaN()},
		"outage, cosine":            {"cosine", row("completion", "", "label", "outage"), math.NaN(), math.NaN()},
		"other language":            {"code_format", row("completion", "<think>\na\n</think>\n<answer>\n```javascript\nx\n```\n</answer>", "language", "java"), 0, 1},
		"empty program":             {"code_format", row("completion", "<think>\na\n</think>\n<answer>\n```python\n```\n</answer>"), 0, 1},
		"sandbox down, code":        {"code", row("completion", "", "run", reward.Program{State: reward.ProgramUnverified, Reason: "outage"}), math.NaN(), 0},
		"sandbox down, binary":      {"binary_code", row("completion", "", "run", reward.Program{State: reward.ProgramUnverified}), math.NaN(), 0},
		"sandbox down, ioi":         {"ioi_code", row("completion", "", "run", ran(1, -1)), math.NaN(), 0},
		"sandbox down, codeforces":  {"cf_code", row("completion", "", "run", ran(1, -1)), math.NaN(), 0.05},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			for want, params := range map[float64]map[string]any{c.ours: {}, c.upstream: {reward.Compat: reward.OpenR1}} {
				equal(t, score(t, c.reward, params, c.row), want)
			}
		})
	}
}

// row makes a row of keys and values.
func row(pairs ...any) map[string]any {
	out := map[string]any{}
	for i := 0; i < len(pairs); i += 2 {
		out[pairs[i].(string)] = pairs[i+1]
	}
	return out
}

// ran is a program with the points of its tests; -1 is a fault of the sandbox.
func ran(points ...float64) reward.Program {
	p := reward.Program{State: reward.ProgramRan}
	for _, v := range points {
		p.Tests = append(p.Tests, reward.Test{Points: max(0, v), Fault: v < 0})
	}
	return p
}

func newReward(t *testing.T, name string, params map[string]any) *reward.Reward {
	t.Helper()
	r, err := reward.New(name, params)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func rows[R any](t *testing.T, list []R) []reward.Item {
	t.Helper()
	items := make([]reward.Item, len(list))
	for i, row := range list {
		raw, err := json.Marshal(row)
		if err != nil {
			t.Fatal(err)
		}
		if items[i], err = reward.ParseRow(raw); err != nil {
			t.Fatal(err)
		}
	}
	return items
}

func score(t *testing.T, name string, params, row map[string]any) reward.Value {
	t.Helper()
	values, err := newReward(t, name, params).Score(t.Context(), rows(t, []map[string]any{row}), &scriptedJudge{})
	if err != nil {
		t.Fatal(err)
	}
	return values[0]
}

// equal compares a value with a number; NaN is unknown.
func equal(t *testing.T, got reward.Value, want float64) {
	t.Helper()
	if got.Known == math.IsNaN(want) || got.Known && math.Abs(got.Reward-want) > 1e-12 {
		t.Errorf("got %+v, want %v", got, want)
	}
	if !got.Known && got.Reason == "" {
		t.Error("unknown without a reason")
	}
}
