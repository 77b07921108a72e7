package trainerenv

import (
	"archive/zip"
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/r1ctl/r1ctl/internal/r1"
)

// world is a lock with one package, the wheel it locks, and a trainer.
type world struct {
	cache, wheels string
	source        fstest.MapFS
}

func newWorld(t *testing.T) world {
	t.Helper()
	w := world{cache: t.TempDir(), wheels: t.TempDir()}
	digest := writeWheel(t, w.wheels)
	w.source = fstest.MapFS{
		LockFile:                      {Data: fmt.Appendf(nil, "tinypkg==1.0 \\\n    --hash=sha256:%s\n", digest)},
		"r1trainer/__init__.py":       {Data: []byte("import tinypkg\n")},
		"r1trainer/__main__.py":       {Data: []byte("raise SystemExit('the probe must not run the trainer')\n")},
		"r1trainer/sub/__init__.py":   {Data: []byte("")},
		"r1trainer/__pycache__/x.pyc": {Data: []byte("not part of the source")},
	}
	return w
}

func (w world) builder(t *testing.T) *builder {
	t.Helper()
	b, err := newBuilder(Options{Source: w.source, CacheDir: w.cache, WheelDir: w.wheels})
	if err != nil {
		t.Fatal(err)
	}
	b.Packages.imports = []string{"tinypkg"}
	b.space.free = func(string) (uint64, error) { return 1 << 40, nil }
	b.venv = func(ctx context.Context, r *runner, py Python) error {
		from, err := template()
		if err != nil {
			return err
		}
		_, err = r.run(ctx, "cp", []string{"-a", from, r.dir}, nil, nil)
		return err
	}
	return b
}

// template is an empty virtual environment, made once: making one takes longer
// than all that is tested. TestEnsureBuildsOnce makes its own.
var template = sync.OnceValues(func() (string, error) {
	dir := os.Getenv("TRAINERENV_TEST_TEMPLATE")
	if exists(dir) {
		return dir, nil
	}
	dir = filepath.Join(templates, "venv")
	if out, err := exec.Command("python3", "-m", "venv", dir).CombinedOutput(); err != nil {
		return "", fmt.Errorf("%w: %s", err, out)
	}
	return dir, nil
})

var templates string

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "trainerenv-test-")
	if err != nil {
		panic(err)
	}
	templates = dir
	code := m.Run()
	os.RemoveAll(dir)
	os.Exit(code)
}

