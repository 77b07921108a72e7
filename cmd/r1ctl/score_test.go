package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

func TestScore(t *testing.T) {
	dir := t.TempDir()
	file := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	rows := file("rows.jsonl", `{"id": "a", "prompt": "p", "completion": "<think>x</think><answer>7</answer>", "gold": "7"}
{"id": "b", "prompt": "q", "completion": "<think>x</think><answer>8</answer>\nmore", "gold": "7"}
{"id": "c", "prompt": "p", "completion": [{"role": "assistant", "content": "<think>\nx\n</think>\n<answer>\n8\n</answer>\nmore"}], "gold": "7"}
{"id": 4, "prompt": "r", "completion": "7"}
`)
	broken := file("broken.jsonl", `{"id": 1, "completion": "<think>x</think><answer>7</answer>"}`+"\n{\n"+`{"id": 3}`+"\n")
	code := file("code.jsonl", `{"id": 1, "completion": "x"}`+"\n")
	file("mine/rewards.py", "def brevity(completions, **kwargs):\n    return [None if 'more' in str(c) else 1.0 for c in completions]\n")
	python, err := exec.LookPath("python3")
	if err != nil {
		t.Skip("no python3 on the PATH")
	}
	t.Setenv("PYTHONPATH", dir)
	for name, c := range map[string]struct {
		args           []string
		code           int
		stdout, stderr string
	}{
		"format":             {[]string{"--reward", "format", rows}, exitOK, "a:1 b:0 c:0 4:0", ""},
		"format of upstream": {[]string{"--reward", "format", "--compat", "open-r1", rows}, exitOK, "a:0 b:0 c:1 4:0", ""},
		"a parameter":        {[]string{"--reward", "format", "--param", "style=think", rows}, exitOK, "a:1 b:1 c:1 4:0", ""},
		"accuracy":           {[]string{"--reward", "accuracy", rows}, exitOK, "a:1 b:0 c:0 4:null(gold-missing)", "note: 1 of 4 rows have no reward"},
		"in groups, mixed":   {[]string{"--reward", "length", rows}, exitOK, "a:0.5 b:0 c:-0.5 4:null(gold-missing)", ""},
		"no tests":           {[]string{"--reward", "code", code}, exitOK, "1:null(no-tests)", ""},
		"bad rows":           {[]string{"--reward", "format", broken}, exitError, "1:1 null:null(bad-row) 3:null(bad-row)", "line 2: expected a JSON object\nline 3: completion is missing\nerror: 2 of 3 lines are no rows; the others have been scored [bad-rows]"},
		"a function":         {[]string{"--reward", "python", "--param", "python=mine.rewards:brevity", "--python", python, rows}, exitOK, "a:1 b:null(none-returned) c:null(none-returned) 4:1", ""},
		"no such function":   {[]string{"--reward", "python", "--param", "python=mine.rewards:gravity", "--python", python, rows}, exitError, "", "[reward-function]"},
		"no such reward":     {[]string{"--reward", "formt", rows}, exitUsage, "", `did you mean "format"?`},
		"no such parameter":  {[]string{"--reward", "cosine", "--param", "max_length=3", rows}, exitUsage, "", `did you mean "max_len"?`},
		"inverted slope":     {[]string{"--reward", "cosine", "--param", "min_value_correct=2", rows}, exitUsage, "", "[reward-parameter-invalid]"},
		"not a pair":         {[]string{"--reward", "cosine", "--param", "max_len", rows}, exitUsage, "", "expected NAME=VALUE"},
		"not of rows":        {[]string{"--reward", "preference", rows}, exitUsage, "", "which only a run has"},
		"other compat":       {[]string{"--reward", "cosine", "--compat", "trl", rows}, exitUsage, "", "compat: expected one of open-r1"},
		"no batch":           {[]string{"--reward", "format", "--batch", "0", rows}, exitUsage, "", "--batch is 0"},
		"no file":            {[]string{"--reward", "format", rows + "x"}, exitError, "", "read the rows"},
		"no reward":          {[]string{rows}, exitUsage, "", "--reward is missing"},
	} {
		t.Run(name, func(t *testing.T) {
			out, errs, code := call(t, append([]string{"score"}, c.args...)...)
			if code != c.code {
				t.Errorf("exit code %d, want %d", code, c.code)
			}
			if got := answers(out); got != c.stdout {
				t.Errorf("got %s, want %s", got, c.stdout)
			}
			if !strings.Contains(errs, c.stderr) {
				t.Errorf("stderr %q lacks %q", errs, c.stderr)
			}
		})
	}
}

// answers shortens lines of answers to id:reward(reason).
func answers(out string) string {
	short := strings.NewReplacer(`{"id":`, "", `"reward":`, "", `,"reason":"`, "(", `"}`, ")", `"`, "", "}", "", ",", ":")
	var list []string
	for line := range strings.Lines(out) {
		list = append(list, strings.TrimSpace(short.Replace(line)))
	}
	return strings.Join(list, " ")
}
