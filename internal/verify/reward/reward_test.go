package reward_test

import (
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/r1ctl/r1ctl/internal/r1"
	"github.com/r1ctl/r1ctl/internal/verify/reward"
)

func TestFormat(t *testing.T) {
	cases := map[string]struct {
		response             string
		answer, boxed, think bool
	}{
		"zero template":              {"<think>a</think><answer>7</answer>", true, false, true},
		"with newlines":              {"<think>\na\n</think>\n\n<answer>\n7\n</answer>\n", true, false, true},
		"leading space":              {"  <think>a</think> <answer>7</answer>", true, false, true},
		"carriage returns":           {"<think>a</think>\r\n<answer>7</answer>\r\n", true, false, true},
		"with a prefill":             {"<think>\n" + "a</think>\n\\boxed{7}", false, true, true},
		"text after, same line":      {"<think>a</think><answer>7</answer> more", false, false, true},
		"thinking not opened":        {"a</think><answer>7</answer>", false, false, false},
		"boxed":                      {`<think>a</think>The answer is \boxed{7}.`, false, true, true},
		"plain reply":                {"<think>a</think>7", false, false, true},
		"two boxes":                  {`<think>a</think>\boxed{6} \boxed{7}`, false, false, true},
		"box in a box":               {`<think>a</think>\boxed{\boxed{7}}`, false, true, true},
		"empty box":                  {`<think>a</think>\boxed{ }`, false, false, true},
		"box left open":              {`<think>a</think>\boxed{7} \boxed{`, false, false, true},
		"box inside answer":          {`<think>a</think><answer>\boxed{7}</answer>`, true, false, true},
		"box in the thinking only":   {`<think>\boxed{7}</think>7`, false, false, true},
		"text after, on a new line":  {"<think>a</think><answer>7</answer>\nmore", false, false, true},
		"text between":               {"<think>a</think> so <answer>7</answer>", false, false, true},
		"text before":                {"Well. <think>a</think><answer>7</answer>", false, false, false},
		"two thoughts":               {"<think>a</think><think>b</think><answer>7</answer>", false, false, false},
		"two answers":                {"<think>a</think><answer>6</answer><answer>7</answer>", false, false, true},
		"answer in the thinking too": {"<think><answer>6</answer></think><answer>7</answer>", false, false, true},
		"answer first":               {"<answer>7</answer><think>a</think>", false, false, false},
		"tags crossed":               {"<think>a<answer></think>7</answer>", false, false, true},
		"empty thinking":             {"<think>\n</think><answer>7</answer>", false, false, false},
		"empty answer":               {"<think>a</think><answer>\n</answer>", false, false, true},
		"no thinking":                {"<answer>7</answer>", false, false, false},
		"thinking not closed":        {"<think>a<answer>7</answer>", false, false, false},
		"nothing after":              {"<think>a</think>\n", false, false, false},
		"wrong case":                 {"<Think>a</Think><answer>7</answer>", false, false, false},
		"empty":                      {"", false, false, false},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			if reward.Format("unknown", c.response) {
				t.Error("an unknown style has no shape")
			}
			for style, want := range map[string]bool{"answer": c.answer, "boxed": c.boxed, "think": c.think} {
				if got := reward.Format(style, c.response); got != want {
					t.Errorf("%s: got %v, want %v for %q", style, got, want, c.response)
				}
				want := map[bool]float64{true: 1}[want]
				equal(t, score(t, "format", row("style", style), row("completion", c.response)), want)
				if rest, ok := strings.CutPrefix(c.response, "<think>"); ok {
					equal(t, score(t, "format", row("style", style, "prefilled", true), row("completion", rest)), want)
					equal(t, score(t, "format", row("style", style, "prefilled", true), row("completion", c.response)), 0)
					equal(t, score(t, "format", row("style", style), row("completion", rest)), 0)
				}
			}
		})
	}
}

