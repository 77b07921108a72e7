package generate

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/r1ctl/r1ctl/internal/chat/scripted"
)

func TestRefusedRowsAreCounted(t *testing.T) {
	b := newBench(t, 12, func(r scripted.Request) scripted.Reply {
		switch r.Prompt {
		case "Q: 0+1=?":
			return scripted.Error(400, "", "messages[0].content is strange") // before anything was answered
		case "Q: 4+1=?":
			return scripted.Error(400, "content_filter", "filtered; your key is "+secret)
		case "Q: 6+1=?":
			return scripted.Reply{Finish: "content_filter"}
		}
		return right(r)
	})
	b.site.Concurrency = 1
	file := b.job(1)
	got := b.succeed(file)
	for i, r := range got {
		refused := slices.Contains([]int{0, 4, 6}, i/2)
		verdict := r["verdict"].(map[string]any)
		if refused != (r["finish"] == "refused") || refused && (r["response"] != "" || verdict["reason"] != "refused" || verdict["label"] != "unverified") {
			t.Errorf("row %d: %v", i, r)
		}
		if (i/2 == 0 || i/2 == 4) && !strings.HasPrefix(r["refusal"].(string), "400: ") {
			t.Errorf("row %d does not say why: %v", i, r["refusal"])
		}
	}
	m := b.metrics(file)
	if v := m[len(m)-1].Values; v["refused"] != 6 || len(got) != 24 {
		t.Errorf("%d rows, summary %v", len(got), v)
	}
	b.noSecret(filepath.Dir(file), b.site.Answers)
}

func TestWhatCannotSucceedEndsTheJobByName(t *testing.T) {
	tests := map[string]struct {
		change func(b *bench)
		name   string
		class  string
		asked  int // at most
		has    string
	}{
		"key":           {func(b *bench) { b.always(scripted.Error(401, "", "Incorrect API key: "+secret)) }, "endpoint-key", "config", 4, "says 401"},
		"model":         {func(b *bench) { b.always(scripted.Error(404, "model_not_found", "no")) }, "endpoint-model", "config", 4, "teacher-1"},
		"context":       {func(b *bench) { b.always(scripted.Error(400, "context_length_exceeded", "too long")) }, "endpoint-context", "config", 4, "row p"},
		"every request": {func(b *bench) { b.always(scripted.Error(400, "", "top_p is unknown")) }, "endpoint-request", "config", 12, "refused all of the first 8 requests: 400: top_p is unknown"},
		"every of few":  {func(b *bench) { b.always(scripted.Error(422, "", "no")); b.rows = b.rows[:1] }, "endpoint-request", "config", 2, "first 2 requests"},
		"a field is missing": {func(b *bench) {
			delete(b.rows[7], "gold")
			b.params["template"] = map[string]any{"text": "{prompt} {gold}"}
		}, "prompt-rows", "config", 0, `prompts data.jsonl:8 (row p7): the row has no "gold"`},
		"a row has no prompt": {func(b *bench) { b.rows[2]["prompt"] = nil }, "prompt-rows", "config", 0, `data.jsonl:3 (row p2): the row has no "prompt"`},
		"no rows":             {func(b *bench) { b.rows = nil }, "prompt-rows", "config", 0, "no rows"},
		"rewards":             {func(b *bench) { b.params["rewards"] = []any{map[string]any{"name": "nonsense"}} }, "verifier-request", "config", 40, "nonsense"},
		"another trainer's":   {func(b *bench) { b.params["endpoint"] = "" }, "generate-job", "config", 0, "names no endpoint"},
	}
	for name, c := range tests {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, 20, right)
			c.change(b)
			file := b.job(1)
			if code := b.run(file); code != 1 {
				t.Fatalf("exit code %d", code)
			}
			e := b.failure(file)
			if e.Type != c.name || e.Class != c.class || e.Remedy == "" || (c.name != "endpoint-model" && !strings.Contains(e.Message, c.has)) {
				t.Errorf("got %+v\nwant %s of class %s, with %q", e, c.name, c.class, c.has)
			}
			if n := b.server.Count(); n > c.asked {
				t.Errorf("the endpoint was asked %d times, want at most %d", n, c.asked)
			}
			b.noSecret(filepath.Dir(file), b.site.Answers)
		})
	}
}

func (b *bench) always(reply scripted.Reply) {
	b.server.Script(func(scripted.Request) scripted.Reply { return reply })
}

// noSecret looks for the key in all files.
func (b *bench) noSecret(dirs ...string) {
	b.t.Helper()
	for _, dir := range dirs {
		b.must(filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			raw, err := os.ReadFile(path)
			if bytes.Contains(raw, []byte(secret)) {
				b.t.Errorf("the key is in %s", path)
			}
			return err
		}))
	}
	if strings.Contains(b.log.String(), secret) {
		b.t.Error("the key is in the log")
	}
}

// Failing rows keep what was paid for before.
func TestAFailureSavesWhatWasAnswered(t *testing.T) {
	b := newBench(t, 30, nil)
	b.server.Script(func(r scripted.Request) scripted.Reply {
		if r.Count > 30 {
			return scripted.Error(402, "", "Insufficient Balance")
		}
		return right(r)
	})
	file := b.job(1)
	if code := b.run(file); code != 1 || b.failure(file).Type != "endpoint-payment" {
		t.Fatalf("%d: %+v", code, b.failure(file))
	}
	steps, err := filepath.Glob(filepath.Join(filepath.Dir(file), "checkpoints/step-*/COMPLETE"))
	b.must(err)
	if len(steps) == 0 {
		t.Error("no checkpoint")
	}
	b.server.Script(right)
	asked := b.server.Count()
	b.succeed(b.job(2))
	if n := b.server.Count() - asked; n != 30 {
		t.Errorf("%d answers were asked for after 30 of 60 had been given", n)
	}
}

