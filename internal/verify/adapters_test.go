package verify

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/r1ctl/r1ctl/internal/r1"
	"github.com/r1ctl/r1ctl/internal/verify/pool"
	"github.com/r1ctl/r1ctl/internal/verify/program"
	"github.com/r1ctl/r1ctl/internal/verify/reward"
)

// runner is a sandbox that says what it was asked.
type runner struct{}

func (runner) RunCode(_ context.Context, q program.RunCodeRequest) program.RunCodeResult {
	return program.RunCodeResult{Status: "Success", Message: q.Language + ":" + q.Code}
}

// For other trainers an item without a verdict is an error, never a reward of 0.
func TestAdapters(t *testing.T) {
	away := &scripted{says: pool.Result{Label: r1.Unverified, Reason: "verifier-crash"}}
	s := Service{Scorer: Scorer{Judge: New(Options{Default: Math, Formulas: away})}, Programs: runner{}}
	server := httptest.NewServer(s.Handler())
	defer server.Close()
	const hard = `"\\boxed{f'(x) \\cup g}"`
	for name, c := range map[string]struct {
		path, body string
		status     int
		says       string
	}{
		"run_code":               {"/run_code", `{"code": "print(1)", "language": "python", "unheard_of": 1}`, 200, `"message":"python:print(1)"`},
		"openrlhf":               {"/openrlhf/get_reward", `{"query": ["1+1=2", "1+1=3"], "prompts": ["1+1=", "1+1="], "labels": ["2", 2]}`, 200, `"rewards":[1,0]`},
		"openrlhf, scores":       {"/openrlhf/get_reward", `{"query": ["1+1=2"], "prompts": ["1+1="], "labels": ["2"]}`, 200, `"extra_logs":{"accuracy":[1]}`},
		"openrlhf, one lacks":    {"/openrlhf/get_reward", `{"query": ["1+1=2", "x"], "prompts": ["1+1=", ""], "labels": ["2", null]}`, 422, "1 of 2 samples have no reward, such as for gold-missing"},
		"openrlhf, an outage":    {"/openrlhf/get_reward", `{"query": [` + hard + `], "prompts": [""], "labels": ["x"]}`, 503, "verifier-crash"},
		"openrlhf, uneven":       {"/openrlhf/get_reward", `{"query": ["a"], "prompts": [], "labels": []}`, 400, "expected as many of each"},
		"openrlhf, other prompt": {"/openrlhf/get_reward", `{"query": ["a"], "prompts": ["b"], "labels": ["1"]}`, 400, "does not begin with"},
		"slime":                  {"/slime", `{"prompt": "1+1=", "response": "2", "label": "2"}`, 200, "1\n"},
		"slime, chat":            {"/slime", `{"prompt": [{"role": "user", "content": "1+1="}], "response": "3", "label": "2"}`, 200, "0\n"},
		"slime, a row":           {"/slime", `{"prompt": "", "response": "B", "label": {"verifier": "choice", "gold": "B"}}`, 200, "1\n"},
		"slime, a row as text":   {"/slime", `{"prompt": "", "response": "B", "label": "{\"verifier\": \"choice\", \"gold\": \"B\"}"}`, 200, "1\n"},
		"slime, an outage":       {"/slime", `{"prompt": "", "response": ` + hard + `, "label": "x"}`, 503, `"name":"unverified"`},
		"slime, no response":     {"/slime", `{"prompt": "1"}`, 400, "no response"},
	} {
		t.Run(name, func(t *testing.T) {
			resp, err := http.Post(server.URL+c.path, "application/json", strings.NewReader(c.body))
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			body, err := io.ReadAll(resp.Body)
			if err != nil {
				t.Fatal(err)
			}
			if resp.StatusCode != c.status || !strings.Contains(string(body), c.says) {
				t.Errorf("got %d %s, want %d with %q", resp.StatusCode, body, c.status, c.says)
			}
		})
	}
}

// stuck holds programs until it is let go, or their time is over.
type stuck struct{ free chan struct{} }

func (s stuck) Programs(context.Context, []reward.Item, reward.ProgramOptions) []reward.Program {
	return nil
}

func (s stuck) Verdict(ctx context.Context, _ reward.Item) r1.Verdict {
	select {
	case <-s.free:
		return r1.Verdict{Label: r1.Correct, Verifier: "code/1"}
	case <-ctx.Done():
		return r1.Verdict{Label: r1.Wrong, Verifier: "code/1"}
	}
}

// Programs that take long do not hold the other items of their own or of other
// requests, and one whose time is over is unverified.
func TestSlowItemsHoldOnlyTheirKind(t *testing.T) {
	programs := stuck{make(chan struct{})}
	yes := &scripted{says: pool.Result{Label: r1.Correct, Version: "scripted/1"}}
	j := New(Options{Programs: programs, Puzzles: yes, Workers: 1})
	program := item(t, map[string]any{"verifier": "code", "completion": "x"})
	puzzle := item(t, map[string]any{"verifier": "reasoning-gym", "verification_info": map[string]any{"family": "x", "entry": map[string]any{"question": "q"}}, "completion": "b"})
	done := make(chan []Judgement)
	go func() {
		done <- j.Verdicts(t.Context(), []reward.Item{program, program, puzzle}, reward.Convention{}, 0)
	}()
	// Another request's puzzle is judged while both programs hang.
	if v := j.Verdicts(t.Context(), []reward.Item{puzzle}, reward.Convention{}, 0)[0].Verdict; v.Label != r1.Correct {
		t.Errorf("a puzzle beside programs: %+v", v)
	}
	close(programs.free)
	for i, judged := range <-done {
		if judged.Verdict.Label != r1.Correct {
			t.Errorf("item %d: %+v", i, judged.Verdict)
		}
	}
	hasty := New(Options{Programs: stuck{make(chan struct{})}, Deadline: time.Millisecond})
	if v := hasty.Verdicts(t.Context(), []reward.Item{program}, reward.Convention{}, 0)[0].Verdict; v.Label != r1.Unverified || v.Reason != ReasonTimeout {
		t.Errorf("a program whose time is over: %+v", v)
	}
}
