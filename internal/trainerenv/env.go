package trainerenv

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/r1ctl/r1ctl/internal/r1"
)

// Options says what to build and where.
type Options struct {
	// Source holds requirements.lock and the package r1trainer. Required.
	Source fs.FS
	// Packages are those of the environment; Training() when zero.
	Packages Packages
	// CacheDir is where everything goes; DefaultCacheDir when empty.
	CacheDir string
	// WheelDir is a folder of wheels to install from, without any network;
	// empty leaves it to pip's own configuration.
	WheelDir string
	// Python is the interpreter to build with; empty looks for one on the PATH.
	Python string
	// Progress hears what happens, one call at a time; may be nil.
	Progress func(Event)
}

// Env is a finished environment.
type Env struct {
	Python    string // the environment's interpreter
	SourceDir string // the folder that holds the package r1trainer
	// Environ is what a trainer process needs besides its launcher's own
	// environment, as KEY=value.
	Environ []string
	// Versions names what was found when the environment was built: python,
	// torch, transformers, device.
	Versions map[string]string
	Lock     string // sha256 of the locked requirements
	Source   string // digest of the trainer's source
}

// DefaultCacheDir is r1ctl's folder in the user's cache.
func DefaultCacheDir() (string, error) {
	dir, err := os.UserCacheDir()
	if err != nil {
		return "", &r1.Error{Name: "cache-dir-unknown", Detail: "the user's cache folder is not known",
			Remedy: "set HOME or XDG_CACHE_HOME", Err: err}
	}
	return filepath.Join(dir, "r1ctl"), nil
}

// Ensure returns the environment, and builds it first when it is not there. It
// may be called by several processes at once, and killed at any moment: the
// next call starts clean.
func Ensure(ctx context.Context, o Options) (Env, error) {
	b, err := newBuilder(o)
	if err != nil {
		return Env{}, err
	}
	return b.ensure(ctx)
}

// Find returns the environment if it is complete, and does nothing otherwise.
func Find(o Options) (Env, bool, error) {
	b, err := newBuilder(o)
	if err != nil {
		return Env{}, false, err
	}
	env, ok := b.find("")
	return env, ok, nil
}

// builder is one call of Ensure.
type builder struct {
	Options
	lock      []byte
	root      string // <cache>/trainer/<lock digest>
	sourceDir string
	space     spaceCheck
	venv      func(context.Context, *runner, Python) error
	backoff   func(try int) time.Duration
}

func newBuilder(o Options) (*builder, error) {
	if o.Progress == nil {
		o.Progress = func(Event) {}
	}
	if o.CacheDir == "" {
		dir, err := DefaultCacheDir()
		if err != nil {
			return nil, err
		}
		o.CacheDir = dir
	}
	cache, err := filepath.Abs(o.CacheDir)
	if err != nil {
		return nil, fmt.Errorf("resolve cache folder: %w", err)
	}
	o.CacheDir = cache
	if o.Packages.Lock == "" {
		o.Packages = Training()
	}
	lock, err := fs.ReadFile(o.Source, o.Packages.Lock)
	if err != nil {
		return nil, fmt.Errorf("read the trainer's lock: %w", err)
	}
	digest, err := sourceDigest(o.Source)
	if err != nil {
		return nil, err
	}
	return &builder{
		Options:   o,
		lock:      lock,
		root:      filepath.Join(cache, "trainer", shortDigest(lock)),
		sourceDir: filepath.Join(cache, "source", digest),
		venv:      func(ctx context.Context, r *runner, py Python) error { return r.makeVenv(ctx, py) },
		space:     spaceCheck{free: freeBytes, install: o.Packages.install, download: o.Packages.download},
		backoff:   func(try int) time.Duration { return time.Duration(try*try) * 5 * time.Second },
	}, nil
}