// writeWheel writes the smallest valid wheel and returns its digest.
func writeWheel(t *testing.T, dir string) string {
	t.Helper()
	var buf bytes.Buffer
	z := zip.NewWriter(&buf)
	const info = "tinypkg-1.0.dist-info/"
	for _, f := range []struct{ name, data string }{
		{"tinypkg/__init__.py", "__version__ = '1.0'\n"},
		{info + "METADATA", "Metadata-Version: 2.1\nName: tinypkg\nVersion: 1.0\n"},
		{info + "WHEEL", "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"},
		{info + "RECORD", "tinypkg/__init__.py,,\n" + info + "METADATA,,\n" + info + "WHEEL,,\n" + info + "RECORD,,\n"},
	} {
		h, err := z.Create(f.name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := h.Write([]byte(f.data)); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "tinypkg-1.0-py3-none-any.whl"), buf.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("%x", sha256.Sum256(buf.Bytes()))
}

func TestEnsureBuildsOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	b := w.builder(t)
	b.venv = func(ctx context.Context, r *runner, py Python) error { return r.makeVenv(ctx, py) }
	var events []Event
	b.Progress = func(e Event) { events = append(events, e) }
	env, err := b.ensure(t.Context())
	if err != nil {
		t.Fatal(err)
	}

	cmd := exec.Command(env.Python, "-m", "r1trainer")
	cmd.Env = append(os.Environ(), env.Environ...)
	if out, err := cmd.CombinedOutput(); err == nil || !strings.Contains(string(out), "must not run the trainer") {
		t.Errorf("the environment does not run the trainer's source: %v\n%s", err, out)
	}
	if got := env.Versions["tinypkg"]; got != "1.0" {
		t.Errorf("versions = %v, want tinypkg 1.0", env.Versions)
	}
	if exists(filepath.Join(env.SourceDir, "r1trainer", "__pycache__", "x.pyc")) {
		t.Error("a developer's bytecode was extracted")
	}
	if exists(tempDir(filepath.Dir(filepath.Dir(env.Python)))) {
		t.Error("the download folder was left behind")
	}
	var phases []Phase
	for _, e := range events {
		if len(phases) == 0 || phases[len(phases)-1] != e.Phase {
			phases = append(phases, e.Phase)
		}
	}
	if want := []Phase{PhaseVenv, PhaseDownload, PhaseInstall, PhaseProbe, PhaseDone}; !slices.Equal(phases, want) {
		t.Errorf("phases = %v, want %v", phases, want)
	}

	again := w.builder(t)
	again.Progress = func(e Event) { t.Errorf("a second setup did something: %v", e) }
	same, err := again.ensure(t.Context())
	if err != nil || same.Python != env.Python {
		t.Errorf("second setup: %v, %v", same, err)
	}

	w.source["r1trainer/new.py"] = &fstest.MapFile{}
	newer, err := w.builder(t).ensure(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if newer.SourceDir == env.SourceDir || !exists(filepath.Join(newer.SourceDir, "r1trainer", "new.py")) {
		t.Error("a changed trainer was not extracted beside the old one")
	}
	if newer.Python != env.Python {
		t.Error("a changed trainer rebuilt the packages, though the lock is the same")
	}

	// An interpreter that is gone or replaced makes the environment worthless.
	if err := os.Remove(env.Python); err != nil {
		t.Fatal(err)
	}
	if _, ok := w.builder(t).find(""); ok {
		t.Error("an environment without its interpreter counts as complete")
	}
}

// TestHelperKilled is the process that TestKilledHalfWay kills.
func TestHelperKilled(t *testing.T) {
	dir := os.Getenv("TRAINERENV_TEST_WORLD")
	if dir == "" {
		t.Skip("runs as a child of TestKilledHalfWay")
	}
	lock, err := os.ReadFile(filepath.Join(dir, LockFile))
	if err != nil {
		t.Fatal(err)
	}
	w := world{cache: filepath.Join(dir, "cache"), wheels: os.Getenv("TRAINERENV_TEST_WHEELS"), source: fstest.MapFS{LockFile: {Data: lock}}}
	b := w.builder(t)
	b.Progress = func(e Event) {
		if e.Phase == PhaseInstall {
			fmt.Println("installing")
			select {} // killed here
		}
	}
	_, err = b.ensure(context.Background())
	t.Fatal("finished:", err)
}

func TestKilledHalfWay(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	dir := t.TempDir()
	w.cache = filepath.Join(dir, "cache")
	if err := os.WriteFile(filepath.Join(dir, LockFile), w.source[LockFile].Data, 0o644); err != nil {
		t.Fatal(err)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	from, err := template()
	if err != nil {
		t.Fatal(err)
	}
	child := exec.Command(self, "-test.run=^TestHelperKilled$", "-test.v")
	child.Env = append(os.Environ(), "TRAINERENV_TEST_WORLD="+dir, "TRAINERENV_TEST_WHEELS="+w.wheels, "TRAINERENV_TEST_TEMPLATE="+from)
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	var seen []byte
	for buf := make([]byte, 256); !bytes.Contains(seen, []byte("installing")); {
		n, err := out.Read(buf)
		seen = append(seen, buf[:n]...)
		if err != nil {
			t.Fatalf("the child ended by itself: %s", seen)
		}
	}
	if err := child.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = child.Wait()

	b := w.builder(t)
	if _, ok := b.find(""); ok {
		t.Fatal("half an environment counts as complete")
	}
	halves, err := filepath.Glob(filepath.Join(b.root, "py*", "bin"))
	if err != nil || len(halves) != 1 {
		t.Fatalf("the kill left %v (%v), want one half-built environment", halves, err)
	}
	stray := filepath.Join(filepath.Dir(halves[0]), "stray")
	if err := os.WriteFile(stray, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := b.ensure(t.Context()); err != nil {
		t.Fatal(err)
	}
	if exists(stray) {
		t.Error("the next setup built on top of the half-built environment")
	}
}

func TestTwoSetupsAtOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var mu sync.Mutex
	built := 0
	var wg sync.WaitGroup
	for range 2 {
		b := w.builder(t)
		b.Progress = func(e Event) {
			mu.Lock()
			defer mu.Unlock()
			if e.Phase == PhaseVenv {
				built++
			}
		}
		wg.Go(func() {
			if _, err := b.ensure(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if built != 1 {
		t.Errorf("built %d times, want once", built)
	}
}

func TestFailuresLeaveNothing(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		spoil func(w world, b *builder)
		want  string
	}{
		"hash differs": {func(w world, b *builder) {
			b.lock = fmt.Appendf(nil, "tinypkg==1.0 --hash=sha256:%064d\n", 0)
		}, "package-hash-mismatch"},
		"package missing": {func(w world, b *builder) {
			b.lock = fmt.Appendf(nil, "nopkg==1.0 --hash=sha256:%064d\n", 0)
		}, "package-missing"},
		"no wheels":     {func(w world, b *builder) { b.WheelDir = t.TempDir() }, "wheel-dir-empty"},
		"no disk space": {func(w world, b *builder) { b.space.free = func(string) (uint64, error) { return 1 << 30, nil } }, "disk-full"},
		"does not import": {func(w world, b *builder) {
			w.source["r1trainer/bad.py"] = &fstest.MapFile{Data: []byte("import nosuchthing")}
		}, "trainer-broken"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			b := w.builder(t)
			c.spoil(w, b)
			_, err := b.ensure(t.Context())
			e, ok := r1.AsError(err)
			if !ok || e.Name != c.want {
				t.Fatalf("error = %v (%#v), want %s", err, e, c.want)
			}
			if e.Remedy == "" {
				t.Error("no remedy")
			}
			if left, _ := filepath.Glob(filepath.Join(b.root, "py*", "*")); len(left) > 0 {
				t.Errorf("left behind: %v", left)
			}
		})
	}
}

func TestCancelled(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	b := w.builder(t)
	ctx, cancel := context.WithCancel(t.Context())
	b.Progress = func(e Event) {
		if e.Phase == PhaseVenv {
			cancel()
		}
	}
	if _, err := b.ensure(ctx); !errors.Is(err, context.Canceled) {
		t.Fatalf("error = %v, want context.Canceled", err)
	}
	if left, _ := filepath.Glob(filepath.Join(b.root, "py*", "*")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

func TestNetworkIsTriedAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	b := w.builder(t)
	b.backoff = func(int) time.Duration { return 0 }
	dir := t.TempDir()
	// Scripted: an interpreter whose pip always loses its connection.
	fakePython(t, filepath.Join(dir, "bin", "python"), "echo 'ReadTimeout: nobody there'; echo x >>"+filepath.Join(dir, "calls")+"; exit 1")
	err := b.install(t.Context(), &runner{dir: dir, log: filepath.Join(dir, "log")}, true)
	if e, ok := r1.AsError(err); !ok || e.Name != "package-network" {
		t.Fatalf("error = %v, want package-network", err)
	}
	calls, err := os.ReadFile(filepath.Join(dir, "calls"))
	if err != nil || bytes.Count(calls, []byte("x")) != installTries {
		t.Errorf("pip was started %d times, want %d", bytes.Count(calls, []byte("x")), installTries)
	}
}

func TestSpace(t *testing.T) {
	for name, c := range map[string]struct {
		free   uint64
		wheels bool
		cached bool
		ok     bool
	}{
		"plenty":                      {30, false, true, true},
		"no room for pip's cache":     {20, false, false, true},
		"no room for the downloads":   {19, false, false, false},
		"wheels need no downloads":    {10, true, true, true},
		"no room for the environment": {9, true, false, false},
	} {
		t.Run(name, func(t *testing.T) {
			s := spaceCheck{free: func(string) (uint64, error) { return c.free, nil }, install: 10, download: 10}
			cached, err := s.check("/x", c.wheels)
			if cached != c.cached || (err == nil) != c.ok {
				t.Errorf("check = %v, %v; want %v, ok %v", cached, err, c.cached, c.ok)
			}
		})
	}
}

func TestSourceDigestCountsNamesAndBytes(t *testing.T) {
	digest := func(files fstest.MapFS) string {
		t.Helper()
		d, err := sourceDigest(fs.FS(files))
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	base := digest(fstest.MapFS{"a.py": {Data: []byte("1")}})
	if digest(fstest.MapFS{"b.py": {Data: []byte("1")}}) == base || digest(fstest.MapFS{"a.py": {Data: []byte("2")}}) == base {
		t.Error("another source has the same digest")
	}
	if digest(fstest.MapFS{"a.py": {Data: []byte("1")}, "__pycache__/a.pyc": {Data: []byte("x")}}) != base {
		t.Error("bytecode changes the digest")
	}
}
