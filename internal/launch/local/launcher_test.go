package local

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/r1ctl/r1ctl/internal/launch/childenv"
	"github.com/r1ctl/r1ctl/internal/launch/launchtest"
	"github.com/r1ctl/r1ctl/internal/launch/procstat"
	"github.com/r1ctl/r1ctl/internal/launch/record"
	"github.com/r1ctl/r1ctl/internal/r1"
)

// submitterEnv makes the test binary a submitter of the keys in its arguments.
const submitterEnv = "R1CTL_TEST_SUBMITTER_ROOT"

// otherEnv makes the test binary another worker's process over a root.
const otherEnv = "R1CTL_TEST_OTHER_ROOT"

func TestMain(m *testing.M) {
	switch {
	case os.Getenv(launchtest.PlayEnv) == "1":
		os.Exit(Main(func() int { return launchtest.Play(os.Args) }))
	case os.Getenv(otherEnv) != "":
		l, err := New(Config{Root: os.Getenv(otherEnv), Command: []string{os.Args[0]}, Env: []string{launchtest.PlayEnv + "=1"}})
		if err != nil {
			panic(err)
		}
		os.Exit(launchtest.Submit(l))
	case os.Getenv(submitterEnv) != "":
		os.Exit(submitter(os.Getenv(submitterEnv), os.Args[1], os.Args[2:]))
	}
	os.Exit(m.Run())
}

