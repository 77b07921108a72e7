package generate

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
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

func TestRowsAreTheTrainers(t *testing.T) {
	b := newBench(t, 5, right)
	file := b.job(1)
	got := b.succeed(file)
	if len(got) != 10 {
		t.Fatalf("%d rows", len(got))
	}
	for i, r := range got {
		n := i / 2
		if r["id"] != fmt.Sprintf("p%d", n) || r["sample"] != float64(i%2) || r["finish"] != "stop" || r["tokens"] != float64(10+n) || r["extra"].([]any)[0] != float64(n) {
			t.Errorf("row %d: %v", i, r)
		}
		if want := fmt.Sprintf("<think>\n%d and one\n</think>\n\n<answer>%d</answer>", n, n+1); r["response"] != want {
			t.Errorf("response %q", r["response"])
		}
		verdict, rewards := r["verdict"].(map[string]any), r["rewards"].(map[string]any)
		if n%2 == 0 && (verdict["label"] != "correct" || rewards["accuracy"] != 1.0 || rewards["format"] != 1.0) {
			t.Errorf("row %d: verdict %v, rewards %v", i, verdict, rewards)
		}
		if n%2 == 1 && (verdict["label"] != "unverified" || rewards["accuracy"] != nil || rewards["format"] != nil || len(rewards) != 2) {
			t.Errorf("row %d of domain general: verdict %v, rewards %v", i, verdict, rewards)
		}
		if want := map[string]any{"run": "run", "stage": "teach", "job": "main", "model": "teacher-1"}; !maps.Equal(r["origin"].(map[string]any), want) {
			t.Errorf("origin %v", r["origin"])
		}
	}
	m := b.metrics(file)
	if first := m[0]; first.Type != "start" || first.Step != 0 || first.Total != 10 {
		t.Errorf("the first line is %+v", first)
	}
	last := m[len(m)-1]
	want := map[string]float64{"accuracy": 1, "format": 1, "tokens": 12, "clipped": 0, "unverified": 0, "refused": 0,
		"requests": 10, "retries": 0, "prompt_tokens": 50, "completion_tokens": 120}
	if last.Type != "summary" || last.Step != 10 || !maps.Equal(last.Values, want) {
		t.Errorf("the summary is %+v", last)
	}
	if !slices.ContainsFunc(m, func(l r1.MetricsLine) bool {
		return l.Type == "text" && strings.Contains(l.Text["response"], "and one")
	}) {
		t.Error("no example")
	}
}

// What comes back when says nothing of the rows: they are the same bytes.
func TestRowsDoNotDependOnConcurrency(t *testing.T) {
	var files []string
	for _, n := range []int{1, 16} {
		var asked atomic.Int64
		b := newBench(t, 40, func(r scripted.Request) scripted.Reply {
			reply := right(r)
			if n > 1 {
				reply.Delay = time.Duration(asked.Add(7)%11) * 3 * time.Millisecond // they overtake each other
			}
			return reply
		})
		b.site.Concurrency = n
		file := b.job(1)
		b.succeed(file)
		if top := b.server.Top(); top > n || (n > 1 && top < 2) {
			t.Errorf("concurrency %d: %d requests at a time", n, top)
		}
		raw, err := os.ReadFile(filepath.Join(filepath.Dir(file), "outputs/samples/samples.jsonl"))
		b.must(err)
		files = append(files, string(raw))
	}
	if files[0] != files[1] {
		t.Error("the rows of concurrency 1 and 16 differ")
	}
}

// Shards write together what one job would, and tell equal prompts apart as it does.
func TestRowsDoNotDependOnShards(t *testing.T) {
	var n atomic.Int64
	b := newBench(t, 23, func(r scripted.Request) scripted.Reply {
		reply := right(r)
		reply.Text += fmt.Sprint(n.Add(1))
		return reply
	})
	b.rows[20]["prompt"] = b.rows[1]["prompt"]
	whole := b.succeed(b.job(1))
	for _, of := range []int{2, 7} {
		var rows []map[string]any
		for index := range of {
			b.params["shard"] = map[string]any{"index": index, "of": of}
			file := b.job(10*of + index)
			part := b.succeed(file)
			if m := b.metrics(file); m[0].Total != len(part) || m[len(m)-1].Step != len(part) {
				t.Errorf("shard %d of %d: %d rows, metrics %+v", index, of, len(part), m[0])
			}
			rows = append(rows, part...)
		}
		if !reflect.DeepEqual(rows, whole) {
			t.Errorf("%d shards write %d other rows", of, len(rows))
		}
	}
	if b.server.Count() != 46 {
		t.Errorf("%d requests for 46 samples", b.server.Count())
	}
	b.params["shard"] = map[string]any{"index": 0, "of": 24}
	file := b.job(2)
	if b.run(file) != 1 || b.failure(file).Type != "prompt-rows" {
		t.Errorf("24 shards of 23 prompts: %+v", b.failure(file))
	}
}

func TestFaultsLoseNothing(t *testing.T) {
	faults := []scripted.Reply{
		{Status: 429, Raw: "{}", Header: map[string]string{"Retry-After": "0"}}, {Status: 500, Raw: "oops"}, {Reset: true}, {Text: "a long text", Cut: true}, {Raw: "<html>"},
	}
	var mu sync.Mutex
	tries := map[string]int{}
	b := newBench(t, 20, func(r scripted.Request) scripted.Reply {
		mu.Lock()
		defer mu.Unlock()
		tries[r.Prompt]++
		if n := tries[r.Prompt]; n <= 2 && r.Count > 3 {
			return faults[(r.Count+n)%len(faults)]
		}
		return right(r)
	})
	got := b.succeed(b.job(1))
	if len(got) != 40 {
		t.Fatalf("%d rows", len(got))
	}
	for _, r := range got {
		if r["finish"] != "stop" || !strings.Contains(r["response"].(string), "answer") {
			t.Errorf("row %v", r)
		}
	}
	for prompt, n := range b.server.Finished() {
		if n != 2 {
			t.Errorf("%s was answered %d times, want once a sample", prompt, n)
		}
	}
}

