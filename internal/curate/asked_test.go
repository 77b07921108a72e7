package curate

import (
	"fmt"
	"strings"
	"testing"

	"github.com/r1ctl/r1ctl/internal/r1"
)

// answered is what a sampler makes of a question: the row's own sample moves to
// of, and the model's answer takes its place.
func answered(question map[string]any, n int, answer string) string {
	row, of := map[string]any{}, map[string]any{}
	for name, value := range question {
		row[name] = value
	}
	for _, name := range carried() {
		if value, ok := row[name]; ok {
			of[name] = value
			delete(row, name)
		}
	}
	if of["response"] != nil {
		row["of"] = of
	}
	row["sample"], row["response"], row["finish"], row["tokens"] = n, answer, "stop", 9
	row["verdict"] = r1.Verdict{Label: r1.Unverified, Reason: "no-verifier", Verifier: "none/1"}
	row["rewards"] = map[string]any{"accuracy": nil}
	row["origin"] = map[string]any{"run": "r", "stage": "judge", "job": "main", "model": "referee-7b"}
	return string(encode(row))
}

// questions runs the step that asks.
func questions(t *testing.T, step string, rows ...string) result {
	t.Helper()
	res, err := run(t, Job{Params: steps(step), Inputs: map[string]Source{"samples": lines(rows...)}, Seed: 5})
	if err != nil {
		t.Fatal(err)
	}
	return res
}

// answers runs the steps that read answers.
func answers(t *testing.T, list []string, rows ...string) result {
	t.Helper()
	res, err := run(t, Job{Params: steps(list...), Inputs: map[string]Source{"answers": lines(rows...)}, Seed: 5})
	if e, ok := r1.AsError(err); err != nil && (!ok || e.Name != "no-rows-left") {
		t.Fatal(err)
	}
	return res
}

func unverified(reason string) map[string]any {
	return map[string]any{"verdict": r1.Verdict{Label: r1.Unverified, Reason: reason, Verifier: "math/1"}, "verifier": "math"}
}

func TestAskTakesWhatRulesCannotJudge(t *testing.T) {
	noGold := unverified("gold-missing")
	noGold["gold"] = nil
	res := questions(t, `{"do":"ask","rows":"unverified","verify":"none","show":"parts"}`,
		sampled("a", 0, good, r1.Correct, nil), sampled("b", 0, good, "", unverified("gold-unparsable")), sampled("c", 0, good, "", noGold))
	if got := fmt.Sprint(res.ids(), res.dropped()); got != "[b] [a ask decided c ask no-reference]" {
		t.Fatal(got)
	}
	row := res.rows[0]
	if row["verifier"] != "none" || row["response"] != good || row["thinking"] != "3*4=2;2+5=7" || row["reply"] != "<answer>7</answer>" {
		t.Errorf("the question is %v", row)
	}
	if got := fmt.Sprint(row["asked"]); got != "map[verifier:math]" {
		t.Errorf("asked is %s", got)
	}
}

func TestAskAuditsAShare(t *testing.T) {
	var rows []string
	for i := range 400 {
		rows = append(rows, sampled(fmt.Sprint(i), 0, good, r1.Correct, nil))
	}
	res := questions(t, `{"do":"ask","rows":"unverified","audit":0.25}`, rows...)
	if n := len(res.rows); n < 70 || n > 130 {
		t.Errorf("%d of 400 rows are audited, asked was for a quarter", n)
	}
	if again := questions(t, `{"do":"ask","rows":"unverified","audit":0.25}`, rows...); string(again.data) != string(res.data) {
		t.Error("another choice with the same seed")
	}
}

func TestJudgedTakesVerdicts(t *testing.T) {
	asked := questions(t, `{"do":"ask","rows":"unverified","verify":"none"}`,
		sampled("a", 1, good, "", unverified("gold-unparsable")), sampled("b", 0, good, "", unverified("x")), sampled("c", 0, good, "", unverified("x")),
		sampled("d", 0, good, "", unverified("x"))).rows
	res := answers(t, []string{`{"do":"judged"}`},
		answered(asked[0], 0, `<think>{"correctness":"incorrect"}</think>So: {"analysis":"{fine}","correctness":"Correct"}`),
		answered(asked[1], 0, `{"correctness":"incorrect"}`),
		answered(asked[2], 0, "I think it is correct."), answered(asked[2], 1, `{"correctness":"maybe"}`),
		answered(asked[3], 0, `{"correctness":"correct"}`), answered(asked[3], 1, `{"correctness":"incorrect"}`),
	)
	var got []string
	for _, row := range res.rows {
		v := row["verdict"].(map[string]any)
		got = append(got, fmt.Sprint(row["id"], " ", v["label"], " ", v["reason"], " ", v["verifier"]))
	}
	want := "a correct <nil> judge:referee-7b; b wrong <nil> judge:referee-7b; c unverified judge-unparsable judge:referee-7b; d unverified judge-undecided judge:referee-7b"
	if strings.Join(got, "; ") != want {
		t.Errorf("got  %s\nwant %s", strings.Join(got, "; "), want)
	}
	if got := fmt.Sprint(res.dropped()); got != "[c judged merged d judged merged]" {
		t.Error(got)
	}
	row := res.rows[0]
	if row["response"] != good || row["sample"] != 1.0 || row["verifier"] != "math" || row["of"] != nil || row["asked"] != nil {
		t.Errorf("the row is not what it was: %v", row)
	}
	origin := row["origin"].(map[string]any)
	if origin["stage"] != "zero-samples" || origin["sample"] != 1.0 || origin["judge"].(map[string]any)["stage"] != "judge" {
		t.Errorf("origin %v", origin)
	}
}

