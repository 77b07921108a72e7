package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestVerify(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("XDG_CACHE_HOME", dir) // no Python environment is there
	t.Setenv("R1CTL_CACHE_DIR", dir)
	file := func(name string, rows ...string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(strings.Join(rows, "\n")+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	math := file("math.jsonl",
		`{"id": "a", "completion": "<think>x</think>So \\boxed{\\frac{1}{2}}", "gold": "0.5"}`,
		`{"id": 2, "response": "<answer>8</answer>", "solution": 7}`,
		`{"id": "c", "completion": [{"role": "assistant", "content": "<think>never ends"}], "gold": "7"}`,
		`{"id": "d", "completion": "<answer>7</answer>"}`,
		`{"id": "e", "completion": "<answer>f'(x) \\cup g</answer>", "gold": "x^2"}`)
	pairs := file("pairs.jsonl", `{"id": 1, "truth": "x=5", "said": "5"}`, `{"id": 2, "truth": "(1,2)", "said": "(2,1)"}`, `{"id": 3, "truth": 7, "said": 7.0}`)
	broken := file("broken.jsonl", `{"id": 1, "completion": "7", "gold": "7"}`, `{`, `{"id": 3}`)
	logic := file("logic.jsonl",
		`{"id": "l", "completion": "<answer>B</answer>", "gold": "B"}`,
		`{"id": "g", "completion": "<answer>3*(4+5)</answer>", "numbers": [3, 4, 5], "target": 27}`,
		`{"id": "w", "completion": "<answer>Knave</answer>", "gold": "knave"}`,
		`{"id": "p", "completion": "<answer>3</answer>", "verification_info": {"family": "gcd", "entry": {"question": "q"}}}`)
	for name, c := range map[string]struct {
		args           []string
		code           int
		stdout, stderr string
	}{
		"math": {[]string{"--domain", "math", math}, exitOK, "a:correct 2:wrong c:wrong(unfinished-thinking) d:unverified(gold-missing) e:unverified(second-opinion-unavailable)",
			"note: 1 of them need the second opinion, which the trainer's environment has: r1ctl setup"},
		"answers":      {[]string{"--domain", "math", "--gold-field", "truth", "--answer-field", "said", pairs}, exitOK, "1:correct 2:wrong 3:correct", ""},
		"bad rows":     {[]string{"--domain", "math", broken}, exitError, "1:correct null:unverified(malformed-item) 3:unverified(malformed-item)", "line 2: expected a JSON object\nline 3: completion is missing"},
		"logic":        {[]string{"--domain", "logic", logic}, exitOK, "l:correct g:correct w:correct p:unverified(second-opinion-unavailable)", ""},
		"no domain":    {[]string{math}, exitUsage, "", "--domain"},
		"other domain": {[]string{"--domain", "physics", math}, exitUsage, "", "expected one of math, code, choice, logic"},
		"no file":      {[]string{"--domain", "math", math + "x"}, exitError, "", "read the rows"},
	} {
		t.Run(name, func(t *testing.T) {
			out, errs, code := call(t, append([]string{"verify"}, c.args...)...)
			if code != c.code {
				t.Errorf("exit code %d, want %d", code, c.code)
			}
			if got := verdictsOf(t, out); got != c.stdout {
				t.Errorf("got %s, want %s", got, c.stdout)
			}
			if !strings.Contains(errs, c.stderr) {
				t.Errorf("stderr %q lacks %q", errs, c.stderr)
			}
		})
	}
}

// verdictsOf shortens lines to id:verdict(reason), and checks that each has all fields.
func verdictsOf(t *testing.T, out string) string {
	t.Helper()
	var list []string
	for line := range strings.Lines(out) {
		var v struct {
			ID      json.RawMessage
			Verdict *string
			Reason  *string
			Tier    *int
			Ms      *float64
		}
		if err := json.Unmarshal([]byte(line), &v); err != nil || v.Verdict == nil || v.Reason == nil || v.Tier == nil || v.Ms == nil {
			t.Fatalf("line %q: %v", line, err)
		}
		text := strings.Trim(string(v.ID), `"`) + ":" + *v.Verdict
		if *v.Reason != "" && (*v.Verdict == "unverified" || *v.Reason == "unfinished-thinking") {
			text += fmt.Sprintf("(%s)", *v.Reason)
		}
		list = append(list, text)
	}
	return strings.Join(list, " ")
}

func TestRewardsOfAService(t *testing.T) {
	out, _, code := call(t, "rewards", "list", "-o", "json")
	var list []struct {
		Name   string
		Params []string
	}
	if err := json.Unmarshal([]byte(out), &list); err != nil || code != exitOK || len(list) < 13 || list[0].Name != "accuracy" {
		t.Errorf("list: code %d, %v, %v", code, list, err)
	}
	for args, want := range map[string]string{
		"--reward formt":                      `did you mean "format"?`,
		"--reward cosine,max_len":             "expected NAME=VALUE",
		"--reward preference":                 "reward model",
		"--verifier maths":                    "expected one of integer",
		"--listen 0.0.0.0:0 --reward format":  "[listen-not-loopback]",
		"--reward cosine,min_value_correct=2": "[reward-parameter-invalid]",
	} {
		if _, errs, code := call(t, append([]string{"rewards", "serve", "--python", "/nonexistent"}, strings.Fields(args)...)...); code == exitOK || !strings.Contains(errs, want) {
			t.Errorf("%s: code %d, %q lacks %q", args, code, errs, want)
		}
	}
}