func open(t *testing.T, root string) *Launcher {
	t.Helper()
	l, err := New(Config{Root: root, Command: []string{os.Args[0]}, Env: []string{launchtest.PlayEnv + "=1"}})
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func TestSuite(t *testing.T) {
	launchtest.Run(t, func(t *testing.T) launchtest.Factory { return factory(t, unbroken) })
}

func unbroken(l r1.Launcher) r1.Launcher { return l }

// factory is the local launcher as the suite wants it, with every instance wrapped.
func factory(t *testing.T, wrap func(r1.Launcher) r1.Launcher) launchtest.Factory {
	root := filepath.Join(t.TempDir(), "attempts")
	open(t, root) // makes it
	return launchtest.Factory{
		Open: func(t *testing.T) r1.Launcher { return wrap(open(t, root)) },
		Other: func(*testing.T) *exec.Cmd {
			cmd := exec.Command(os.Args[0])
			cmd.Env = append(os.Environ(), otherEnv+"="+root)
			return cmd
		},
		Kill: func(t *testing.T, h r1.Handle) { kill(t, root, h.Key) },
		Down: func(t *testing.T) func() { // the disk of the state folder is not there
			must(t, os.Rename(root, root+".away"))
			return sync.OnceFunc(func() { must(t, os.Rename(root+".away", root)) })
		},
		Provoke: map[r1.Outcome]func(*testing.T, r1.Handle){
			r1.Preempted: func(t *testing.T, h r1.Handle) { must(t, process(t, root, h.Key).signal(syscall.SIGTERM)) },
			r1.NodeLost:  func(t *testing.T, h r1.Handle) { reboot(t, root, h.Key) },
		},
		Refusing: func(t *testing.T) r1.Launcher {
			l, err := New(Config{Root: root, Command: []string{"false"}})
			must(t, err)
			return wrap(l)
		},
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// reboot makes it look as if the machine had been restarted while the attempt ran.
func reboot(t *testing.T, root string, key r1.AttemptKey) {
	t.Helper()
	p := process(t, root, key)
	dir, err := record.Dir(root, key)
	must(t, err)
	before := p
	before.Boot = "an earlier boot"
	must(t, record.Write(dir, processFile, before))
	must(t, p.signal(syscall.SIGKILL))
}

func process(t *testing.T, root string, key r1.AttemptKey) processRecord {
	t.Helper()
	dir, err := record.Dir(root, key)
	if err != nil {
		t.Fatal(err)
	}
	var p processRecord
	if ok, err := record.Read(dir, processFile, &p); !ok || err != nil {
		t.Fatalf("no process record: %v", err)
	}
	return p
}

func kill(t *testing.T, root string, key r1.AttemptKey) {
	t.Helper()
	if err := process(t, root, key).signal(syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
}

func script(t *testing.T, s launchtest.Script) string {
	t.Helper()
	raw, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "script.json")
	if err := os.WriteFile(path, raw, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func attempt(n int) r1.AttemptKey {
	return r1.JobKey{Run: "run", Stage: "stage", Job: "main"}.Attempt(n)
}

func ended(t *testing.T, l *Launcher, h r1.Handle) r1.Status {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		st, err := l.Status(context.Background(), h)
		if err != nil {
			t.Fatal(err)
		}
		if st.State == r1.StateEnded {
			return st
		}
		if time.Now().After(deadline) {
			t.Fatalf("does not end: %+v", st)
		}
	}
}

// submitter submits attempts 1..n of one job until it is killed.
func submitter(root, spec string, _ []string) int {
	l, err := New(Config{Root: root, Command: []string{os.Args[0]}, Env: []string{launchtest.PlayEnv + "=1"}})
	if err != nil {
		return 1
	}
	for n := 1; ; n++ {
		if _, err := l.Submit(context.Background(), r1.Launch{Key: attempt(n), SpecKey: spec}); err != nil {
			fmt.Println(err)
			return 1
		}
	}
}

// A submitter killed at any moment has started every attempt once or not at
// all, and the next submitter brings "not at all" to "once".
func TestSubmitterKilledAnywhere(t *testing.T) {
	for round := range 12 {
		root := t.TempDir()
		spec := script(t, launchtest.Script{})
		cmd := exec.Command(os.Args[0], spec)
		cmd.Env = append(os.Environ(), submitterEnv+"="+root)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		first := filepath.Join(root, "run", "stage", "main", "1", submitLock)
		for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(time.Millisecond) {
			if _, err := os.Stat(first); err == nil {
				break
			}
			if time.Now().After(deadline) {
				t.Fatal("the submitter does not begin")
			}
		}
		time.Sleep(time.Duration(round*round) * 500 * time.Microsecond) // where it dies differs from round to round
		if err := cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		_ = cmd.Wait()

		l := open(t, root)
		folders, _ := filepath.Glob(filepath.Join(root, "run", "stage", "main", "*"))
		for n := 1; n <= len(folders); n++ {
			h, err := l.Submit(context.Background(), r1.Launch{Key: attempt(n), SpecKey: spec})
			if err != nil {
				t.Fatal(err)
			}
			if st := ended(t, l, h); st.Outcome != r1.Succeeded {
				t.Errorf("attempt %d: %+v", n, st)
			}
		}
		raw, err := os.ReadFile(filepath.Join(filepath.Dir(spec), "starts"))
		if err != nil {
			t.Fatal(err)
		}
		if got := bytes.Count(raw, []byte("\n")); got != len(folders) {
			t.Errorf("round %d: %d processes for %d attempts", round, got, len(folders))
		}
	}
}

// A pid that was given to another process since is never signalled.
func TestSignalSparesReusedPID(t *testing.T) {
	bystander := exec.Command("sleep", "60")
	if err := bystander.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = bystander.Process.Kill(); _ = bystander.Wait() })
	st, err := procstat.Read(bystander.Process.Pid)
	if err != nil {
		t.Fatal(err)
	}
	boot, err := bootID()
	if err != nil {
		t.Fatal(err)
	}
	for name, rec := range map[string]processRecord{
		"another start time": {PID: bystander.Process.Pid, Start: st.Start - 1, Boot: boot},
		"another boot":       {PID: bystander.Process.Pid, Start: st.Start, Boot: "before"},
	} {
		if err := rec.signal(syscall.SIGKILL); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := bystander.Process.Signal(syscall.Signal(0)); err != nil {
		t.Errorf("the bystander is gone: %v", err)
	}
}

// What a dead attempt leaves behind is found by its mark, whatever session it
// went to, and the attempt has not ended before it is gone.
func TestOrphansDieWithTheirAttempt(t *testing.T) {
	root := t.TempDir()
	l := open(t, root)
	h, err := l.Submit(context.Background(), r1.Launch{Key: attempt(1), SpecKey: script(t, launchtest.Script{Hold: true})})
	if err != nil {
		t.Fatal(err)
	}
	dir, err := record.Dir(l.cfg.Root, h.Key)
	if err != nil {
		t.Fatal(err)
	}
	orphan := exec.Command("sleep", "60")
	orphan.Env = []string{childenv.AttemptDir + "=" + dir}
	orphan.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := orphan.Start(); err != nil {
		t.Fatal(err)
	}
	gone := make(chan error, 1)
	go func() { gone <- orphan.Wait() }()
	kill(t, l.cfg.Root, h.Key)
	ended(t, l, h)
	select {
	case <-gone:
	case <-time.After(30 * time.Second):
		_ = orphan.Process.Kill()
		t.Error("the orphan lives on")
	}
}

// The launcher that took the stop is gone when the time is up: its timer died
// with it, and the deadline on disk is kept by whoever looks next.
func TestStopDeadlineOutlivesTheLauncher(t *testing.T) {
	l := open(t, t.TempDir())
	h, err := l.Submit(context.Background(), r1.Launch{Key: attempt(1), SpecKey: script(t, launchtest.Script{Deaf: true})})
	if err != nil {
		t.Fatal(err)
	}
	dir, err := record.Dir(l.cfg.Root, h.Key)
	if err != nil {
		t.Fatal(err)
	}
	if err := record.Write(dir, record.StopFile, record.Stop{Deadline: time.Now().Add(-time.Minute)}); err != nil {
		t.Fatal(err)
	}
	if st := ended(t, open(t, l.cfg.Root), h); st.Outcome != r1.Stopped {
		t.Errorf("status %+v, want stopped", st)
	}
}

func TestAttemptOfAnEarlierBootIsLost(t *testing.T) {
	l := open(t, t.TempDir())
	dir, err := record.Dir(l.cfg.Root, attempt(1))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := record.Write(dir, processFile, processRecord{PID: 1, Start: 1, Boot: "before"}); err != nil {
		t.Fatal(err)
	}
	h, err := l.Find(context.Background(), attempt(1))
	if err != nil {
		t.Fatal(err)
	}
	if st := ended(t, l, h); st.Outcome != r1.NodeLost {
		t.Errorf("status %+v, want node-lost", st)
	}
}

func TestHandleOfAnotherMachineIsUnknown(t *testing.T) {
	l := open(t, t.TempDir())
	h := r1.Handle{Launcher: Name, Version: 1, Key: attempt(1), State: json.RawMessage(`{"host":"another-machine"}`)}
	st, err := l.Status(context.Background(), h)
	if err != nil || st.State != r1.StateUnknown || !strings.Contains(st.Reason, "another-machine") {
		t.Errorf("status %+v, %v; want unknown", st, err)
	}
}

func TestChildSeesNoSecrets(t *testing.T) {
	t.Setenv("AWS_SECRET_ACCESS_KEY", "secret")
	t.Setenv("HTTPS_PROXY", "http://user:secret@proxy")
	t.Setenv("LC_ALL", "C.UTF-8")
	l, err := New(Config{Root: t.TempDir(), Command: []string{"agent"}, Env: []string{"R1CTL_S3_ENDPOINT=http://127.0.0.1:1"}, CredentialsFile: "/keys"})
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("ENDPOINT_KEY", "for one attempt")
	if env := l.environment("/attempt", r1.Launch{Pass: []string{"ENDPOINT_KEY", "NOT_SET"}}); !slices.Contains(env, "ENDPOINT_KEY=for one attempt") {
		t.Errorf("what is passed is missing in %v", env)
	}
	env := strings.Join(l.environment("/attempt", r1.Launch{}), "\n")
	for _, want := range []string{"PATH=", "LC_ALL=C.UTF-8", "R1CTL_S3_ENDPOINT=", "R1CTL_CREDENTIALS_FILE=/keys", "R1CTL_ATTEMPT_DIR=/attempt"} {
		if !strings.Contains(env, want) {
			t.Errorf("%s is missing in\n%s", want, env)
		}
	}
	if strings.Contains(env, "secret") || strings.Contains(env, "ENDPOINT_KEY") {
		t.Errorf("a secret is in\n%s", env)
	}
}

func TestBadKeysAndCommands(t *testing.T) {
	ctx := context.Background()
	l := open(t, t.TempDir())
	for _, key := range []r1.AttemptKey{{}, r1.JobKey{Run: "..", Stage: "s", Job: "j"}.Attempt(1), r1.JobKey{Run: "r", Stage: "a/b", Job: "j"}.Attempt(1), r1.JobKey{Run: "r", Stage: "s", Job: "j"}.Attempt(0)} {
		if _, err := l.Submit(ctx, r1.Launch{Key: key}); err == nil {
			t.Errorf("key %q was taken", key)
		}
	}
	missing, err := New(Config{Root: l.cfg.Root, Command: []string{"/no/such/program"}})
	if err != nil {
		t.Fatal(err)
	}
	_, err = missing.Submit(ctx, r1.Launch{Key: attempt(1)})
	if named, ok := r1.AsError(err); !ok || named.Name != "launch-failed" {
		t.Errorf("submit of a missing program: %v, want launch-failed", err)
	}
	if _, err := l.Find(ctx, attempt(1)); err == nil {
		t.Error("an attempt that could not start is found")
	}
	dies, err := New(Config{Root: l.cfg.Root, Command: []string{"false"}})
	if err != nil {
		t.Fatal(err)
	}
	h, err := dies.Submit(ctx, r1.Launch{Key: attempt(2)})
	if err != nil {
		t.Fatal(err)
	}
	if st := ended(t, dies, h); st.Outcome != r1.Rejected || st.ExitCode != 1 {
		t.Errorf("a program that dies at once: %+v, want rejected", st)
	}
}