// Rewards of the text alone, and those made from a verdict or a run program.
func TestValues(t *testing.T) {
	none := math.NaN()
	full := "<think>\na\n</think>\n<answer>\n```python\nprint(1)\n```\n</answer>"
	cases := map[string]struct {
		reward string
		params map[string]any
		row    map[string]any
		want   float64
	}{
		"all tags":                    {"tag_count", nil, row("completion", full), 1},
		"one tag twice":               {"tag_count", nil, row("completion", full+"</answer>"), 0.75},
		"tags, prefilled":             {"tag_count", row("prefilled", true), row("completion", full[len("<think>"):]), 1},
		"tags, lacking the first":     {"tag_count", nil, row("completion", full[len("<think>"):]), 0.75},
		"two steps":                   {"reasoning_steps", nil, row("completion", "Step 1: a\nStep 2: b"), 2.0 / 3},
		"bold steps":                  {"reasoning_steps", nil, row("completion", "**Step 1:** a\n* **Step 2:** b\n3) c"), 1},
		"no steps":                    {"reasoning_steps", nil, row("completion", "3.14 is pi\n---\n**bold**"), 0},
		"many steps":                  {"reasoning_steps", nil, row("completion", strings.Repeat("- x\n", 50)), 1},
		"correct at once":             {"cosine", nil, row("completion", "", "label", "correct"), 1},
		"correct halfway":             {"cosine", nil, row("completion", strings.Repeat("é", 500), "label", "correct"), 0.75},
		"correct at the end":          {"cosine", nil, row("completion", strings.Repeat("x", 1000), "label", "correct"), 0.5},
		"wrong at the end":            {"cosine", nil, row("completion", strings.Repeat("x", 5000), "label", "wrong"), -0.5},
		"upstream's keys":             {"cosine", row("cosine_max_len", 10), row("completion", strings.Repeat("x", 10), "label", "correct"), 0.5},
		"nothing repeated":            {"repetition_penalty", nil, row("completion", "a b c d e"), 0},
		"all repeated":                {"repetition_penalty", row("ngram_size", 1), row("completion", "a A a A"), -0.75},
		"too short to repeat":         {"repetition_penalty", nil, row("completion", "a a"), 0},
		"Chinese characters":          {"repetition_penalty", row("language", "zh", "ngram_size", 2), row("completion", "二三二三"), -1.0 / 3},
		"tokens counted":              {"soft_overlong_punishment", row("max_completion_len", 100, "soft_punish_cache", 20), row("completion", "", "tokens", 90), -0.5},
		"tokens listed":               {"soft_overlong_punishment", row("max_completion_len", 4, "soft_punish_cache", 4), row("completion", "", "completion_ids", []int{5, 6}), -0.5},
		"tokens unknown":              {"soft_overlong_punishment", nil, row("completion", ""), none},
		"correct":                     {"accuracy", nil, row("completion", "", "label", "correct"), 1},
		"wrong":                       {"accuracy", nil, row("completion", "", "label", "wrong"), 0},
		"outage":                      {"accuracy", nil, row("completion", "", "label", "outage"), none},
		"two of four tests":           {"code", nil, row("completion", "", "run", ran(1, 0, 1, 0)), 0.5},
		"no program":                  {"code", nil, row("completion", "", "run", reward.Program{State: reward.ProgramAbsent}), 0},
		"no tests":                    {"code", nil, row("completion", ""), none},
		"ran no test":                 {"code", nil, row("completion", "", "run", ran()), none},
		"all tests":                   {"binary_code", nil, row("completion", "", "run", ran(1, 1)), 1},
		"not all tests":               {"binary_code", nil, row("completion", "", "run", ran(1, 0.999)), 0},
		"failed whatever the sandbox": {"binary_code", nil, row("completion", "", "run", ran(0, -1)), 0},
		"subtask":                     {"ioi_code", nil, row("completion", "", "run", ran(1, 0.125, 1)), 0.12},
		"subtask, three digits":       {"ioi_code", nil, row("completion", "", "run", ran(0.125), "score_precision", 3), 0.125},
		"subtask failed for sure":     {"ioi_code", nil, row("completion", "", "run", ran(0, -1)), 0},
		"subtask, all at once":        {"ioi_code", row("test_batch_size", -1), row("completion", "", "run", ran(1, 1)), 1},
		"no program, codeforces":      {"cf_code", nil, row("completion", "", "run", reward.Program{State: reward.ProgramAbsent}), -1},
		"compile error":               {"cf_code", nil, row("completion", "", "run", reward.Program{State: reward.ProgramNotCompiled}), -0.1},
		"weighted sum, all":           {"cf_code", nil, row("completion", "", "run", ran(1, 1)), 1.1},
		"weighted sum, half":          {"cf_code", nil, row("completion", "", "run", ran(1, 0)), 0.05},
		"pass or fail":                {"cf_code", row("scoring_mode", "pass_fail"), row("completion", "", "run", ran(1, 0)), 0},
		"partial":                     {"cf_code", row("scoring_mode", "partial"), row("completion", "", "run", ran(1, 0)), 0.5},
		"program in the answer":       {"code_format", nil, row("completion", full), 1},
		"program in the thinking":     {"code_format", nil, row("completion", "<think>```python\nx\n```</think><answer>7</answer>"), 0},
		"fence left open":             {"code_format", nil, row("completion", "<think>a</think><answer>\n```python\nx</answer>"), 0},
		"the row's language":          {"code_format", nil, row("completion", strings.Replace(full, "python", "cpp", 1), "language", "c++"), 1},
		"second block":                {"code_format", row("code_language", "cpp"), row("completion", "<think>a</think><answer>\n```\nx\n```\n```cpp\ny\n```</answer>"), 1},
		"language":                    {"language", nil, row("completion", "<think>so it is 七</think>"), 0.75},
		"language, prefilled":         {"language", row("prefilled", true), row("completion", "so it is 七</think>所以"), 0.75},
		"language of no thinking":     {"language", nil, row("completion", "so it is"), none},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) { equal(t, score(t, c.reward, c.params, c.row), c.want) })
	}
}

