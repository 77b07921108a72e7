//go:build e2e

package e2e

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/r1ctl/r1ctl/internal/chat/scripted"
	"github.com/r1ctl/r1ctl/internal/r1"
	"github.com/r1ctl/r1ctl/internal/runs"
)

const teacherKey = "sk-scripted-e2e-93b1f0c2"

// scriptedTeacher solves the sums of the tiny world: each fifth wrongly, and one not at all.
type scriptedTeacher struct {
	mu      sync.Mutex
	numbers map[string]int // of prompts, in the order in which they came
	busy    int
}

func (s *scriptedTeacher) answer(r scripted.Request) scripted.Reply {
	s.mu.Lock()
	defer s.mu.Unlock()
	if r.Key != "Bearer "+teacherKey {
		return scripted.Error(401, "invalid_api_key", "Incorrect API key provided: "+r.Key)
	}
	if s.busy++; s.busy%7 == 0 {
		return scripted.Reply{Status: 429, Raw: "{}", Header: map[string]string{"Retry-After": "1"}}
	}
	if _, there := s.numbers[r.Prompt]; !there {
		s.numbers[r.Prompt] = len(s.numbers)
	}
	number := s.numbers[r.Prompt]
	if number == 3 {
		return scripted.Error(400, "content_filter", "filtered")
	}
	value := chain(r.Prompt)
	if number%5 == 0 {
		value = (value + 1) % 10
	}
	return scripted.Reply{Reasoning: "step by step", Text: fmt.Sprintf("<answer>%d</answer>", value), Tokens: 12, Delay: 100 * time.Millisecond}
}

// chain works a sum off from left to right, modulo 10.
func chain(prompt string) int {
	text := strings.TrimSuffix(prompt, "=?")
	value := int(text[0] - '0')
	for i := 1; i+1 < len(text); i += 2 {
		n := int(text[i+1] - '0')
		switch text[i] {
		case '+':
			value += n
		case '-':
			value -= n
		case '*':
			value *= n
		}
		value = (value%10 + 10) % 10
	}
	return value
}

// generators lists the pids of the generators of this machine's attempts.
func (m *machine) generators() []int {
	var pids []int
	entries, _ := os.ReadDir("/proc")
	for _, e := range entries {
		var pid int
		if _, err := fmt.Sscan(e.Name(), &pid); err != nil {
			continue
		}
		args, _ := os.ReadFile(filepath.Join("/proc", e.Name(), "cmdline"))
		cwd, _ := os.Readlink(filepath.Join("/proc", e.Name(), "cwd"))
		if bytes.Contains(args, []byte("\x00generate\x00job.json")) && strings.HasPrefix(cwd, m.state) {
			pids = append(pids, pid)
		}
	}
	return pids
}

