package verify

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"

	"github.com/r1ctl/r1ctl/internal/r1"
	"github.com/r1ctl/r1ctl/internal/verify/pool"
	"github.com/r1ctl/r1ctl/internal/verify/reward"
)

// item is a row as the contract has it.
func item(t testing.TB, fields map[string]any) reward.Item {
	t.Helper()
	raw, err := json.Marshal(fields)
	if err != nil {
		t.Fatal(err)
	}
	it, err := reward.ParseRow(raw)
	if err != nil {
		t.Fatal(err)
	}
	return it
}

func decide(t testing.TB, j *Judge, fields map[string]any) Judgement {
	t.Helper()
	return j.Verdicts(t.Context(), []reward.Item{item(t, fields)}, reward.Convention{}, 0)[0]
}

func TestJudge(t *testing.T) {
	cases := map[string]struct {
		verifier, gold, response string
		want                     r1.Label
		reason, answer           string
	}{
		"answer block":                 {"integer", "7", "<think>3+4=7</think><answer>7</answer>", r1.Correct, "", "7"},
		"boxed after thinking":         {"integer", "7", `<think>3+4=7</think>So \boxed{7}.`, r1.Correct, "", "7"},
		"boxed inside the block":       {"integer", "7", `<think>x</think><answer>it is \boxed{7}</answer>`, r1.Correct, "", "7"},
		"last block wins":              {"integer", "7", "<answer>6</answer><answer>7</answer>", r1.Correct, "", "7"},
		"last box wins":                {"integer", "7", `\boxed{6} no, \boxed{7}`, r1.Correct, "", "7"},
		"plain last number":            {"integer", "7", "<think>…</think>The answer is 7.", r1.Correct, "", "7"},
		"different number":             {"integer", "7", "<answer>8</answer>", r1.Wrong, "", "8"},
		"answer only in the thinking":  {"integer", "7", `<think>\boxed{7} <answer>7</answer></think>`, r1.Wrong, ReasonNoAnswer, ""},
		"thinking cut off":             {"integer", "7", `<think>it is \boxed{7}`, r1.Wrong, ReasonUnfinished, ""},
		"thinking opened again":        {"integer", "7", `<think>a</think>\boxed{7}<think>b`, r1.Wrong, ReasonUnfinished, ""},
		"thinking without its start":   {"integer", "7", `3+4=7</think>\boxed{7}`, r1.Correct, "", "7"},
		"block never closed":           {"integer", "7", "<think>a</think><answer>7", r1.Wrong, ReasonNoAnswer, ""},
		"empty block":                  {"integer", "7", "<think>a</think><answer> </answer>", r1.Wrong, ReasonNoAnswer, ""},
		"words in the block":           {"integer", "7", "<answer>seven</answer>", r1.Wrong, ReasonUnparsable, "seven"},
		"two numbers in the block":     {"integer", "7", "<answer>6 7</answer>", r1.Wrong, ReasonUnparsable, "6 7"},
		"empty response":               {"integer", "7", "", r1.Wrong, ReasonNoAnswer, ""},
		"equal fraction":               {"integer", "7", `\boxed{\frac{14}{2}}`, r1.Correct, "", `\frac{14}{2}`},
		"gold not a number":            {"integer", "seven", "<answer>7</answer>", r1.Unverified, ReasonGoldUnparsable, ""},
		"gold not a number, no answer": {"integer", "seven", "", r1.Unverified, ReasonGoldUnparsable, ""},
		"gold blank":                   {"integer", " ", "<answer>7</answer>", r1.Unverified, ReasonGoldMissing, ""},
		"no verifier":                  {"none", "7", "<answer>7</answer>", r1.Unverified, ReasonNoVerifier, ""},
		"verifier of the future":       {"sympy", "7", "<answer>7</answer>", r1.Unverified, ReasonUnknownVerifier, ""},
		"choice":                       {"choice", "C", "<think>B? No.</think><answer>C</answer>", r1.Correct, "", "C"},
		"choice in a last line":        {"choice", "C", "<think>x</think>A is wrong.\nThe answer is (C).", r1.Correct, "", "The answer is (C)."},
		"choice among distractors":     {"choice", "A", "<think>x</think>A cat sat on it", r1.Wrong, ReasonUnparsable, "A cat sat on it"},
		"choice of two":                {"choice", "A", "<answer>A or B</answer>", r1.Wrong, ReasonAmbiguous, "A or B"},
		"choice gold unreadable":       {"choice", "the first", "<answer>A</answer>", r1.Unverified, ReasonGoldUnparsable, ""},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			got := decide(t, New(Options{}), map[string]any{"verifier": c.verifier, "gold": c.gold, "completion": c.response}).Verdict
			if got.Label != c.want || got.Reason != c.reason || got.Answer != c.answer {
				t.Errorf("got %s (%q) answer %q, want %s (%q) answer %q", got.Label, got.Reason, got.Answer, c.want, c.reason, c.answer)
			}
			if got.Verifier == "" {
				t.Error("the verdict does not say who decided")
			}
		})
	}
	if v := decide(t, New(Options{}), map[string]any{"verifier": "integer", "completion": "7"}).Verdict; v.Label != r1.Unverified || v.Reason != ReasonGoldMissing {
		t.Errorf("absent gold: %+v", v)
	}
}

