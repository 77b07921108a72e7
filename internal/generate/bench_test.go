package generate

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http/httptest"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/r1ctl/r1ctl/internal/chat"
	"github.com/r1ctl/r1ctl/internal/chat/scripted"
	"github.com/r1ctl/r1ctl/internal/r1"
	"github.com/r1ctl/r1ctl/internal/verify"
)

const secret = "sk-scripted-generate-42"

// siteEnv tells a process of a test what the site is.
const siteEnv = "R1CTL_TEST_SITE"

type testSite struct {
	URL, Answers string
	Concurrency  int
}

func (s testSite) options(log io.Writer) Options {
	return Options{AnswersDir: s.Answers, Log: log, Settle: 2 * time.Second, Endpoint: func(name string) (Site, error) {
		if name != "scripted" {
			return Site{}, fmt.Errorf("no endpoint %q", name)
		}
		return Site{Config: chat.Config{URL: s.URL, Key: secret, Timeout: 5 * time.Second, Pause: time.Millisecond, Patience: 10 * time.Second}, Concurrency: s.Concurrency}, nil
	}}
}

func TestMain(m *testing.M) {
	if raw := os.Getenv(siteEnv); raw != "" {
		var s testSite
		if err := json.Unmarshal([]byte(raw), &s); err != nil {
			panic(err)
		}
		ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
		code := Main(ctx, os.Args[1], s.options(os.Stderr))
		stop()
		os.Exit(code)
	}
	os.Exit(m.Run())
}

// bench is a job with a scripted endpoint and the real verifier.
type bench struct {
	t      *testing.T
	server *scripted.Server
	url    string // of the verifier
	site   testSite
	params map[string]any
	rows   []map[string]any
	resume *r1.JobFileResume
	log    journal
}

// journal is a log that several goroutines write.
type journal struct {
	mu sync.Mutex
	bytes.Buffer
}

func (j *journal) Write(p []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.Buffer.Write(p)
}

func newBench(t *testing.T, problems int, script func(scripted.Request) scripted.Reply) *bench {
	t.Helper()
	verifier := httptest.NewServer(verify.Service{Scorer: verify.Scorer{Judge: verify.New(verify.Options{})}}.Handler())
	t.Cleanup(verifier.Close)
	b := &bench{t: t, server: scripted.New(t, script), url: verifier.URL, params: map[string]any{
		"template": map[string]any{"text": "Q: {prompt}"}, "samples_per_prompt": 2, "temperature": 0.6, "top_p": 0.95, "max_tokens": 64,
		"rewards":  []any{map[string]any{"name": "accuracy"}, map[string]any{"name": "format", "style": "think", "domains": []any{"arithmetic"}}},
		"endpoint": "scripted", "model": "teacher-1",
	}}
	b.site = testSite{URL: b.server.URL, Answers: t.TempDir(), Concurrency: 4}
	for i := range problems {
		b.rows = append(b.rows, map[string]any{"id": fmt.Sprintf("p%d", i), "domain": []string{"arithmetic", "general"}[i%2], "prompt": fmt.Sprintf("%d+1=?", i),
			"gold": fmt.Sprint(i + 1), "verifier": []string{"integer", "none"}[i%2], "extra": []int{i}})
	}
	return b
}

// job writes a working folder and returns its job file.
func (b *bench) job(attempt int) string {
	b.t.Helper()
	dir := b.t.TempDir()
	params, err := json.Marshal(b.params)
	b.must(err)
	var data bytes.Buffer
	for _, r := range b.rows {
		raw, err := json.Marshal(r)
		b.must(err)
		data.Write(append(raw, '\n'))
	}
	b.must(os.MkdirAll(filepath.Join(dir, "inputs/prompts"), 0o755))
	b.must(os.WriteFile(filepath.Join(dir, "inputs/prompts/data.jsonl"), data.Bytes(), 0o600))
	b.must(os.MkdirAll(filepath.Join(dir, "checkpoints"), 0o755))
	job := r1.JobFile{Version: 1, Key: fmt.Sprintf("run/teach/main/%d", attempt), Kind: r1.KindSample, Params: params, Seed: 17,
		Inputs:      map[string]r1.JobFileInput{"prompts": {Path: "inputs/prompts", Type: r1.TypeDataset}},
		Outputs:     map[string]r1.JobFileOutput{"samples": {Path: "outputs/samples", Type: r1.TypeDataset}},
		Checkpoints: "checkpoints", Metrics: "metrics.jsonl", Error: "error.json", RewardURL: b.url, Resume: b.resume}
	raw, err := json.Marshal(job)
	b.must(err)
	file := filepath.Join(dir, "job.json")
	b.must(os.WriteFile(file, raw, 0o600))
	return file
}

func (b *bench) must(err error) {
	b.t.Helper()
	if err != nil {
		b.t.Fatal(err)
	}
}

// run runs a job in this process.
func (b *bench) run(file string) int {
	return Main(b.t.Context(), file, b.site.options(&b.log))
}

func (b *bench) succeed(file string) []map[string]any {
	b.t.Helper()
	if code := b.run(file); code != 0 {
		b.t.Fatalf("exit code %d\n%s", code, b.log.String())
	}
	return b.samples(file)
}

// start runs a job in a process of its own.
func (b *bench) start(file string) *exec.Cmd {
	b.t.Helper()
	raw, err := json.Marshal(b.site)
	b.must(err)
	cmd := exec.Command(os.Args[0], file)
	cmd.Env = append(os.Environ(), siteEnv+"="+string(raw))
	cmd.Stderr = os.Stderr
	b.must(cmd.Start())
	b.t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	return cmd
}

func lines[T any](t *testing.T, file string) []T {
	t.Helper()
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var out []T
	for dec := json.NewDecoder(bytes.NewReader(raw)); dec.More(); {
		var v T
		if err := dec.Decode(&v); err != nil {
			t.Fatal(err)
		}
		out = append(out, v)
	}
	return out
}

func (b *bench) samples(file string) []map[string]any {
	return lines[map[string]any](b.t, filepath.Join(filepath.Dir(file), "outputs/samples/samples.jsonl"))
}

func (b *bench) metrics(file string) []r1.MetricsLine {
	return lines[r1.MetricsLine](b.t, filepath.Join(filepath.Dir(file), "metrics.jsonl"))
}

func (b *bench) failure(file string) r1.TrainerError {
	b.t.Helper()
	return lines[r1.TrainerError](b.t, filepath.Join(filepath.Dir(file), "error.json"))[0]
}

// right answers a sum, thinking first.
func right(r scripted.Request) scripted.Reply {
	var n int
	_, _ = fmt.Sscanf(r.Prompt, "Q: %d+1=?", &n)
	return scripted.Reply{Reasoning: fmt.Sprintf("%d and one", n), Text: fmt.Sprintf("<answer>%d</answer>", n+1), Tokens: 10 + n}
}