func (b *builder) ensure(ctx context.Context) (Env, error) {
	want := ""
	if b.Python != "" { // asked for by name: only an environment of that version will do
		py, err := findPython(ctx, b.Python)
		if err != nil {
			return Env{}, err
		}
		want = py.Minor()
	}
	if env, ok := b.find(want); ok && exists(b.sourceDir) {
		return env, nil
	}

	if err := os.MkdirAll(b.root, 0o755); err != nil {
		return Env{}, fmt.Errorf("make the trainer's cache folder: %w", err)
	}
	lock, err := lockFile(ctx, filepath.Join(b.CacheDir, "trainer", "setup.lock"), func() {
		b.Progress(Event{Phase: PhaseWait})
	})
	if err != nil {
		return Env{}, err
	}
	defer lock.Close() // the kernel drops the lock with the last holder of the file

	if err := extract(b.Source, b.sourceDir); err != nil {
		return Env{}, err
	}
	if env, ok := b.find(want); ok { // somebody else built it while we waited
		return env, nil
	}
	py, err := findPython(ctx, b.Python)
	if err != nil {
		return Env{}, err
	}
	if err := b.build(ctx, py, lock); err != nil {
		return Env{}, err
	}
	env, ok := b.find(py.Minor())
	if !ok {
		return Env{}, fmt.Errorf("the environment in %s is gone right after it was built", b.root)
	}
	b.Progress(Event{Phase: PhaseDone, Text: summary(env.Versions)})
	return env, nil
}

// build makes the environment for py in its final place, because virtual
// environments cannot be moved, and writes the marker last.
func (b *builder) build(ctx context.Context, py Python, lock *os.File) (err error) {
	dir := b.dir(py.Minor())
	if err := removeEnv(dir); err != nil {
		return fmt.Errorf("clear the unfinished environment: %w", err)
	}
	cached, err := b.space.check(b.root, b.WheelDir != "")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil { // gigabytes of a failed installation help nobody; pip's cache keeps the downloads
			err = errors.Join(err, removeEnv(dir))
		}
	}()

	r := &runner{dir: dir, log: dir + ".log", held: lock}
	b.Progress(Event{Phase: PhaseVenv, Text: py.Executable + " (" + py.Version + ")"})
	if err := b.venv(ctx, r, py); err != nil {
		return err
	}
	if err := b.install(ctx, r, cached); err != nil {
		return err
	}
	b.Progress(Event{Phase: PhaseProbe})
	versions, err := r.probe(ctx, b.Packages, b.environ())
	if err != nil {
		return err
	}
	interpreter, err := filepath.EvalSymlinks(filepath.Join(dir, "bin", "python"))
	if err != nil {
		return fmt.Errorf("resolve the environment's interpreter: %w", err)
	}
	return writeMarker(dir, marker{
		Version: markerVersion, Lock: fullDigest(b.lock), Interpreter: interpreter,
		Created: time.Now().UTC(), Versions: versions,
	})
}

// find looks for a complete environment whose interpreter is still there; of a
// minor version such as "3.11", or the newest when that is empty.
func (b *builder) find(minor string) (Env, bool) {
	candidates := []string{minor}
	if minor == "" {
		candidates = minorsDown()
	}
	for _, m := range candidates {
		dir := b.dir(m)
		mark, ok := readMarker(dir)
		if !ok || mark.Lock != fullDigest(b.lock) {
			continue
		}
		python := filepath.Join(dir, "bin", "python")
		// A system upgrade replaces the interpreter under the environment's feet.
		if real, err := filepath.EvalSymlinks(python); err != nil || real != mark.Interpreter {
			continue
		}
		return Env{Python: python, SourceDir: b.sourceDir, Environ: b.environ(), Versions: mark.Versions,
			Lock: mark.Lock, Source: filepath.Base(b.sourceDir)}, true
	}
	return Env{}, false
}

func (b *builder) dir(minor string) string { return filepath.Join(b.root, "py"+minor) }

// environ keeps the trainer to itself: its own source first, no user site, no
// working directory on the path, no network look-ups of its libraries, output
// at once. Bytecode is written where it is missing: the packages are installed
// without it, and the probe compiles what the trainer really imports.
func (b *builder) environ() []string {
	return []string{
		"PYTHONPATH=" + b.sourceDir,
		"PYTHONNOUSERSITE=1",
		"PYTHONSAFEPATH=1",
		"PYTHONUNBUFFERED=1",
		"PYTHONDONTWRITEBYTECODE=",
		"HF_HUB_OFFLINE=1",
		"HF_HUB_DISABLE_TELEMETRY=1",
		"HF_DATASETS_OFFLINE=1",
		"TRANSFORMERS_OFFLINE=1",
		"TOKENIZERS_PARALLELISM=false",
	}
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

func fullDigest(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

// shortDigest keeps paths readable; the marker has all of it.
func shortDigest(b []byte) string { return fullDigest(b)[:16] }