// scripted is a pool that says one thing, or panics.
type scripted struct {
	says  pool.Result
	asked []pool.Maths
}

func (s *scripted) Maths(_ context.Context, m pool.Maths) pool.Result {
	s.asked = append(s.asked, m)
	if s.says.Label == "" {
		panic("fault")
	}
	return s.says
}

func (s *scripted) Puzzle(_ context.Context, q pool.Puzzle) pool.Result {
	if q.Answer == "" || !strings.Contains(string(q.Entry), "question") {
		return pool.Result{Label: r1.Unverified, Reason: "malformed-item"}
	}
	return s.says
}

func TestAFaultIsUnverified(t *testing.T) {
	j := New(Options{Formulas: &scripted{}})
	got := decide(t, j, map[string]any{"verifier": "math", "gold": "$x^2+\\sin y$", "completion": "\\boxed{|x|^2+\\int_0^1 f}"}).Verdict
	if got.Label != r1.Unverified || got.Reason != ReasonFault {
		t.Errorf("got %+v", got)
	}
}

// Rows are judged by the verifier they name, else by that of their domain.
func TestVerifiersByRowAndDomain(t *testing.T) {
	yes := &scripted{says: pool.Result{Label: r1.Correct, Version: "scripted/1"}}
	for name, c := range map[string]struct {
		fields   map[string]any
		want     r1.Label
		verifier string
	}{
		"domain math":          {map[string]any{"domain": "math", "gold": "1/2", "completion": "<answer>0.5</answer>"}, r1.Correct, "math/1"},
		"row before domain":    {map[string]any{"domain": "math", "verifier": "integer", "gold": "1", "completion": "<answer>2</answer>"}, r1.Wrong, "integer/1"},
		"domain science":       {map[string]any{"domain": "science", "gold": "B", "completion": "<answer>B</answer>"}, r1.Correct, "choice/2"},
		"options of the row":   {map[string]any{"verifier": "choice", "gold": "B", "options": []string{"gas", "solid"}, "completion": "<answer>solid</answer>"}, r1.Correct, "choice/2"},
		"options of a prompt":  {map[string]any{"verifier": "choice", "gold": "B", "prompt": "What?\nA) gas\nB) solid", "completion": "<answer>solid</answer>"}, r1.Correct, "choice/2"},
		"broken options":       {map[string]any{"verifier": "choice", "gold": "B", "options": []string{"x"}, "completion": "B"}, r1.Unverified, "choice/2"},
		"domain logic, letter": {map[string]any{"domain": "logic", "gold": "B", "completion": "<answer>B</answer>"}, r1.Correct, "choice/2"},
		"domain logic, number": {map[string]any{"domain": "logic", "gold": 12, "completion": "<answer>12</answer>"}, r1.Correct, "integer/1"},
		"domain logic, words":  {map[string]any{"domain": "logic", "gold": "Knight and knave", "completion": "<answer>knight  and knave</answer>"}, r1.Correct, "text/1"},
		"domain logic, game":   {map[string]any{"domain": "logic", "numbers": []int{3, 4, 5}, "target": 27, "completion": "<answer>3*(4+5)</answer>"}, r1.Correct, "countdown/1"},
		"game, left out":       {map[string]any{"verifier": "countdown", "verification_info": map[string]any{"numbers": []int{3, 4, 5}, "target": 12}, "completion": "<answer>3*4</answer>"}, r1.Wrong, "countdown/1"},
		"puzzle":               {map[string]any{"verifier": "reasoning-gym", "verification_info": map[string]any{"family": "x", "entry": map[string]any{"question": "q"}}, "completion": "<think>a</think>b\nc"}, r1.Correct, "scripted/1"},
		"puzzle without entry": {map[string]any{"verifier": "reasoning-gym", "completion": "b"}, r1.Unverified, "reasoning-gym"},
		"neither":              {map[string]any{"gold": "1", "completion": "1"}, r1.Unverified, "none/1"},
		"no sandbox":           {map[string]any{"domain": "code", "completion": "x"}, r1.Unverified, "code/1"},
	} {
		t.Run(name, func(t *testing.T) {
			v := decide(t, New(Options{Puzzles: yes}), c.fields).Verdict
			if v.Label != c.want || v.Verifier != c.verifier {
				t.Errorf("got %+v, want %s by %s", v, c.want, c.verifier)
			}
		})
	}
}

