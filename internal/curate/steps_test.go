package curate

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/r1ctl/r1ctl/internal/r1"
)

const good = "<think>3*4=2;2+5=7</think><answer>7</answer>"

func TestSteps(t *testing.T) {
	thinking := func(s string) string { return sampled("x", 0, "<think>"+s+"</think>7", r1.Correct, nil) }
	none := map[string]any{"verdict": r1.Verdict{Label: r1.Unverified, Reason: "no-verifier"}, "verifier": "none"}
	cases := map[string]struct {
		steps string
		rows  []string
		drops []string // "id step reason", sorted
	}{
		"correct": {`{"do":"correct"}`, []string{
			sampled("a", 0, good, r1.Correct, nil), sampled("b", 0, good, r1.Wrong, nil), sampled("c", 0, good, r1.Unverified, none),
		}, []string{"b correct wrong", "c correct unverified:no-verifier"}},
		"finished": {`{"do":"finished"}`, []string{
			sampled("a", 0, good, r1.Correct, nil), sampled("b", 0, good, r1.Correct, map[string]any{"finish": "length"}),
		}, []string{"b finished length"}},
		"format": {`{"do":"format","style":"boxed"}`, []string{
			sampled("a", 0, good, r1.Correct, nil), sampled("b", 0, `<think>x</think>\boxed{7}`, r1.Correct, nil),
		}, []string{"a format not-boxed"}},
		"language": {`{"do":"language","target":"en","min":1.0}`, []string{
			sampled("a", 0, good, r1.Correct, nil), sampled("b", 0, "<think>3*4=二</think>7", r1.Correct, nil),
			sampled("no-words", 0, "<think></think>7", r1.Correct, nil), sampled("no-thinking", 0, "七", r1.Correct, nil),
		}, []string{"b language mixed"}},
		"language at its bound": {`{"do":"language","target":"en","min":0.5}`, []string{
			thinking("yes 七"),
		}, nil},
		"repetition": {`{"do":"repetition","ngram":2,"max":0.3}`, []string{
			sampled("a", 0, "<think>so it is, and so it is not.</think>7", r1.Correct, nil),
			sampled("b", 0, "<think>wait wait wait wait wait</think>7", r1.Correct, nil),
			sampled("symbols", 0, "<think>7;7;7;7;7;7</think>7", r1.Correct, nil),
			sampled("short", 0, "<think>wait</think>wait wait wait wait", r1.Correct, nil),
		}, []string{"b repetition repeats", "symbols repetition repeats"}},
		"length": {`{"do":"length","min":2,"max":4}`, []string{
			sampled("a", 0, good, r1.Correct, map[string]any{"tokens": 1}), sampled("b", 0, good, r1.Correct, map[string]any{"tokens": 2}),
			sampled("c", 0, good, r1.Correct, map[string]any{"tokens": 4}), sampled("d", 0, good, r1.Correct, map[string]any{"tokens": 5}),
		}, []string{"a length too-short", "d length too-long"}},
		"paragraph": {`{"do":"paragraph","max":5}`, []string{
			sampled("a", 0, "<think>12345\n \n\n54321\n</think>1234567", r1.Correct, nil), sampled("b", 0, "<think>123\n456\n\n1</think>7", r1.Correct, nil),
			sampled("runes", 0, "<think>一二三四五</think>7", r1.Correct, nil),
		}, []string{"b paragraph long-paragraph"}},
		"code-block": {`{"do":"code-block"}`, []string{
			sampled("a", 0, "<think>a `name` in ``` a line</think>\n```go\n```", r1.Correct, nil),
			sampled("b", 0, "<think>so\n  ```python\nprint(7)\n```</think>7", r1.Correct, nil),
		}, []string{"b code-block code-block"}},
		"behaviours": {`{"do":"behaviours","min":{"backtracking":1},"max":{"reflective":2}}`, []string{
			thinking("Wait, that's not right."), sampled("b", 0, good, r1.Correct, nil), sampled("c", 0, "That's wrong. But wait, check.", r1.Correct, nil),
			sampled("game", 0, "9-2=7, 7+4=11. 9*2=18, 18-4=14.", r1.Correct,
				map[string]any{"domain": "countdown", "verification_info": map[string]any{"numbers": []int{9, 2, 4}, "target": 14}}),
			sampled("nums", 0, "9-2=7, 7+4=11. 9*2=18, 18-4=14.", r1.Correct, map[string]any{"domain": "countdown", "nums": []int{9, 2, 4}, "target": 14}),
		}, []string{"b behaviours few:backtracking", "c behaviours many:reflective"}},
		"behaviours, targets": {`{"do":"behaviours","targets":{"backtracking":2,"verification":3},"short":"allow"}`, []string{
			sampled("back-and-check", 0, "That's wrong. Let me check.", r1.Correct, nil), sampled("back", 0, "That's wrong.", r1.Correct, nil),
			sampled("check", 0, "Let me check.", r1.Correct, nil), sampled("none", 0, good, r1.Correct, nil),
		}, []string{"none behaviours not-needed"}},
		"pass-rate": {`{"do":"pass-rate","above":0.25,"below":0.75}`, slices.Concat(
			passes("never", 0, 4, 0), passes("quarter", 1, 3, 0), passes("half", 2, 2, 1), passes("most", 3, 1, 0), passes("unknown", 0, 0, 2),
		), slices.Concat(
			times(4, "most pass-rate too-easy"), times(4, "never pass-rate too-hard"), times(4, "quarter pass-rate too-hard"),
			times(2, "unknown pass-rate no-verified-sample"),
		)},
		"pass-rate counts what earlier steps drop": {`{"do":"correct"},{"do":"pass-rate","below":0.9}`,
			passes("half", 1, 1, 0), []string{"half correct wrong"}},
		"dedup": {`{"do":"dedup","by":["prompt"]}`, []string{
			`{"id":"a","prompt":"What is it?"}`, `{"id":"b","prompt":"what  is it? "}`, `{"id":"c","prompt":"What was it?"}`, `{"id":"d","text":"no prompt"}`, `{"id":"e","text":"no prompt"}`,
		}, []string{"b dedup duplicate"}},
		"dedup of responses": {`{"do":"dedup"}`, []string{
			sampled("a", 0, good, r1.Correct, nil), sampled("a", 1, good, r1.Correct, nil), sampled("a", 2, good+"!", r1.Correct, nil),
		}, []string{"a dedup duplicate"}},
		"select shortest": {`{"do":"select","per_prompt":2,"choose":"shortest"}`, lengths("a", 9, 3, 5, 3), times(2, "a select not-shortest")},
		"select first":    {`{"do":"select","choose":"first"}`, append(lengths("a", 9, 3), lengths("b", 1)...), []string{"a select not-first"}},
		"two of a kind": {`{"do":"length","max":8},{"do":"length","max":4}`, lengths("a", 9, 5, 3),
			[]string{"a length too-long", "a length#2 too-long"}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			slices.Sort(c.drops)
			res, err := run(t, Job{Params: steps(c.steps), Inputs: map[string]Source{"in": lines(c.rows...)}})
			if err != nil {
				t.Fatal(err)
			}
			if got := res.dropped(); !slices.Equal(got, c.drops) {
				t.Errorf("dropped %q, want %q", got, c.drops)
			}
		})
	}
}

