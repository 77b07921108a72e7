package generate

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/r1ctl/r1ctl/internal/chat/scripted"
	"github.com/r1ctl/r1ctl/internal/r1"
)

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
