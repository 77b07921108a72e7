package verify

import (
	"strings"
	"testing"

	"github.com/r1ctl/r1ctl/internal/r1"
)

func gold(s string) *Gold { g := Gold(s); return &g }

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
		"choice of two":                {"choice", "A", "<answer>A or B</answer>", r1.Wrong, ReasonUnparsable, "A or B"},
		"choice gold unreadable":       {"choice", "the first", "<answer>A</answer>", r1.Unverified, ReasonGoldUnparsable, ""},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			got := Judge(Item{Verifier: c.verifier, Gold: gold(c.gold), Response: c.response})
			if got.Label != c.want || got.Reason != c.reason || got.Answer != c.answer {
				t.Errorf("got %s (%q) answer %q, want %s (%q) answer %q", got.Label, got.Reason, got.Answer, c.want, c.reason, c.answer)
			}
			if got.Verifier == "" {
				t.Error("the verdict does not say who decided")
			}
		})
	}
	if v := Judge(Item{Verifier: "integer", Response: "7"}); v.Label != r1.Unverified || v.Reason != ReasonGoldMissing {
		t.Errorf("absent gold: %+v", v)
	}
}

func TestAFaultIsUnverified(t *testing.T) {
	v := verifier{name: "broken/1", parse: func(string) (string, string) { panic("fault") }, plain: lastLine}
	got := v.judge(Item{Gold: gold("7"), Response: "7"})
	if got.Label != r1.Unverified || got.Reason != ReasonFault {
		t.Errorf("got %+v", got)
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

func TestParseChoice(t *testing.T) {
	for _, text := range []string{
		"C", "c", "(C)", "[C]", "C.", "C)", "**C**", `\text{C}`, "$C$", "C) the mitochondria", "(C) the mitochondria", "C: the mitochondria", "C. the cell",
		"The answer is C", "the correct answer is: (C)", "Option C", "Answer: C",
	} {
		if got, reason := parseChoice(text); got != "C" {
			t.Errorf("parseChoice(%q) = %q (%s), want C", text, got, reason)
		}
	}
	for _, text := range []string{
		"", "A cat", "CD", "A or B", "A, B", "A) one B) two", "either A or B", "not A", "e.g. that", "the mitochondria", "7", "AB.",
	} {
		if got, reason := parseChoice(text); reason == "" {
			t.Errorf("parseChoice(%q) = %q, want it refused", text, got)
		}
	}
}

func TestBoxes(t *testing.T) {
	cases := map[string]struct {
		text, last string
		count      int
		stray      bool
	}{
		"nested braces":     {`\boxed{\frac{1}{2}}`, `\frac{1}{2}`, 1, false},
		"escaped braces":    {`\boxed{\{1,2\}}`, `\{1,2\}`, 1, false},
		"escaped unbalance": {`\boxed{\}}`, `\}`, 1, false},
		"box in a box":      {`\boxed{a \boxed{7}}`, `a \boxed{7}`, 1, false},
		"in other braces":   {`{\text{\boxed{7}}}`, `7`, 1, false},
		"never closed":      {`\boxed{7`, ``, 0, true},
		"closed in an open": {`\boxed{ \boxed{7}`, `7`, 1, true},
		"space before":      {`\boxed {7}`, `7`, 1, false},
		"without braces":    {`\boxed 7`, ``, 0, true},
		"stray closers":     {`}}} \boxed{7}}}`, `7`, 1, false},
		"two":               {`\boxed{6}\boxed{7}`, `7`, 2, false},
		"escaped backslash": {`\\boxed{7}`, ``, 0, false},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			if got := scanBoxes(c.text); got.last != c.last || got.count != c.count || got.stray != c.stray {
				t.Errorf("%q: got %+v", c.text, got)
			}
		})
	}
}

func TestVerdictsStaySmall(t *testing.T) {
	long := strings.Repeat("é", 1<<20)
	v := Judge(Item{Verifier: "integer", Gold: gold("7"), Response: "<answer>" + long + "</answer>"})
	if v.Label != r1.Wrong || len(v.Answer) > maxReportedAnswer+len("…") {
		t.Errorf("%s with an answer of %d bytes", v.Label, len(v.Answer))
	}
}