func TestBehavioursAreMarkedAndTargetsAreMet(t *testing.T) {
	both := sampled("a", 0, "That's wrong. Let me check.", r1.Correct, nil)
	res, err := run(t, Job{Params: steps(`{"do":"behaviours","mark":"behaviours"}`), Inputs: map[string]Source{"in": lines(both)}})
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]any{"verification": 1.0, "backtracking": 1.0, "subgoals": 0.0, "backward-chaining": 0.0, "reflective": 2.0}
	if got := res.rows[0]["behaviours"]; fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("marked with %v, want %v", got, want)
	}

	var rows []string
	for i := range 40 {
		response := []string{"That's wrong.", "Let me check.", "That's wrong. Let me check.", "7"}[i%4]
		rows = append(rows, sampled(fmt.Sprint("r", i), 0, response, r1.Correct, nil))
	}
	targets := `{"do":"behaviours","targets":{"backtracking":12,"verification":6}}`
	res, err = run(t, Job{Params: steps(targets), Inputs: map[string]Source{"in": lines(rows...)}})
	if err != nil {
		t.Fatal(err)
	}
	back, check := 0, 0
	for _, r := range res.rows {
		text := r["response"].(string)
		back += b2i(strings.Contains(text, "wrong"))
		check += b2i(strings.Contains(text, "check"))
	}
	if back != 12 && check != 6 || back < 12 || check < 6 || len(res.rows) > 18 {
		t.Errorf("%d rows go back and %d check, of %d", back, check, len(res.rows))
	}
	_, err = run(t, Job{Params: steps(`{"do":"behaviours","targets":{"subgoals":1}}`), Inputs: map[string]Source{"in": lines(rows...)}})
	if e, ok := r1.AsError(err); !ok || e.Name != "behaviours-short" {
		t.Errorf("a target that cannot be met gives %v", err)
	}
}