// Chat completions: the last word of the assistant counts; upstream reads the first message.
func TestMessages(t *testing.T) {
	chat := row("completion", []any{
		row("role", "assistant", "content", "let me call a tool"), row("role", "tool", "content", "7"),
		row("role", "assistant", "content", "<think>\na\n</think>\n<answer>\n7\n</answer>"), row("role", "tool", "content", "bye"),
	})
	equal(t, score(t, "format", nil, chat), 1)
	equal(t, score(t, "format", row(reward.Compat, reward.OpenR1), chat), 0)
}

func TestLengthComparesAGroup(t *testing.T) {
	of := func(group string, n int, label string) map[string]any {
		return row("prompt", group, "completion", strings.Repeat("x", n), "label", label)
	}
	list := []map[string]any{
		of("a", 10, "correct"), of("b", 100, "correct"), of("a", 20, "wrong"), of("b", 300, "wrong"),
		of("a", 15, "correct"), of("b", 200, "outage"), of("c", 7, "correct"), of("a", 10, "wrong"),
	}
	values, err := newReward(t, "length", nil).Score(t.Context(), rows(t, list), &scriptedJudge{})
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []float64{0.5, 0.5, -0.5, -0.5, 0, math.NaN(), 0, 0} {
		equal(t, values[i], want)
	}
}

func TestWhatTheJudgeIsAsked(t *testing.T) {
	one := rows(t, []map[string]any{row("completion", "")})
	for _, c := range []struct {
		reward string
		params map[string]any
		answer reward.Convention
		run    reward.ProgramOptions
	}{
		{reward: "accuracy"},
		{reward: "accuracy", params: row("compat", "open-r1"), answer: reward.Convention{OpenR1: true}},
		{reward: "cosine", params: row("compat", "open-r1"), answer: reward.Convention{OpenR1: true, AnswerFirst: true}},
		{reward: "length", params: row("compat", "open-r1"), answer: reward.Convention{OpenR1: true, AnswerFirst: true}},
		{reward: "code", run: reward.ProgramOptions{BatchSize: -1}},
		{reward: "binary_code", params: row("compat", "open-r1"), run: reward.ProgramOptions{BatchSize: -1, Prefix: true}},
		{reward: "ioi_code", params: row("test_batch_size", 3), run: reward.ProgramOptions{Language: "cpp", BatchSize: 3, StopEarly: true}},
		{reward: "cf_code", params: row("patch_code", true), run: reward.ProgramOptions{BatchSize: 1, Patch: true}},
	} {
		judge := &scriptedJudge{}
		if _, err := newReward(t, c.reward, c.params).Score(t.Context(), one, judge); err != nil {
			t.Fatal(err)
		}
		if len(judge.answers) == 1 && judge.answers[0] != c.answer || len(judge.programs) == 1 && judge.programs[0] != c.run || len(judge.answers)+len(judge.programs) != 1 {
			t.Errorf("%s %v: asked %+v", c.reward, c.params, judge)
		}
		if _, err := newReward(t, c.reward, c.params).Score(t.Context(), one, nil); err == nil {
			t.Errorf("%s goes without a judge", c.reward)
		}
	}
}

