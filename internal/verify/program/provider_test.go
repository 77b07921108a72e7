package program_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/r1ctl/r1ctl/internal/r1"
	"github.com/r1ctl/r1ctl/internal/verify/program"
	"github.com/r1ctl/r1ctl/internal/verify/reward"
)

// These are contract tests: a scripted server stands where the service would.
// They hold what we send and how we read the answers, not what a service does.

// scripted answers path with each of answers in turn, then with the last.
func scripted(t *testing.T, path string, check func(body map[string]any), answers ...string) string {
	t.Helper()
	var asked atomic.Int64
	mux := http.NewServeMux()
	mux.HandleFunc("GET /api/v2/runtimes", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, `[{"language":"bash","version":"5","aliases":["sh"]},{"language":"python","version":"3.12.0","aliases":["py"]},{"language":"c++","version":"10.2.0","aliases":["cpp"]}]`)
	})
	mux.HandleFunc("POST "+path, func(w http.ResponseWriter, q *http.Request) {
		var body map[string]any
		if err := json.NewDecoder(q.Body).Decode(&body); err != nil {
			t.Errorf("the request is no JSON: %v", err)
		}
		check(body)
		answer := answers[min(int(asked.Add(1)), len(answers))-1]
		if status, rest, ok := strings.Cut(answer, "!"); ok {
			w.WriteHeader(map[string]int{"500": 500, "503": 503, "429": 429, "400": 400}[status])
			answer = rest
		}
		fmt.Fprint(w, answer)
	})
	s := httptest.NewServer(mux)
	t.Cleanup(s.Close)
	return s.URL
}

const (
	fusionRan   = `{"status":"Success","message":"","compile_result":null,"run_result":{"status":"Finished","execution_time":0.02,"return_code":0,"stdout":"3\n","stderr":""},"executor_pod_name":null,"files":{}}`
	fusionExit1 = `{"status":"Failed","message":"","compile_result":null,"run_result":{"status":"Finished","execution_time":0.02,"return_code":1,"stdout":"3\n","stderr":"x"},"files":{}}`
	oneTest     = `{"test_cases":[{"input":"1 2","output":"3"}]}`
	oneCppTest  = `{"language":"cpp","test_cases":[{"input":"1 2","output":"3"}]}`
)

func TestSandboxFusionContract(t *testing.T) {
	for _, c := range []struct {
		name, info string
		answers    []string
		label      r1.Label
		reason     string
	}{
		{name: "passes", answers: []string{fusionRan}, label: r1.Correct},
		{name: "another output", answers: []string{strings.ReplaceAll(fusionRan, `"3\n"`, `"4\n"`)}, label: r1.Wrong, reason: "test-failed"},
		{name: "exit code", answers: []string{fusionExit1}, label: r1.Wrong, reason: "test-failed"},
		{name: "killed", answers: []string{strings.ReplaceAll(fusionExit1, `"return_code":1`, `"return_code":-9`)}, label: r1.Wrong, reason: "test-failed"},
		{name: "time", answers: []string{`{"status":"Failed","run_result":{"status":"TimeLimitExceeded"}}`}, label: r1.Wrong, reason: "test-failed"},
		{name: "compiler", info: oneCppTest, answers: []string{`{"status":"Failed","compile_result":{"status":"Finished","return_code":1}}`}, label: r1.Wrong, reason: "not-compiled"},
		{name: "trouble, then an answer", answers: []string{"503!", "429!", fusionRan}, label: r1.Correct},
		{name: "trouble of its sandbox", answers: []string{`{"status":"SandboxError","message":"no room"}`}, label: r1.Unverified, reason: "sandbox-fault"},
		{name: "its error", answers: []string{`{"status":"Failed","run_result":{"status":"Error"}}`}, label: r1.Unverified, reason: "sandbox-fault"},
		{name: "refused", answers: []string{`400!{"detail":"language"}`}, label: r1.Unverified, reason: "sandbox-fault"},
		{name: "no JSON", answers: []string{"<html>"}, label: r1.Unverified, reason: "sandbox-fault"},
		{name: "an empty answer", answers: []string{"{}"}, label: r1.Unverified, reason: "sandbox-fault"},
		{name: "no result", answers: []string{`{"status":"Success"}`}, label: r1.Unverified, reason: "sandbox-fault"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			url := scripted(t, "/run_code", func(body map[string]any) {
				if body["stdin"] != "1 2" || !strings.Contains(body["code"].(string), "marker") || body["run_timeout"].(float64) <= 0 {
					t.Errorf("asked %v", body)
				}
			}, c.answers...)
			verdictOf(t, "sandboxfusion+"+url, c.info, c.label, c.reason)
		})
	}
}