// A recipe that a model at an endpoint takes part in, as a user runs it: the
// generator is killed on the way, nothing is paid for twice, the real judge
// verifies, and the key is nowhere.
func TestSamplingFromAnEndpoint(t *testing.T) {
	teacher := &scriptedTeacher{numbers: map[string]int{}}
	server := scripted.New(t, teacher.answer)
	t.Setenv("TEACHER_KEY", teacherKey)
	m := newMachine(t)

	t.Run("an endpoint that the site lacks is refused before anything starts", func(t *testing.T) {
		_, errs, code := m.run("start", "testdata/teacher.yaml")
		if code != 2 || !strings.Contains(errs, "endpoint-unknown") {
			t.Errorf("exit code %d: %s", code, errs)
		}
	})
	t.Setenv("R1CTL_ENDPOINTS", fmt.Sprintf(`{"teacher": {"url": %q, "key_env": "TEACHER_KEY", "concurrency": 2}}`, server.URL))
	started := decode[map[string]string](t, m.mustRun("start", "testdata/teacher.yaml", "--detach", "-o", "json"))
	run := started["run"]
	waitFor(t, "answers", time.Minute, func() bool { return server.Count() > 8 })
	pids := m.generators()
	if len(pids) != 1 {
		t.Fatalf("generators %v", pids)
	}
	environ, err := os.ReadFile(fmt.Sprintf("/proc/%d/environ", pids[0]))
	if err != nil || !bytes.Contains(environ, []byte(teacherKey)) {
		t.Errorf("the generator has no key: %v", err)
	}
	if args, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pids[0])); bytes.Contains(args, []byte(teacherKey)) {
		t.Error("the key is an argument")
	}
	if err := syscall.Kill(pids[0], syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	var st runs.Status
	waitFor(t, "end of the run", 3*time.Minute, func() bool {
		st = m.status(run)
		return st.State != r1.RunRunning && st.State != r1.RunPending
	})
	if st.State != r1.RunCompleted {
		t.Fatalf("the run is %s: %s", st.State, st.Error)
	}
	if n := attempts(st)["taught/main"]; n != 2 {
		t.Errorf("%d attempts, want 2", n)
	}
	var commit r1.Commit
	m.get(r1.Layout{Recipe: "teacher", Run: run}.Commit(r1.JobKey{Run: run, Stage: "taught", Job: "main"}), &commit)
	// 24 problems: numbers 0, 5, … are wrong, number 3 is refused.
	want := map[string]float64{"accuracy": 36.0 / 46, "format": 1, "tokens": 12, "refused": 2, "unverified": 2}
	for name, value := range want {
		if commit.Metrics[name] != value {
			t.Errorf("%s is %v, want %v", name, commit.Metrics[name], value)
		}
	}
	for prompt, n := range server.Finished() {
		if n < 2 || n > 3 { // two samples, and at most one that was under way at the kill
			t.Errorf("%s was answered %d times", prompt, n)
		}
	}
	total := 0
	for _, n := range server.Finished() {
		total += n
	}
	if extra := total - 46; extra < 0 || extra > 2 {
		t.Errorf("%d answers were paid for twice at a concurrency of 2", extra)
	}
	m.get(r1.Layout{Recipe: "teacher", Run: run}.Commit(r1.JobKey{Run: run, Stage: "data", Job: "main"}), &commit)
	if f := commit.Funnel; f == nil || f.In != 48 || f.Kept != 36 {
		t.Errorf("funnel %+v", f)
	}
	if logs := m.mustRun("logs", run, "taught"); !strings.Contains(logs, "summary 48") || strings.Contains(logs, teacherKey) {
		t.Errorf("the log:\n%s", logs)
	}

	t.Run("a second run reuses the answers", func(t *testing.T) {
		asked := server.Count()
		again := decode[runs.Status](t, m.mustRun("start", "testdata/teacher.yaml", "-o", "json"))
		if again.State != r1.RunCompleted || server.Count() != asked {
			t.Errorf("run %s, %d more requests", again.State, server.Count()-asked)
		}
		// Other rewards make another job of the same answers.
		again = decode[runs.Status](t, m.mustRun("start", "testdata/teacher.yaml", "--set", "taught.params.rewards.format.style=think", "-o", "json"))
		if again.State != r1.RunCompleted || server.Count()-asked > 2 {
			t.Errorf("run %s, %d more requests", again.State, server.Count()-asked)
		}
	})
	t.Run("split into shards it makes the same rows", func(t *testing.T) {
		asked := server.Count()
		shards := []string{"start", "testdata/teacher.yaml", "--set", "taught.params.rewards.format.style=boxed", "--set", "taught.params.shards=3", "-o", "json"}
		again := decode[runs.Status](t, m.mustRun(shards...))
		if again.State != r1.RunCompleted || server.Count() != asked {
			t.Fatalf("run %s, %d more requests", again.State, server.Count()-asked)
		}
		layout := r1.Layout{Recipe: "teacher", Run: again.Run}
		var whole r1.Commit
		m.get(layout.Commit(r1.JobKey{Run: again.Run, Stage: "taught", Job: r1.MainJob}), &whole)
		if whole.Steps != 48 || whole.Metrics["accuracy"] != 36.0/46 || whole.Metrics["refused"] != 2 || whole.Outputs["samples"].Files != 3 {
			t.Errorf("joined %+v", whole)
		}
		m.get(layout.Commit(r1.JobKey{Run: again.Run, Stage: "data", Job: r1.MainJob}), &commit)
		if f := commit.Funnel; f == nil || f.In != 48 || f.Kept != 36 {
			t.Errorf("funnel %+v", f)
		}
		shards[5] = "taught.params.shards=5" // split otherwise, it is the same
		other := decode[runs.Status](t, m.mustRun(shards...))
		for _, s := range other.Stages {
			if !s.Reused {
				t.Errorf("stage %s is not reused: %+v", s.Name, s)
			}
		}
	})
	m.mustRun("server", "stop")
	if err := filepath.WalkDir(m.state, func(path string, d os.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return nil // what went away meanwhile
		}
		raw, err := os.ReadFile(path)
		if bytes.Contains(raw, []byte(teacherKey)) {
			t.Errorf("the key is in %s", path)
		}
		return err
	}); err != nil {
		t.Error(err)
	}
}