// Whatever the bounds: longer is never better for a right answer, never worse
// for a wrong one, and every value lies within the bounds.
func TestCosineIsMonotone(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 300 {
		b := []float64{random.Float64()*4 - 2, random.Float64()*4 - 2, random.Float64()*4 - 2, random.Float64()*4 - 2}
		lowest := func(from int) {
			for i := from + 1; i < 4; i++ {
				if b[i] < b[from] {
					b[i], b[from] = b[from], b[i]
				}
			}
		}
		lowest(0)
		lowest(1)
		lowest(2)
		limit := 1 + random.IntN(40)
		r := newReward(t, "cosine", row("min_value_wrong", b[0], "max_value_wrong", b[1], "min_value_correct", b[2], "max_value_correct", b[3], "max_len", limit))
		for _, label := range []string{"correct", "wrong"} {
			var list []map[string]any
			for n := range 2*limit + 3 {
				list = append(list, row("completion", strings.Repeat("x", n), "label", label))
			}
			values, err := r.Score(t.Context(), rows(t, list), &scriptedJudge{})
			if err != nil {
				t.Fatal(err)
			}
			low, high, sign := b[2], b[3], 1.0
			if label == string(r1.Wrong) {
				low, high, sign = b[0], b[1], -1
			}
			for n, v := range values {
				if !v.Known || v.Reward < low-1e-12 || v.Reward > high+1e-12 {
					t.Fatalf("%v, %s of %d: %+v", b, label, n, v)
				}
				if n > 0 && sign*(v.Reward-values[n-1].Reward) > 1e-12 {
					t.Fatalf("%v, %s: %v at %d, %v at %d", b, label, values[n-1].Reward, n-1, v.Reward, n)
				}
			}
		}
	}
}

// A penalty lies between its bound and 0, and saying all of it once more never makes it smaller.
func TestRepetitionIsBounded(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	for range 500 {
		limit := -random.Float64() - 0.01
		r := newReward(t, "repetition_penalty", row("ngram_size", 1+random.IntN(4), "max_penalty", limit))
		words := make([]string, random.IntN(40))
		for i := range words {
			words[i] = string(rune('a' + random.IntN(6)))
		}
		text := strings.Join(words, " ")
		values, err := r.Score(t.Context(), rows(t, []map[string]any{row("completion", text), row("completion", text+" "+text)}), nil)
		if err != nil {
			t.Fatal(err)
		}
		for _, v := range values {
			if !v.Known || v.Reward > 0 || v.Reward < limit {
				t.Fatalf("%q: %+v, bound %v", text, v, limit)
			}
		}
		if values[1].Reward > values[0].Reward+1e-12 {
			t.Fatalf("%q: %v once, %v twice", text, values[0].Reward, values[1].Reward)
		}
	}
}

// No text makes a reward panic, hang or leave its range.
func FuzzTextRewards(f *testing.F) {
	for _, s := range []string{"", "<think>\xff</think>", `\boxed{{{`, "<think>a</think><answer>```python\nx\n```</answer>", strings.Repeat("- ", 1000)} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		item := reward.Item{Completion: []reward.Message{{Role: "assistant", Content: s}}}
		for _, name := range []string{"format", "tag_count", "reasoning_steps", "repetition_penalty", "code_format", "language"} {
			for _, params := range []map[string]any{nil, {reward.Compat: reward.OpenR1}} {
				if name == "language" && params != nil {
					continue
				}
				r, err := reward.New(name, params)
				if err != nil {
					t.Fatal(err)
				}
				values, err := r.Score(t.Context(), []reward.Item{item}, nil)
				if err != nil || len(values) != 1 || values[0].Reward < -1 || values[0].Reward > 1 || values[0].Reason == reward.ReasonFault {
					t.Errorf("%s: %+v, %v for %q", name, values, err, s)
				}
			}
		}
	})
}
