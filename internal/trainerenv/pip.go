package trainerenv

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/r1ctl/r1ctl/internal/r1"
)

// installTries is how often pip is started when the network lets it down. What
// it has already downloaded comes out of its cache.
const installTries = 3

// install puts the locked packages into the environment.
func (b *builder) install(ctx context.Context, r *runner, cached bool) error {
	lock := filepath.Join(r.dir, b.Packages.Lock)
	if err := os.WriteFile(lock, b.lock, 0o644); err != nil {
		return fmt.Errorf("write the lock: %w", err)
	}
	args := []string{
		"-m", "pip", "install", "--require-hashes", "--requirement", lock,
		"--no-deps",           // the lock is complete, less what trainer/overrides.txt leaves out
		"--only-binary=:all:", // a source package would run code of its own, and want a compiler
		"--no-compile",        // most of twelve thousand modules is never imported
		"--no-input", "--no-color", "--progress-bar=off", "--no-warn-script-location", "--disable-pip-version-check",
	}
	if b.WheelDir != "" {
		dir, err := filepath.Abs(b.WheelDir)
		if err != nil {
			return fmt.Errorf("resolve the wheel folder: %w", err)
		}
		if wheels, _ := filepath.Glob(filepath.Join(dir, "*.whl")); len(wheels) == 0 {
			return &r1.Error{Name: "wheel-dir-empty", Detail: "no wheels in " + dir,
				Remedy: "fill it on a machine with a network: python3 -m pip download -r " + b.Packages.Lock + " -d DIR"}
		}
		args = append(args, "--no-index", "--find-links", dir)
	}
	if !cached {
		args = append(args, "--no-cache-dir")
		b.Progress(Event{Phase: PhaseOutput, Text: "little disk space: the downloads are not kept for the next time"})
	}
	for try := 1; ; try++ {
		err := b.pip(ctx, r, args)
		if e, ok := r1.AsError(err); !ok || e.Name != "package-network" || try == installTries {
			return err
		}
		b.Progress(Event{Phase: PhaseRetry, Text: fmt.Sprintf("the network let pip down; trying again (%d of %d)", try+1, installTries)})
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(b.backoff(try)):
		}
	}
}

// pip runs pip once and says what went wrong in our words.
func (b *builder) pip(ctx context.Context, r *runner, args []string) error {
	tmp := tempDir(r.dir)
	if err := os.MkdirAll(tmp, 0o755); err != nil {
		return fmt.Errorf("make the download folder: %w", err)
	}
	defer os.RemoveAll(tmp)
	p := newParser(b.lock)
	w := &watcher{parser: p, temp: tmp, site: filepath.Join(r.dir, "lib"), emit: b.Progress}
	tail, err := r.run(ctx, r.python(), args, []string{"TMPDIR=" + tmp}, w)
	if err == nil {
		return nil
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return b.explain(tail, r, err)
}

var (
	hashWrong   = regexp.MustCompile(`DO NOT MATCH THE HASHES`)
	diskIsFull  = regexp.MustCompile(`No space left on device|Errno 28|Disk quota exceeded`)
	networkDown = regexp.MustCompile(`Retrying \(|ConnectionError|ConnectTimeout|ReadTimeout|IncompleteRead|ProtocolError|ProxyError|SSLError|` +
		`Connection (?:reset|refused|aborted|broken)|Max retries exceeded|name resolution|Name or service not known|HTTP error|5\d\d Server Error`)
	errorLine = regexp.MustCompile(`^ERROR`)
	notEmpty  = regexp.MustCompile(`\S`)
	noMatch   = regexp.MustCompile(`No matching distribution found for (\S+)`)
)

func (b *builder) explain(output []string, r *runner, cause error) error {
	text := strings.Join(output, "\n")
	again := "r1ctl setup"
	log := "; pip's whole output is in " + r.log
	switch {
	case diskIsFull.MatchString(text):
		have, _ := b.space.free(b.root)
		return diskFull(b.root, b.space.install+b.space.download, have, cause)
	case hashWrong.MatchString(text):
		return &r1.Error{Name: "package-hash-mismatch",
			Detail: "a downloaded package is not the one that was locked (its sha256 differs)",
			Remedy: "python3 -m pip cache purge && " + again + "; if it stays, do not trust where pip gets its packages from" + log, Err: cause}
	case networkDown.MatchString(text):
		return &r1.Error{Name: "package-network",
			Detail: "pip could not fetch the trainer's packages: " + lastMatch(output, networkDown),
			Remedy: "check the network and pip's configuration (python3 -m pip config list), then " + again +
				"; without a network: r1ctl setup --wheel-dir DIR" + log, Err: cause}
	case noMatch.MatchString(text):
		return &r1.Error{Name: "package-missing",
			Detail: "pip found no " + noMatch.FindStringSubmatch(text)[1] + " for this Python and machine",
			Remedy: "check where pip looks (python3 -m pip config list) and which wheels --wheel-dir holds, or name another interpreter (trainer.python in the settings)" + log, Err: cause}
	}
	return &r1.Error{Name: "trainer-setup-failed",
		Detail: "pip could not install the trainer's packages: " + rootCause(output),
		Remedy: "see " + r.log + ", then " + again, Err: cause}
}

func lastMatch(lines []string, re *regexp.Regexp) string {
	for i := len(lines) - 1; i >= 0; i-- {
		if re.MatchString(lines[i]) {
			return strings.TrimSpace(lines[i])
		}
	}
	return ""
}

// rootCause is pip's last line that starts with ERROR, or its last one.
func rootCause(lines []string) string {
	if s := lastMatch(lines, errorLine); s != "" {
		return strings.TrimSpace(strings.TrimPrefix(s, "ERROR:"))
	}
	if s := lastMatch(lines, notEmpty); s != "" {
		return s
	}
	return "it said nothing"
}