func TestSecondOpinions(t *testing.T) {
	hard := map[string]any{"verifier": "math", "gold": "x^2", "completion": "<answer>f'(x) \\cup g</answer>"}
	if v := decide(t, New(Options{}), hard).Verdict; v.Label != r1.Unverified || v.Reason != ReasonNoOpinion {
		t.Errorf("without a pool: %+v", v)
	}
	timeout := &scripted{says: pool.Result{Label: r1.Unverified, Reason: "timeout"}}
	if v := decide(t, New(Options{Formulas: timeout}), hard).Verdict; v.Label != r1.Unverified || v.Reason != "timeout" || v.Tier != 2 {
		t.Errorf("an outage: %+v", v)
	}
	yes := &scripted{says: pool.Result{Label: r1.Correct, Version: "math-verify/9"}}
	if v := decide(t, New(Options{Formulas: yes}), hard).Verdict; v.Label != r1.Correct || v.Tier != 2 || v.Verifier != "math-verify/9" {
		t.Errorf("decided: %+v", v)
	}
	if m := yes.asked[0]; m.Gold != "x^2" || m.OpenR1 || m.AnswerFirst {
		t.Errorf("asked %+v", m)
	}
	easy := item(t, map[string]any{"verifier": "math", "gold": "7", "completion": "<think>7</think>7"})
	New(Options{Formulas: yes}).Answers(t.Context(), []reward.Item{easy}, reward.Convention{OpenR1: true, AnswerFirst: true})
	if m := yes.asked[len(yes.asked)-1]; m.Answer != "<think>7</think>7" || !m.OpenR1 || !m.AnswerFirst {
		t.Errorf("upstream's convention asked %+v", m)
	}
}

// An audit never changes a verdict, is the same in a second run, and counts.
func TestAudits(t *testing.T) {
	no := &scripted{says: pool.Result{Label: r1.Wrong, Version: "math-verify/9"}}
	metrics := NewMetrics()
	j := New(Options{Formulas: no, Metrics: metrics})
	var items []reward.Item
	for i := range 400 {
		items = append(items, item(t, map[string]any{"id": i, "verifier": "math", "gold": i, "completion": "<answer>" + strconv.Itoa(i) + "</answer>"}))
	}
	count := func() (n int) {
		for i, judged := range j.Verdicts(t.Context(), items, reward.Convention{}, 0.1) {
			if judged.Verdict.Label != r1.Correct || judged.Verdict.Tier > 1 {
				t.Fatalf("item %d: %+v", i, judged.Verdict)
			}
			if a := judged.Audit; a != nil {
				if n++; a.Agrees == nil || *a.Agrees {
					t.Fatalf("audit %+v", a)
				}
			}
		}
		return n
	}
	first := count()
	if again := count(); first != again || first < 20 || first > 70 {
		t.Errorf("%d of 400 audited, then %d", first, again)
	}
	rec := httptest.NewRecorder()
	metrics.Handler().ServeHTTP(rec, httptest.NewRequest("GET", "/metrics", nil))
	for _, want := range []string{
		fmt.Sprintf(`r1ctl_verifier_audits_total{result="disagrees",verifier="math"} %d`, 2*first),
		`r1ctl_verifier_verdicts_total{label="correct",verifier="math"} 800`, `r1ctl_verifier_unverified_share{verifier="math"} 0`,
	} {
		if !strings.Contains(rec.Body.String(), want) {
			t.Errorf("metrics lack %s", want)
		}
	}
}

func TestParseNumber(t *testing.T) {
	same := map[string][]string{
		"7":    {"7", " 7 ", "+7", "7.", "7.0", "07", "$7$", "$$7$$", `\(7\)`, "**7**", `\text{7}`, "x = 7", "$x=7$", "14/2", `\frac{14}{2}`, `\dfrac{14}{2}`, `\boxed{7}`, "\uff17", "`7`"},
		"-7":   {"-7", "\u22127", "- 7", "-14/2", `-\frac{14}{2}`, `\frac{-14}{2}`},
		"1/2":  {"1/2", "0.5", ".5", `\frac12`, `\frac{2}{4}`, "0.50"},
		"1234": {"1234", "1,234", `1{,}234`, `1\,234`, "1234.00"},
		"0":    {"0", "-0", "0.0", "0/5"},
		"10":   {"10", "0010"},
	}
	for want, texts := range same {
		for _, text := range texts {
			if got, reason := parseNumber(text); reason != "" || got != want {
				t.Errorf("parseNumber(%q) = %q (%s), want %q", text, got, reason, want)
			}
		}
	}
	for _, text := range []string{
		"", "seven", "7 apples", "50%", "1,23", "1,2,3", "(1,234)", "1 234", "1e9", "1e999999999", "0x10", "1_000", "7/0", "1/2/3", "1/", "/2",
		`\frac{1}`, `\frac{1}{2}x`, `-\frac{-1}{2}`, "..", ".", "-", "--7", "$3$ or $4$", "Inf", "NaN", "x = y", "٣",
	} {
		if got, reason := parseNumber(text); reason == "" {
			t.Errorf("parseNumber(%q) = %q, want it refused", text, got)
		}
	}
}

func TestVerdictsStaySmall(t *testing.T) {
	long := strings.Repeat("é", 1<<20)
	v := decide(t, New(Options{}), map[string]any{"verifier": "integer", "gold": "7", "completion": "<answer>" + long + "</answer>"}).Verdict
	if v.Label != r1.Wrong || len(v.Answer) > maxReportedAnswer+len("…") {
		t.Errorf("%s with an answer of %d bytes", v.Label, len(v.Answer))
	}
}