func TestEqualPromptsAreDrawsOfTheirOwn(t *testing.T) {
	var n atomic.Int64
	b := newBench(t, 3, func(scripted.Request) scripted.Reply { return scripted.Reply{Text: fmt.Sprint(n.Add(1))} })
	for _, r := range b.rows {
		r["prompt"] = "the same"
	}
	first := b.succeed(b.job(1))
	seen := map[any]bool{}
	for _, r := range first {
		seen[r["response"]] = true
	}
	if len(seen) != 6 {
		t.Errorf("6 samples have %d responses", len(seen))
	}
	again := b.succeed(b.job(2))
	for i := range again {
		if again[i]["response"] != first[i]["response"] {
			t.Errorf("sample %d was %q and is %q", i, first[i]["response"], again[i]["response"])
		}
	}
	if b.server.Count() != 6 {
		t.Errorf("%d requests, want 6", b.server.Count())
	}
}

// A sample that is judged keeps all that it was.
func TestASampleAnsweredAgainStaysUnderOf(t *testing.T) {
	b := newBench(t, 1, func(r scripted.Request) scripted.Reply {
		var body struct {
			Messages       []map[string]string `json:"messages"`
			ResponseFormat map[string]string   `json:"response_format"`
			TopP           *float64            `json:"top_p"`
			MaxTokens      *int                `json:"max_tokens"`
			Most           int                 `json:"max_completion_tokens"`
		}
		if err := json.Unmarshal(r.Body, &body); err != nil || body.TopP != nil || body.MaxTokens != nil || body.Most != 99 || body.ResponseFormat["type"] != "json_object" {
			return scripted.Error(400, "", string(r.Body))
		}
		return scripted.Reply{Text: fmt.Sprint(len(body.Messages), body.Messages[0]["role"], " ", body.Messages[len(body.Messages)-1]["content"])}
	})
	b.rows[0]["response"], b.rows[0]["sample"], b.rows[0]["verdict"], b.rows[0]["origin"] = "it is 1", 3, map[string]any{"label": "correct"}, map[string]any{"run": "r0"}
	b.params["template"] = map[string]any{"messages": []any{map[string]any{"role": "system", "content": "Judge as {\"ok\": true}."}, map[string]any{"role": "user", "content": "{prompt} {gold} {response} {verdict.label}"}}}
	b.params["samples_per_prompt"], b.params["top_p"] = 1, 1
	b.params["request"] = map[string]any{"response_format": map[string]any{"type": "json_object"}, "max_completion_tokens": 99}
	got := b.succeed(b.job(1))[0]
	if got["response"] != "2system 0+1=? 1 it is 1 correct" {
		t.Errorf("response %q", got["response"])
	}
	of, _ := got["of"].(map[string]any)
	if of["response"] != "it is 1" || of["sample"] != 3.0 || of["origin"].(map[string]any)["run"] != "r0" || of["verdict"].(map[string]any)["label"] != "correct" || of["id"] != nil {
		t.Errorf("of %v", of)
	}
	if got["sample"] != 0.0 || got["id"] != "p0" || got["verdict"].(map[string]any)["label"] == nil {
		t.Errorf("row %v", got)
	}
}

// While the verifier is away nothing is taken for wrong, or written without a verdict.
func TestAnOutageOfTheVerifierIsWaitedFor(t *testing.T) {
	b := newBench(t, 6, right)
	real := b.url
	var asked atomic.Int64
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if asked.Add(1) <= 6 {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		resp, err := http.Post(real+r.URL.Path, "application/json", bytes.NewReader(body))
		if err != nil {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		defer resp.Body.Close()
		_, _ = io.Copy(w, resp.Body)
	}))
	t.Cleanup(front.Close)
	b.url = front.URL
	for i, r := range b.succeed(b.job(1)) {
		if label := r["verdict"].(map[string]any)["label"]; (i/2)%2 == 0 && label != "correct" {
			t.Errorf("row %d is %v", i, label)
		}
	}
}

// An endpoint that takes no requests any more says nothing about the rows that are left, however
// many it answered before; the last few rows of a job may each be the fault of what they say.
func TestRefusalsAfterAnEarlierAttempt(t *testing.T) {
	for name, c := range map[string]struct {
		left    int // answers that attempt 1 has left open
		refused int // rows that attempt 2 keeps as refused; none: it fails
	}{
		"every request of many": {30, 0},
		"the last two":          {2, 2},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, 30, nil)
			b.site.Concurrency = 1
			b.server.Script(func(r scripted.Request) scripted.Reply {
				if r.Count > 60-c.left {
					return scripted.Error(402, "", "Insufficient Balance")
				}
				return right(r)
			})
			if code := b.run(b.job(1)); code != 1 {
				t.Fatalf("attempt 1: exit code %d", code)
			}
			b.always(scripted.Error(400, "", "top_p is unknown"))
			second := b.job(2)
			code := b.run(second)
			if c.refused > 0 {
				m := b.metrics(second)
				if got := m[len(m)-1].Values["refused"]; code != 0 || got != float64(c.refused) {
					t.Errorf("exit code %d, %v refused", code, got)
				}
				return
			}
			if e := b.failure(second); code != 1 || e.Type != "endpoint-request" || e.Class != "config" {
				t.Fatalf("exit code %d, %+v", code, e)
			}
			b.server.Script(right)
			third := b.job(3)
			b.succeed(third)
			m := b.metrics(third)
			if got := m[len(m)-1].Values["refused"]; got != 0 {
				t.Errorf("%v rows were kept as refused", got)
			}
		})
	}
}