// A killed generator asks again for nothing that it has on disk, and the rows are
// those of one that was never killed.
func TestKillLosesNothingThatWasPaidFor(t *testing.T) {
	slow := func(r scripted.Request) scripted.Reply {
		reply := right(r)
		reply.Delay = 15 * time.Millisecond
		return reply
	}
	calm := newBench(t, 60, right)
	calmFile := calm.job(1)
	calm.succeed(calmFile)
	want, err := os.ReadFile(filepath.Join(filepath.Dir(calmFile), "outputs/samples/samples.jsonl"))
	calm.must(err)

	b := newBench(t, 60, slow)
	kept := map[string]bool{}
	keptNow := func() int {
		files, _ := filepath.Glob(filepath.Join(b.site.Answers, "*/*.jsonl"))
		for _, f := range files {
			raw, err := os.ReadFile(f)
			b.must(err)
			for _, line := range bytes.Split(raw, []byte("\n")) {
				var e entry
				if json.Unmarshal(line, &e) == nil && e.Key != "" {
					kept[e.Key] = true
				}
			}
		}
		return len(kept)
	}
	for kill := range 3 {
		cmd := b.start(b.job(kill + 1))
		for deadline := time.Now().Add(20 * time.Second); keptNow() < 25*(kill+1) && time.Now().Before(deadline); {
			time.Sleep(2 * time.Millisecond)
		}
		b.must(cmd.Process.Kill())
		_ = cmd.Wait()
	}
	before, asked := keptNow(), b.server.Count()
	last := b.job(4)
	b.succeed(last)
	if again := b.server.Count() - asked; again != 120-before {
		t.Errorf("%d of 120 answers were on disk, and %d were asked for", before, again)
	}
	if keptNow() != 120 {
		t.Errorf("%d answers are kept", len(kept))
	}
	// Beyond the answers, only what was under way at a kill was asked for.
	if extra := b.server.Count() - 120; extra > 3*b.site.Concurrency {
		t.Errorf("%d requests too many over three kills at concurrency %d", extra, b.site.Concurrency)
	}
	got, err := os.ReadFile(filepath.Join(filepath.Dir(last), "outputs/samples/samples.jsonl"))
	b.must(err)
	if !bytes.Equal(got, want) {
		t.Error("the rows differ from those of a job that was not killed")
	}
}

// Asked to stop, the job saves; another machine goes on from the checkpoint alone.
func TestCheckpointCarriesAnswersToAnotherMachine(t *testing.T) {
	hold := make(chan struct{})
	var once sync.Once
	release := func() { once.Do(func() { close(hold) }) }
	b := newBench(t, 30, nil)
	b.server.Script(func(r scripted.Request) scripted.Reply {
		if r.Prompt == "Q: 3+1=?" { // the first rows are done, others overtake this one
			<-hold
		}
		return right(r)
	})
	t.Cleanup(release)
	first := b.job(1)
	cmd := b.start(first)
	for deadline := time.Now().Add(20 * time.Second); b.server.Count() < 50 && time.Now().Before(deadline); {
		time.Sleep(5 * time.Millisecond)
	}
	time.Sleep(100 * time.Millisecond)
	b.must(cmd.Process.Signal(syscall.SIGTERM))
	if err := cmd.Wait(); cmd.ProcessState.ExitCode() != ExitStopped {
		t.Fatalf("ended with %v", err)
	}
	release()
	steps, err := filepath.Glob(filepath.Join(filepath.Dir(first), "checkpoints/step-*"))
	b.must(err)
	var step int
	for _, s := range steps {
		var n int
		_, err := fmt.Sscanf(filepath.Base(s), "step-%d", &n)
		b.must(err)
		step = max(step, n)
	}
	if step < 40 {
		t.Fatalf("checkpoints %v", steps)
	}
	answered := 0
	for _, n := range b.server.Finished() {
		answered += n
	}
	b.site.Answers = t.TempDir() // another machine
	b.resume = &r1.JobFileResume{Path: filepath.Join(filepath.Dir(first), "checkpoints", fmt.Sprintf("step-%d", step)), Step: step}
	asked := b.server.Count()
	second := b.job(2)
	got := b.succeed(second)
	if n := b.server.Count() - asked; n != 60-step {
		t.Errorf("the checkpoint has %d of 60 answers, and %d were asked for", step, n)
	}
	if line := b.metrics(second)[0]; line.Type != "resume" || line.Step != step || line.Cursor != int64(step) {
		t.Errorf("the first line is %+v", line)
	}
	for i, r := range got {
		if r["id"] != fmt.Sprintf("p%d", i/2) || r["verdict"] == nil {
			t.Errorf("row %d: %v", i, r)
		}
	}
	if len(got) != 60 {
		t.Errorf("%d rows", len(got))
	}
	t.Run("a checkpoint of other params is refused", func(t *testing.T) {
		b.params["temperature"] = 0.7
		file := b.job(3)
		if b.run(file) != 1 || b.failure(file).Class != "config" || !strings.Contains(b.failure(file).Message, "other prompts or params") {
			t.Errorf("%+v", b.failure(file))
		}
	})
}

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