func passes(id string, correct, wrong, unverified int) []string {
	var rows []string
	for label, n := range map[r1.Label]int{r1.Correct: correct, r1.Wrong: wrong, r1.Unverified: unverified} {
		for i := range n {
			rows = append(rows, sampled(id, i, good, label, nil))
		}
	}
	return rows
}

func lengths(id string, tokens ...int) []string {
	var rows []string
	for i, n := range tokens {
		rows = append(rows, sampled(id, i, fmt.Sprint(good, i), r1.Correct, map[string]any{"tokens": n}))
	}
	return rows
}

func times(n int, s string) []string {
	return slices.Repeat([]string{s}, n)
}

func TestSelectKeepsTheRightOnes(t *testing.T) {
	for choose, want := range map[string]string{"shortest": "[1 3]", "longest": "[0 2]", "first": "[0 1]"} {
		res, err := run(t, Job{
			Params: steps(`{"do":"select","per_prompt":2,"choose":"` + choose + `"}`),
			Inputs: map[string]Source{"in": lines(lengths("a", 9, 3, 5, 3)...)},
		})
		if err != nil {
			t.Fatal(err)
		}
		var got []any
		for _, row := range res.rows {
			got = append(got, row["sample"])
		}
		if fmt.Sprint(got) != want {
			t.Errorf("%s kept samples %v, want %s", choose, got, want)
		}
	}
}

func TestRefine(t *testing.T) {
	cases := map[string]struct {
		row  string
		want string // "" when dropped
		why  string
	}{
		"correct takes the gold answer": {sampled("a", 0, "<think>x</think>\n\n<answer>7.0</answer>", r1.Correct, nil), "<think>x</think>\n\n\\boxed{7}", ""},
		"no space is made up":           {sampled("a", 0, good, r1.Correct, nil), `<think>3*4=2;2+5=7</think>\boxed{7}`, ""},
		"wrong keeps what it found":     {sampled("a", 0, "<think>x</think><answer>8</answer>", r1.Wrong, nil), `<think>x</think>\boxed{8}`, ""},
		"nothing to box":                {sampled("a", 0, "<think>x</think>dunno", r1.Wrong, nil), "", "no-answer"},
		"no thinking":                   {sampled("a", 0, "<think> </think>7", r1.Correct, nil), "", "no-thinking"},
		"unfinished":                    {sampled("a", 0, "<think>7", r1.Wrong, nil), "", "no-thinking"},
		"nothing can verify":            {sampled("a", 0, "hello", r1.Unverified, map[string]any{"verifier": "none"}), "hello", ""},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			res, err := run(t, Job{Params: steps(`{"do":"refine","summary":"boxed"}`), Inputs: map[string]Source{"in": lines(c.row, sampled("z", 0, good, r1.Correct, nil))}})
			if err != nil {
				t.Fatal(err)
			}
			if c.want == "" {
				if len(res.drops) != 1 || res.drops[0].Reason != c.why {
					t.Errorf("drops %+v, want %s", res.drops, c.why)
				}
				return
			}
			if got := res.rows[0]["response"]; got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
			refined := res.rows[0]["origin"].(map[string]any)["refined"]
			if (refined == "rule:boxed") != (c.want != "hello") {
				t.Errorf("origin.refined is %v", refined)
			}
		})
	}
}

