package statedir_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/r1ctl/r1ctl/internal/embedded/statedir"
	"github.com/r1ctl/r1ctl/internal/r1"
)

// TestMain lets the test binary hold a lock until it is killed.
func TestMain(m *testing.M) {
	if file := os.Getenv("R1CTL_TEST_LOCK"); file != "" {
		l, err := statedir.TakeLock(file)
		if err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		fmt.Println("locked")
		time.Sleep(time.Hour) // until it is killed; select {} would count as a deadlock in a binary without cgo
		l.Release()
	}
	os.Exit(m.Run())
}

func TestOpen(t *testing.T) {
	cases := map[string]struct {
		before map[string]string // files in the directory
		error  string
	}{
		"missing":                     {},
		"empty":                       {before: map[string]string{}},
		"left by a crash while made":  {before: map[string]string{".r1ctl-tmp-version-1": "1"}},
		"of this version":             {before: map[string]string{"version": "1\n", "other": "x"}},
		"of a newer version":          {before: map[string]string{"version": "2\n"}, error: "state-dir-newer"},
		"without a number":            {before: map[string]string{"version": "one"}, error: "state-dir-invalid"},
		"of somebody else":            {before: map[string]string{"thesis.tex": "x"}, error: "state-dir-foreign"},
		"a path through a plain file": {before: nil, error: "state-dir-unusable"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "state")
			if c.before != nil {
				mustMkdir(t, path)
			}
			for file, text := range c.before {
				mustWrite(t, filepath.Join(path, file), text)
			}
			if c.error == "state-dir-unusable" {
				mustWrite(t, path, "a file")
			}
			dir, err := statedir.Open(path)
			if c.error != "" {
				if e, ok := r1.AsError(err); !ok || e.Name != c.error || e.Remedy == "" {
					t.Fatalf("want %s, got %v", c.error, err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			info, err := os.Stat(path)
			if err != nil || info.Mode().Perm() != 0o700 {
				t.Errorf("mode %v, %v", info.Mode(), err)
			}
			if raw, err := os.ReadFile(filepath.Join(path, "version")); err != nil || string(raw) != "1\n" {
				t.Errorf("version %q, %v", raw, err)
			}
			if again, err := statedir.Open(path); err != nil || again != dir {
				t.Errorf("second open: %v, %v", again, err)
			}
		})
	}
}

func TestOpenLeavesAForeignDirectoryAsItIs(t *testing.T) {
	path := t.TempDir()
	mustWrite(t, filepath.Join(path, "thesis.tex"), "x")
	if err := os.Chmod(path, 0o755); err != nil {
		t.Fatal(err)
	}
	if _, err := statedir.Open(path); err == nil {
		t.Fatal("taken over")
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o755 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	if entries, err := os.ReadDir(path); err != nil || len(entries) != 1 {
		t.Errorf("%v, %v", entries, err)
	}
}

func TestPortsAndCredentialsAreKept(t *testing.T) {
	path := t.TempDir()
	dir := open(t, path)
	ports, err := dir.Ports()
	if err != nil {
		t.Fatal(err)
	}
	creds, err := dir.Credentials()
	if err != nil {
		t.Fatal(err)
	}
	again := open(t, path)
	if p, err := again.Ports(); err != nil || p != ports {
		t.Errorf("%+v, then %+v, %v", ports, p, err)
	}
	if c, err := again.Credentials(); err != nil || c != creds {
		t.Errorf("other credentials, %v", err)
	}
	if ports.S3 >= 32768 { // where the kernel takes ports for outgoing connections, unless told otherwise
		t.Errorf("port %d lies in the ephemeral range", ports.S3)
	}
	if strings.Contains(fmt.Sprintf("%v %+v %#v", creds, creds, creds), creds.SecretKey) {
		t.Error("printed credentials hold the secret")
	}
	if other, err := open(t, t.TempDir()).Credentials(); err != nil || other == creds {
		t.Errorf("two directories, one secret: %v", err)
	}
}

// Trainers that outlive an update know the S3 port of the version before.
func TestPortsOfTheVersionBeforeReportsStay(t *testing.T) {
	path := t.TempDir()
	dir := open(t, path)
	mustWrite(t, filepath.Join(path, "ports.json"), `{"temporal": 21001, "temporal_http": 21002, "ui": 21003, "s3": 21004}`)
	ports, err := dir.Ports()
	if err != nil {
		t.Fatal(err)
	}
	old := statedir.Ports{Temporal: 21001, TemporalHTTP: 21002, UI: 21003, S3: 21004, Report: ports.Report}
	if ports != old || ports.Report < 1024 || ports.Report >= 21001 && ports.Report <= 21004 {
		t.Errorf("%+v", ports)
	}
	if again, err := open(t, path).Ports(); err != nil || again != ports {
		t.Errorf("%+v, then %+v, %v", ports, again, err)
	}
}

func TestCheckPorts(t *testing.T) {
	dir := open(t, t.TempDir())
	ports, err := dir.Ports()
	if err != nil {
		t.Fatal(err)
	}
	if err := dir.CheckPorts(t.Context(), ports, 0); err != nil {
		t.Fatalf("free ports: %v", err)
	}
	l, err := net.Listen("tcp4", statedir.Address(ports.UI))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	err = dir.CheckPorts(t.Context(), ports, 0)
	e, ok := r1.AsError(err)
	if !ok || e.Name != "port-in-use" {
		t.Fatalf("got %v", err)
	}
	for _, want := range []string{fmt.Sprint(ports.UI), "ports.json", "web UI"} {
		if !strings.Contains(e.Detail, want) {
			t.Errorf("%q does not name %q", e.Detail, want)
		}
	}
	time.AfterFunc(50*time.Millisecond, func() { l.Close() })
	if err := dir.CheckPorts(t.Context(), ports, time.Minute); err != nil {
		t.Errorf("a port that is given back in time: %v", err)
	}
}

func TestBrokenFilesAreNamed(t *testing.T) {
	cases := map[string]struct {
		file, text, error string
		read              func(statedir.Dir) error
	}{
		"ports without JSON": {"ports.json", "{", "ports-file-invalid", func(d statedir.Dir) error { _, err := d.Ports(); return err }},
		"ports incomplete":   {"ports.json", `{"s3": 1}`, "ports-file-invalid", func(d statedir.Dir) error { _, err := d.Ports(); return err }},
		"credentials empty":  {"s3-credentials", "[default]\n", "s3-credentials-invalid", func(d statedir.Dir) error { _, err := d.Credentials(); return err }},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			dir := open(t, t.TempDir())
			mustWrite(t, filepath.Join(dir.Path(), c.file), c.text)
			err := c.read(dir)
			e, ok := r1.AsError(err)
			if !ok || e.Name != c.error || !strings.Contains(e.Remedy, c.file) {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestLockEndsWithItsHolder(t *testing.T) {
	file := filepath.Join(t.TempDir(), "lock")
	if _, held, err := statedir.Held(file); held || err != nil {
		t.Fatalf("before it exists: %v, %v", held, err)
	}
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "R1CTL_TEST_LOCK="+file)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = cmd.Process.Kill(); _ = cmd.Wait() }()
	if _, err := out.Read(make([]byte, 16)); err != nil {
		t.Fatal(err)
	}

	p, held, err := statedir.Held(file)
	if err != nil || !held || p.PID != cmd.Process.Pid || !p.Alive() {
		t.Fatalf("%+v, %v, %v", p, held, err)
	}
	if _, err := statedir.TakeLock(file); !errors.Is(err, statedir.ErrLocked) {
		t.Fatalf("taken twice: %v", err)
	}
	if err := (statedir.Process{PID: p.PID, Start: "another/1"}).Signal(syscall.SIGKILL); err != nil || !p.Alive() {
		t.Fatalf("a later owner of the pid was signalled: %v", err)
	}
	if err := p.Signal(syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	l, err := statedir.WaitLock(t.Context(), file)
	if err != nil {
		t.Fatal(err)
	}
	if p.Alive() { // not reaped yet: a zombie is gone
		t.Error("a killed process counts as alive")
	}
	if err := p.Signal(syscall.SIGKILL); err != nil {
		t.Errorf("signal to a process that is gone: %v", err)
	}
	l.Release()
	if err := statedir.WaitFree(t.Context(), file); err != nil {
		t.Error(err)
	}
}

func TestWaitLockEndsWithItsContext(t *testing.T) {
	file := filepath.Join(t.TempDir(), "lock")
	l, err := statedir.TakeLock(file)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Release()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := statedir.WaitLock(ctx, file); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func TestCheckDisk(t *testing.T) {
	dir := t.TempDir()
	if err := statedir.CheckDisk(dir, 1); err != nil {
		t.Error(err)
	}
	e, ok := r1.AsError(statedir.CheckDisk(dir, 1<<62))
	if !ok || e.Name != "disk-full" || !strings.Contains(e.Detail, dir) {
		t.Errorf("got %v", e)
	}
}

func TestLogStaysBounded(t *testing.T) {
	dir := open(t, t.TempDir())
	l, err := dir.OpenLog("noisy")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	line := append(bytes.Repeat([]byte("x"), 1<<20-1), '\n')
	for range 20 {
		if n, err := l.Write(line); err != nil || n != len(line) {
			t.Fatalf("%d, %v", n, err)
		}
	}
	if _, err := l.Write([]byte("last\n")); err != nil {
		t.Fatal(err)
	}
	entries, err := os.ReadDir(dir.LogDir())
	if err != nil {
		t.Fatal(err)
	}
	var total int64
	for _, e := range entries {
		info, err := e.Info()
		if err != nil {
			t.Fatal(err)
		}
		total += info.Size()
	}
	if total > 16<<20 || total < 8<<20 {
		t.Errorf("%d bytes in %d files", total, len(entries))
	}
	if raw, err := os.ReadFile(l.Path()); err != nil || !bytes.HasSuffix(raw, []byte("last\n")) {
		t.Errorf("the newest line is not in %s: %v", l.Path(), err)
	}
}

func open(t *testing.T, path string) statedir.Dir {
	t.Helper()
	dir, err := statedir.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

func mustMkdir(t *testing.T, path string) {
	t.Helper()
	if err := os.MkdirAll(path, 0o700); err != nil {
		t.Fatal(err)
	}
}

func mustWrite(t *testing.T, file, text string) {
	t.Helper()
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}
