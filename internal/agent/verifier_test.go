package agent

import (
	"encoding/json"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// A verifier that is killed, twice, serves again at the same address, and ends with its agent.
func TestVerifierIsStartedAgainAtTheSameAddress(t *testing.T) {
	a := &agent{cfg: Config{WorkDir: t.TempDir(), Verifier: []string{os.Args[0], "real-verifier", "-"}, Interval: 30 * time.Millisecond}}
	var err error
	if a.cfg, err = configured(a.cfg); err != nil {
		t.Fatal(err)
	}
	log, err := os.Create(filepath.Join(a.cfg.WorkDir, "log"))
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	v, err := a.startVerifier(t.Context(), log)
	if err != nil {
		t.Fatal(err)
	}
	defer v.stop()
	for range 2 {
		pid := verifierPID(t, a.cfg.WorkDir)
		await(t, "an answer", func() bool { return answers(v.url) })
		if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		await(t, "another process that answers", func() bool { return verifierPID(t, a.cfg.WorkDir) != pid && answers(v.url) })
	}
	select {
	case <-v.ended():
		t.Error("it was given up")
	default:
	}
	pid := verifierPID(t, a.cfg.WorkDir)
	v.stop()
	if err := syscall.Kill(pid, 0); err == nil {
		t.Error("the service outlives its agent")
	}
	if conn, err := net.Dial("tcp", strings.TrimPrefix(v.url, "http://")); err == nil {
		conn.Close()
		t.Error("it still listens")
	}
}

// configured fills in what withDefaults would, without a store.
func configured(c Config) (Config, error) {
	c.Store, c.SpecKey, c.Trainer = fakeStore{}, "spec", []string{"none"}
	return c.withDefaults()
}

func verifierPID(t *testing.T, dir string) int {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(dir, "verifier.pid"))
	if err != nil {
		t.Fatal(err)
	}
	pid, _ := strconv.Atoi(string(raw)) // 0 while it is being written
	return pid
}

func answers(url string) bool {
	resp, err := http.Post(url+"/v1/score", "application/json", strings.NewReader(`{"items": [{"id": "0", "verifier": "integer", "gold": "7", "response": "7"}]}`))
	if err != nil {
		return false
	}
	defer resp.Body.Close()
	var body struct {
		Items []struct {
			Verdict struct{ Label string }
		}
	}
	return json.NewDecoder(resp.Body).Decode(&body) == nil && len(body.Items) == 1 && body.Items[0].Verdict.Label == "correct"
}

func await(t *testing.T, what string, done func() bool) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); !done(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("there was no %s", what)
		}
	}
}