func TestPistonContract(t *testing.T) {
	const ran = `{"language":"python","version":"3.12.0","run":{"stdout":"3\n","stderr":"","output":"3\n","code":0,"signal":null,"message":null,"status":null,"wall_time":20}}`
	for _, c := range []struct {
		name, info string
		answers    []string
		label      r1.Label
		reason     string
	}{
		{name: "passes", answers: []string{ran}, label: r1.Correct},
		{name: "exit code", answers: []string{strings.ReplaceAll(ran, `"code":0`, `"code":1`)}, label: r1.Wrong, reason: "test-failed"},
		{name: "signal", answers: []string{`{"run":{"stdout":"3","code":null,"signal":"SIGKILL"}}`}, label: r1.Wrong, reason: "test-failed"},
		{name: "time", answers: []string{`{"run":{"stdout":"3","code":null,"signal":"SIGKILL","status":"TO"}}`}, label: r1.Wrong, reason: "test-failed"},
		{name: "compiler", info: oneCppTest, answers: []string{`{"compile":{"code":1,"stderr":"error"},"run":{"code":1}}`}, label: r1.Wrong, reason: "not-compiled"},
		{name: "compiled", info: oneCppTest, answers: []string{`{"compile":{"code":0},"run":{"code":0,"stdout":"3"}}`}, label: r1.Correct},
		{name: "trouble, then an answer", answers: []string{"500!", ran}, label: r1.Correct},
		{name: "trouble of its sandbox", answers: []string{`{"run":{"code":null,"status":"XX"}}`}, label: r1.Unverified, reason: "sandbox-fault"},
		{name: "its machine is full", answers: []string{`{"run":{"code":1,"stderr":"bash: fork: Resource temporarily unavailable"}}`}, label: r1.Unverified, reason: "sandbox-fault"},
		{name: "refused", answers: []string{`400!{"message":"run_timeout cannot exceed the configured limit"}`}, label: r1.Unverified, reason: "sandbox-fault"},
		{name: "an empty answer", answers: []string{`{}`}, label: r1.Unverified, reason: "sandbox-fault"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			url := scripted(t, "/api/v2/execute", func(body map[string]any) {
				if body["stdin"] != "1 2" || body["version"] == "" || len(body["files"].([]any)) != 1 {
					t.Errorf("asked %v", body)
				}
			}, c.answers...)
			verdictOf(t, "piston+"+url, c.info, c.label, c.reason)
		})
	}
}

func verdictOf(t *testing.T, provider, info string, label r1.Label, reason string) {
	t.Helper()
	language := "cpp"
	if info == "" {
		info, language = oneTest, "python"
	}
	v := judge(t, program.Options{Provider: provider}).Verdict(t.Context(), item(t, language, "# marker", info))
	if v.Label != label || v.Reason != reason {
		t.Errorf("%+v, expected %s %s", v, label, reason)
	}
}

// A service that is gone makes programs unverified, and says so in time.
func TestAServiceThatIsGone(t *testing.T) {
	s := httptest.NewServer(http.NotFoundHandler())
	s.Close()
	for _, kind := range []string{"sandboxfusion+", "piston+"} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			j := judge(t, program.Options{Provider: kind + s.URL})
			p := j.Programs(t.Context(), []reward.Item{item(t, "python", "print(3)", oneTest)}, reward.ProgramOptions{})[0]
			fault := p.State == reward.ProgramUnverified || len(p.Tests) == 1 && p.Tests[0].Fault
			if !fault || p.Reason != "sandbox-fault" {
				t.Errorf("%+v", p)
			}
		})
	}
}

// Calls of functions go to a service as programs: the answers are frames.
func TestCallsAtAService(t *testing.T) {
	var mark string
	mux := http.NewServeMux()
	mux.HandleFunc("POST /run_code", func(w http.ResponseWriter, q *http.Request) {
		var body struct{ Stdin string }
		_ = json.NewDecoder(q.Body).Decode(&body)
		var job struct{ Mark string }
		_ = json.Unmarshal([]byte(body.Stdin), &job)
		mark = job.Mark
		stdout, _ := json.Marshal(fmt.Sprintf("{\"mark\":%q,\"call\":0,\"value\":3}\n{\"mark\":%q,\"call\":1,\"value\":12}\n", mark, mark))
		fmt.Fprint(w, strings.ReplaceAll(fusionRan, `"3\n"`, string(stdout)))
	})
	s := httptest.NewServer(mux)
	t.Cleanup(s.Close)
	j := judge(t, program.Options{Provider: "sandboxfusion+" + s.URL})
	p := j.Programs(t.Context(), []reward.Item{item(t, "python", "def f(a, b): return a + b", callTests)}, reward.ProgramOptions{})[0]
	if points(p) != "1 0" || mark == "" {
		t.Errorf("%s %s", p.State, points(p))
	}
}

func TestProvidersThatCannotBeUsed(t *testing.T) {
	for _, url := range []string{"http://host", "e2b+http://me:hush@host", "piston+https://host?key=hush", "piston+ftp://host", "piston+", "sandboxfusion", "other+http://host"} {
		_, err := program.New(program.Options{Provider: url})
		if e, ok := r1.AsError(err); !ok || e.Name != "code-provider-invalid" || e.Remedy == "" {
			t.Errorf("%s: %v", url, err)
		}
	}
	_, err := program.New(program.Options{Provider: "other+http://user:hush@host"})
	if err == nil || strings.Contains(err.Error(), "hush") {
		t.Errorf("the password is shown: %v", err)
	}
}