func TestJudgedReportsAnAudit(t *testing.T) {
	asked := questions(t, `{"do":"ask","rows":"unverified","audit":1}`,
		sampled("a", 0, good, r1.Correct, nil), sampled("b", 0, good, r1.Wrong, nil), sampled("c", 0, good, r1.Wrong, nil), sampled("d", 0, good, "", unverified("x"))).rows
	const yes, no = `{"correctness":"correct"}`, `{"correctness":"incorrect"}`
	res := answers(t, []string{`{"do":"judged"}`, `{"do":"correct"}`},
		answered(asked[0], 0, yes), answered(asked[1], 0, yes), answered(asked[2], 0, "?"), answered(asked[3], 0, no), sampled("e", 0, good, r1.Correct, nil))
	if got := fmt.Sprint(res.dropped()); got != "[a judged audit:agrees b judged audit:disagrees c judged audit:undecided d correct wrong e judged not-asked]" {
		t.Error(got)
	}
}

func TestTakeResponse(t *testing.T) {
	const old = "<think>wo shi 3*4</think>\n\\boxed{7}"
	row := func(answer string, more map[string]any) string {
		extra := map[string]any{"finish": "stop"}
		asked := questions(t, `{"do":"ask"}`, sampled("a", 2, old, r1.Correct, extra)).rows[0]
		for k, v := range more {
			asked[k] = v
		}
		return answered(asked, 0, answer)
	}
	cases := map[string]struct {
		step, row string
		want      string // the response, or the reason
		label     string
	}{
		"all of it":        {`{"do":"take-response"}`, row("<think>I rewrite</think>\n<think>I see 3*4</think>It is \\boxed{7}", nil), "It is \\boxed{7}", "unverified"},
		"as it stands":     {`{"do":"take-response","from":"response"}`, row("<think>I see 3*4</think>It is \\boxed{7}", nil), "<think>I see 3*4</think>It is \\boxed{7}", "unverified"},
		"a summary":        {`{"do":"take-response","into":"reply"}`, row("**Solution** \\boxed{7}", nil), "<think>wo shi 3*4</think>\n\n**Solution** \\boxed{7}", "unverified"},
		"translated":       {`{"do":"take-response","into":"thinking"}`, row("I am 3*4", nil), "<think>\nI am 3*4\n</think>\n\\boxed{7}", "correct"},
		"tags in a part":   {`{"do":"take-response","into":"thinking","from":"response"}`, row("<think>I am</think>", nil), "tags", ""},
		"empty":            {`{"do":"take-response"}`, row("<think>hm</think> ", nil), "empty", ""},
		"unfinished":       {`{"do":"take-response"}`, row("<think>hm", nil), "unfinished", ""},
		"only the gist":    {`{"do":"take-response","least":0.5}`, row("7", nil), "too-short", ""},
		"nobody was asked": {`{"do":"take-response"}`, sampled("a", 0, old, r1.Correct, nil), "not-asked", ""},
		"damaged":          {`{"do":"take-response"}`, sampled("a", 0, old, r1.Correct, map[string]any{"of": map[string]any{"response": 7}}), "not-asked", ""},
		"cut":              {`{"do":"take-response"}`, strings.Replace(row("x", nil), `"finish":"stop","gold"`, `"finish":"length","gold"`, 1), "cut", ""},
		"refused":          {`{"do":"take-response"}`, strings.Replace(row("", nil), `"finish":"stop","gold"`, `"finish":"refused","gold"`, 1), "refused", ""},
	}
	for name, c := range cases {
		res := answers(t, []string{c.step}, c.row)
		if len(res.rows) == 0 {
			if res.drops[0].Reason != c.want {
				t.Errorf("%s: dropped for %s, want %s", name, res.drops[0].Reason, c.want)
			}
			continue
		}
		r := res.rows[0]
		origin := r["origin"].(map[string]any)
		if r["response"] != c.want || r["verdict"].(map[string]any)["label"] != c.label {
			t.Errorf("%s: %v, %v", name, r["response"], r["verdict"])
		}
		if origin["refined"] != "model:referee-7b" || origin["stage"] != "zero-samples" || origin["sample"] != 2.0 || origin["refiner"].(map[string]any)["model"] != "referee-7b" {
			t.Errorf("%s: origin %v", name, origin)
		}
		if r["of"] != nil || r["sample"] != 2.0 || r["finish"] != "stop" {
			t.Errorf("%s: %v", name, r)
		}
	}
}

func TestSafetyLabels(t *testing.T) {
	asked := questions(t, `{"do":"ask","verify":"none"}`, sampled("a", 0, "no", "", nil), sampled("b", 0, "boom", "", nil), sampled("c", 0, "x", "", nil), sampled("d", 0, "y", "", nil)).rows
	const safe, not = `{"label":"safe"}`, "```json\n{\"label\": \"unsafe\"}\n```"
	res := answers(t, []string{`{"do":"safety"}`},
		answered(asked[0], 0, safe), answered(asked[1], 0, safe), answered(asked[1], 1, not), answered(asked[1], 2, not),
		answered(asked[2], 0, safe), answered(asked[2], 1, not), answered(asked[3], 0, "safe"))
	if len(res.rows) != 2 || res.rows[0]["safe"] != true || res.rows[1]["safe"] != false || res.rows[1]["response"] != "boom" {
		t.Errorf("%v", res.rows)
	}
	if got := fmt.Sprint(res.dropped()); got != "[b safety merged b safety merged c safety merged c safety undecided d safety unparsable]" {
		t.Error(got)
	}
}
