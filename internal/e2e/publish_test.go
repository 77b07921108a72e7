//go:build e2e

package e2e

import (
	"bytes"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/r1ctl/r1ctl/internal/hub/hubtest"
	"github.com/r1ctl/r1ctl/internal/publish"
	"github.com/r1ctl/r1ctl/internal/r1"
	"github.com/r1ctl/r1ctl/internal/runs"
)

// TestPublish brings rows out to a Hub, to S3 and to a folder. Nothing goes out before a
// person says so; the engine is killed with the commit under way, and there is one commit;
// a second run publishes what is gone, and nothing else.
func TestPublish(t *testing.T) {
	m, h := newMachine(t), hubtest.NewWritable(t)
	token := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(token, []byte(h.Token+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("HF_ENDPOINT", h.URL)
	t.Setenv("HF_TOKEN", "")
	t.Setenv("HF_TOKEN_PATH", token)
	folder := filepath.Join(t.TempDir(), "rows")
	start := func() string {
		t.Helper()
		out := m.mustRun("start", "testdata/publish.yaml", "--set", "in-folder.params.to="+folder, "--detach", "-o", "json")
		return decode[struct {
			Run string `json:"run"`
		}](t, out).Run
	}
	run := start()
	m.until(run, "on-hub", "waits", func(s runs.Stage) bool { return s.State == r1.RunWaiting })
	if said := h.Log(); len(said) > 0 {
		t.Errorf("before the approval the Hub was asked %q", said)
	}

	pid := m.serverPID()
	var once sync.Once
	h.Fault = func(_ int, what string) hubtest.Fault {
		fault := hubtest.None
		if strings.Contains(what, "/commit/") {
			once.Do(func() {
				fault = hubtest.DropAfter
				if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
					t.Errorf("kill the engine: %v", err)
				}
			})
		}
		return fault
	}
	m.mustRun("approve", run, "on-hub")
	waitFor(t, "commit", time.Minute, func() bool { return len(h.History("datasets/org/rows", "main")) > 1 })
	m.mustRun("watch", run)

	s := m.status(run)
	if on := stageOf(t, s, "on-hub"); on.State != r1.RunCompleted || on.To != "hf://org/rows" || on.Attempts < 2 {
		t.Errorf("on-hub is %s after %d attempts, to %q", on.State, on.Attempts, on.To)
	}
	history := h.History("datasets/org/rows", "main")
	if len(history) != 2 || !h.Private("datasets/org/rows") {
		t.Fatalf("the repo has %d commits, private: %t", len(history), h.Private("datasets/org/rows"))
	}
	remote := maps.Clone(history[1].Files)
	delete(remote, ".gitattributes")
	card := remote[publish.CardFile]
	if !strings.Contains(card, "license: mit") || !strings.Contains(card, "rows: 64 rows in, 40 kept") || !strings.Contains(card, "Sums.") || remote["dropped.jsonl.gz"] != "" {
		t.Errorf("published %d files with the card\n%s", len(remote), card)
	}
	for _, path := range []string{"data.jsonl", "funnel.json"} {
		raw, err := os.ReadFile(filepath.Join(folder, path))
		if err != nil || string(raw) != remote[path] {
			t.Errorf("%s differs between the folder and the Hub: %v", path, err)
		}
		raw, err = m.store().GetBytes(t.Context(), stageOf(t, s, "rows").Outputs[0].URI[len("s3://r1ctl/"):]+"/"+path)
		if err != nil || string(raw) != remote[path] {
			t.Errorf("%s is not what the stage made: %v", path, err)
		}
	}
	m.withoutSecret(t, h.Token)

	if err := os.RemoveAll(folder); err != nil {
		t.Fatal(err)
	}
	again := start()
	m.until(again, "on-hub", "waits", func(s runs.Stage) bool { return s.State == r1.RunWaiting })
	m.mustRun("approve", again, "on-hub")
	m.mustRun("watch", again)
	s = m.status(again)
	for stage, reused := range map[string]bool{"on-hub": true, "in-bucket": true, "in-folder": false} {
		if got := stageOf(t, s, stage); got.Reused != reused || got.State != r1.RunCompleted {
			t.Errorf("%s of the second run: %s, reused %t, want %t", stage, got.State, got.Reused, reused)
		}
	}
	if _, err := os.Stat(filepath.Join(folder, publish.MarkerFile)); err != nil || len(h.History("datasets/org/rows", "main")) != 2 {
		t.Errorf("after the second run: %v, %d commits", err, len(h.History("datasets/org/rows", "main")))
	}
}

// withoutSecret looks for a secret in all that the machine has written.
func (m *machine) withoutSecret(t *testing.T, secret string) {
	t.Helper()
	err := filepath.WalkDir(m.state, func(path string, e fs.DirEntry, err error) error {
		if err != nil || !e.Type().IsRegular() {
			return nil // it may be gone by now
		}
		raw, err := os.ReadFile(path)
		if err == nil && bytes.Contains(raw, []byte(secret)) {
			t.Errorf("%s holds the token", path)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