func TestDecontaminate(t *testing.T) {
	long := "how many of the seven red balls are left in the box at night"
	eval := lines(
		`{"id":"e1","prompt":"3*4=?","gold":"2"}`,
		`{"id":"e2","prompt":"`+long+`","response":"<think>first of all we must count each and every red ball there</think>7"}`,
		`{"id":"e3","prompt":"我们现在需要计算红球的数量"}`,
	)
	rows := []string{
		`{"id":"clean","prompt":"3*5=?"}`,
		`{"id":"contained","prompt":"3*4=?+1"}`,
		`{"id":"same","prompt":" 3*4=? "}`,
		`{"id":"gram","prompt":"Tell me: how many of the Seven red balls, are left in a box?"}`,
		`{"id":"nine","prompt":"how many of the seven red balls are in"}`,
		`{"id":"thinking","prompt":"x","response":"<think>First of all, we must count each and every red one</think>7"}`,
		`{"id":"across","prompt":"how many of the seven","response":"red balls are left in the box"}`,
		`{"id":"text","text":"it says how many of the seven red balls are left in"}`,
		`{"id":"han","prompt":"请问，现在需要计算红球的数目？"}`,
		`{"id":"han9","prompt":"计算红球的数目"}`,
	}
	res, err := run(t, Job{
		Params: steps(`{"do":"decontaminate","against":"eval"}`),
		Inputs: map[string]Source{"eval": eval, "train": lines(rows...)},
	})
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"gram decontaminate shared-ngram", "han decontaminate shared-ngram", "same decontaminate same-prompt",
		"text decontaminate shared-ngram", "thinking decontaminate shared-ngram",
	}
	if got := res.dropped(); !slices.Equal(got, want) {
		t.Errorf("dropped %q, want %q", got, want)
	}
	if res.funnel.In != len(rows) {
		t.Errorf("the benchmark's rows were taken over: %+v", res.funnel)
	}

	for name, c := range map[string]struct {
		against Source
		error   string
	}{
		"empty":     {lines(), "dataset-empty"},
		"malformed": {lines(`{"id":"e1","prompt":7}`), "bad-benchmark-row"},
		"missing":   {nil, "bad-curate-params"},
	} {
		inputs := map[string]Source{"train": lines(rows...)}
		if c.against != nil {
			inputs["eval"] = c.against
		}
		_, err := Run(t.Context(), Job{Params: steps(`{"do":"decontaminate","against":"eval"}`), Inputs: inputs, OutDir: t.TempDir()})
		if e, ok := r1.AsError(err); !ok || e.Name != c.error {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestCap(t *testing.T) {
	var rows []string
	for i := range 100 {
		domain := "arithmetic"
		if i%4 == 0 {
			domain = "logic"
		}
		rows = append(rows, fmt.Sprintf(`{"id":"%02d","domain":"%s","prompt":"p%d"}`, i, domain, i))
	}
	capped := func(seed int64) result {
		res, err := run(t, Job{
			Params: steps(`{"do":"cap","rows":40,"by_domain":{"logic":10}}`), Seed: seed,
			Inputs: map[string]Source{"in": lines(rows...)},
		})
		if err != nil {
			t.Fatal(err)
		}
		return res
	}
	one := capped(1)
	if one.funnel.Kept != 40 {
		t.Errorf("funnel %+v", one.funnel)
	}
	logic := 0
	for _, row := range one.rows {
		if row["domain"] == "logic" {
			logic++
		}
	}
	if logic > 10 || logic == 0 {
		t.Errorf("%d logic rows", logic)
	}
	if ids := one.ids(); !slices.IsSorted(ids) {
		t.Errorf("rows changed their order: %v", ids)
	}
	if slices.Equal(one.ids(), capped(2).ids()) {
		t.Error("another seed chose the same rows")
	}
}

func TestShuffle(t *testing.T) {
	var rows []string
	for i := range 300 {
		rows = append(rows, fmt.Sprintf(`{"id":"%03d","prompt":"%s"}`, i, strings.Repeat("p", i)))
	}
	shuffled := func(seed int64) []string {
		res, err := run(t, Job{Params: steps(`{"do":"shuffle"}`), Seed: seed, Inputs: map[string]Source{"in": lines(rows...)}})
		if err != nil {
			t.Fatal(err)
		}
		return res.ids()
	}
	one := shuffled(1)
	if slices.IsSorted(one) || slices.Equal(one, shuffled(2)) || !slices.Equal(one, shuffled(1)) {
		t.Error("the order must be random, and depend on the seed alone")
	}
	slices.Sort(one)
	if len(slices.Compact(one)) != 300 {
		t.Error("rows were lost or repeated")
	}
}

// With the thinking dropped, what is left says the answer and nothing of the way to it.
func TestRefineDropsTheThinking(t *testing.T) {
	cases := map[string]struct{ row, want string }{
		"a verified answer": {sampled("a", 0, good, r1.Correct, nil), `<think></think>\boxed{7}`},
		"a free reply":      {sampled("a", 0, "<think>I greet Ben.</think>Hello Ben.", r1.Unverified, map[string]any{"verifier": "none"}), "<think></think>Hello Ben."},
		"a bare reply":      {sampled("a", 0, "Hello Ben.", r1.Unverified, map[string]any{"verifier": "none"}), "<think></think>Hello Ben."},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			res, err := run(t, Job{Params: steps(`{"do":"refine","thinking":"drop"}`), Inputs: map[string]Source{"in": lines(c.row)}})
			if err != nil {
				t.Fatal(err)
			}
			if got := res.rows[0]["response"]; got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
			if refined := res.rows[0]["origin"].(map[string]any)["refined"]; refined != "rule:answer" {
				t.Errorf("origin.refined is %v", refined)
			}
		})
	}
}
