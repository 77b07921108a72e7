package program_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"testing"
	"time"

	"github.com/r1ctl/r1ctl/internal/lacking"
	"github.com/r1ctl/r1ctl/internal/r1"
	"github.com/r1ctl/r1ctl/internal/verify/program"
	"github.com/r1ctl/r1ctl/internal/verify/reward"
)

// router answers as open-r1's router of E2B does. Its sandbox is this machine: the
// script that we send is really run, and only our own programs are.
func router(t *testing.T) string {
	t.Helper()
	python, err := exec.LookPath("python3")
	if err != nil {
		lacking.Skip(t, "there is no python3")
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var q struct {
			Scripts, Languages []string
			Timeout            int
			RequestTimeout     int `json:"request_timeout"`
		}
		if err := json.NewDecoder(r.Body).Decode(&q); err != nil || r.URL.Path != "/execute_batch" || len(q.Scripts) != 1 || len(q.Languages) != 1 ||
			q.Languages[0] != "python" || q.Timeout <= 0 || q.RequestTimeout <= 0 {
			t.Errorf("asked %s %+v: %v", r.URL.Path, q, err)
			return
		}
		var out, errs bytes.Buffer
		cmd := exec.CommandContext(r.Context(), python, "-c", q.Scripts[0])
		cmd.Stdout, cmd.Stderr = &out, &errs
		var failure any
		if cmd.Run() != nil {
			failure = map[string]string{"name": "Error", "value": errs.String(), "traceback": ""}
		}
		half := out.Len() / 2 // E2B gives what is printed in pieces
		text := out.String()
		_ = json.NewEncoder(w).Encode([]any{map[string]any{
			"execution":     map[string]any{"results": []any{}, "logs": map[string]any{"stdout": []string{text[:half], text[half:]}, "stderr": []string{}}, "error": failure, "execution_count": 1},
			"exception_str": nil,
		}})
	}))
	t.Cleanup(server.Close)
	return "e2b+" + server.URL
}

func TestProgramsAtE2B(t *testing.T) {
	j := judge(t, program.Options{Provider: router(t), Time: time.Second})
	for name, c := range map[string]struct {
		code   string
		label  r1.Label
		reason string
	}{
		"right":                {"print(sum(map(int, input().split())))", r1.Correct, ""},
		"wrong":                {"print(4)", r1.Wrong, "test-failed"},
		"exit code":            {"print(3); raise SystemExit(1)", r1.Wrong, "test-failed"},
		"killed":               {"import os; print(3, flush=True); os.kill(os.getpid(), 9)", r1.Wrong, "test-failed"},
		"out of time":          {"while True: pass", r1.Wrong, "test-failed"},
		"too much output":      {"print('x' * (64 << 20))", r1.Wrong, "test-failed"},
		"too much memory":      {"x = bytearray(2 << 30); print(3)", r1.Wrong, "test-failed"},
		"says it was right":    {`print('{"code": 0, "seconds": 0, "stdout": "Mw==", "stderr": ""}')`, r1.Wrong, "test-failed"},
		"quotes and a unicode": {"print('3') # '\"\"\" \\ é", r1.Correct, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			v := j.Verdict(t.Context(), item(t, "python", c.code, oneTest))
			if v.Label != c.label || v.Reason != c.reason {
				t.Errorf("%s (%s), want %s (%s)", v.Label, v.Reason, c.label, c.reason)
			}
		})
	}
	p := j.Programs(t.Context(), []reward.Item{item(t, "python", "def f(a, b): return a + b", callTests)}, reward.ProgramOptions{})[0]
	if points(p) != "1 1" {
		t.Errorf("function calls: %s %s", p.State, points(p))
	}
	if v := j.Verdict(t.Context(), item(t, "cpp", "int main() {}", oneCppTest)); v.Reason != "language-unsupported" {
		t.Errorf("C++: %s (%s)", v.Label, v.Reason)
	}
}

func TestE2BContract(t *testing.T) {
	for name, answer := range map[string]string{
		"no sandbox":      `[{"execution": null, "exception_str": "quota"}]`,
		"nothing at all":  `[{"execution": null, "exception_str": null}]`,
		"no answer":       `[]`,
		"two answers":     `[{"exception_str": "a"}, {"exception_str": "b"}]`,
		"script failed":   `[{"execution": {"logs": {"stdout": [], "stderr": []}, "error": {"name": "OSError", "value": "x"}}, "exception_str": null}]`,
		"script is mute":  `[{"execution": {"logs": {"stdout": ["hm"], "stderr": []}, "error": null}, "exception_str": null}]`,
		"no such service": "400!{}",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			url := scripted(t, "/execute_batch", func(map[string]any) {}, answer)
			verdictOf(t, "e2b+"+url, "", r1.Unverified, "sandbox-fault")
		})
	}
}
