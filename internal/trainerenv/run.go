package trainerenv

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/r1ctl/r1ctl/internal/r1"
)

// runner runs programs of one environment, one after the other.
type runner struct {
	dir  string   // the environment
	log  string   // all output goes there
	held *os.File // the setup lock, which every child inherits
}

func (r *runner) python() string { return filepath.Join(r.dir, "bin", "python") }

func (r *runner) makeVenv(ctx context.Context, py Python) error {
	if err := os.Remove(r.log); err != nil && !os.IsNotExist(err) {
		return fmt.Errorf("clear the setup log: %w", err)
	}
	tail, err := r.run(ctx, py.Executable, []string{"-I", "-m", "venv", r.dir}, nil, nil)
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return ctx.Err()
	case strings.Contains(strings.Join(tail, "\n"), "ensurepip"):
		return &r1.Error{Name: "venv-missing", Detail: "Python cannot make virtual environments: " + py.Executable + " has no working ensurepip",
			Remedy: AptInstall("python3", "python3-venv"), Err: err}
	}
	return &r1.Error{Name: "trainer-setup-failed", Detail: "the virtual environment could not be made: " + rootCause(tail),
		Remedy: "see " + r.log + ", then r1ctl setup", Err: err}
}

// tailLines is how much output is kept to find a cause in.
const tailLines = 200

// lineWatcher hears a program's lines, and may report between them.
type lineWatcher interface {
	line(s string)
	tick()
}

// run runs a program in a process group of its own to its end, and returns the
// last lines of what it printed. If ctx ends, the group is asked to end, and
// killed when it does not.
func (r *runner) run(ctx context.Context, program string, args, environ []string, w lineWatcher) ([]string, error) {
	log, err := os.OpenFile(r.log, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o644)
	if err != nil {
		return nil, fmt.Errorf("open the setup log: %w", err)
	}
	defer log.Close()

	// The kernel kills the child when the thread that started it ends, not the process: keep the thread.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Env = append(cleanEnviron(os.Environ()), environ...)
	cmd.SysProcAttr = childAttr()
	cmd.Cancel = func() error { return signalGroup(cmd.Process.Pid, syscall.SIGTERM) }
	cmd.WaitDelay = 5 * time.Second
	if r.held != nil {
		cmd.ExtraFiles = []*os.File{r.held}
	}
	pr, pw, err := os.Pipe()
	if err != nil {
		return nil, fmt.Errorf("make a pipe: %w", err)
	}
	cmd.Stdout, cmd.Stderr = pw, pw
	err = cmd.Start()
	pw.Close()
	if err != nil {
		pr.Close()
		return nil, fmt.Errorf("start %s: %w", program, err)
	}
	tailc := make(chan []string, 1)
	go func() { tailc <- follow(pr, log, w) }()
	err = cmd.Wait()
	_ = signalGroup(cmd.Process.Pid, syscall.SIGKILL) // nothing of it may go on writing
	tail := <-tailc
	pr.Close()
	if err != nil {
		return tail, fmt.Errorf("run %s: %w", filepath.Base(program), err)
	}
	return tail, nil
}

// follow reads lines until the end, with a tick a second while nothing comes.
func follow(from io.Reader, log io.Writer, w lineWatcher) []string {
	lines := make(chan string)
	go func() {
		defer close(lines)
		sc := bufio.NewScanner(from)
		sc.Buffer(make([]byte, 64<<10), 4<<20)
		for sc.Scan() {
			lines <- sc.Text()
		}
		_, _ = io.Copy(log, from) // a line beyond all measure: let the program go on
	}()
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	var tail []string
	for {
		select {
		case s, ok := <-lines:
			if !ok {
				return tail
			}
			_, _ = fmt.Fprintln(log, s)
			tail = append(tail, s)
			if len(tail) > 2*tailLines {
				tail = slices.Clone(tail[tailLines:])
			}
			if w != nil {
				w.line(s)
			}
		case <-tick.C:
			if w != nil {
				w.tick()
			}
		}
	}
}

// cleanEnviron drops what would lead an interpreter out of its environment.
// Pip's own settings stay.
func cleanEnviron(env []string) []string {
	return slices.DeleteFunc(slices.Clone(env), func(kv string) bool {
		k, _, _ := strings.Cut(kv, "=")
		switch k {
		case "PYTHONPATH", "PYTHONHOME", "PYTHONDONTWRITEBYTECODE", "VIRTUAL_ENV", "__PYVENV_LAUNCHER__", "PIP_TARGET", "PIP_PREFIX", "PIP_USER":
			return true
		}
		return false
	})
}

// watcher reports pip's lines, and between them how far the download or the
// unpacking at hand has come, which pip only tells terminals.
type watcher struct {
	parser     *parser
	temp, site string
	emit       func(Event)
	last       Event
}

func (w *watcher) line(s string) {
	if ev, ok := w.parser.line(s); ok {
		w.send(ev)
	}
}

func (w *watcher) tick() {
	switch {
	case len(w.parser.install) > 0:
		done, _ := filepath.Glob(filepath.Join(w.site, "python*", "site-packages", "*.dist-info"))
		// pip itself came with the environment.
		w.send(w.parser.installed(max(0, len(done)-w.bundled(done))))
	case w.parser.file != "":
		ev := w.parser.current
		if found, _ := filepath.Glob(filepath.Join(w.temp, "*", w.parser.file)); len(found) > 0 {
			if st, err := os.Stat(found[0]); err == nil {
				ev.Bytes = min(uint64(st.Size()), ev.Size) // pip rounds the size it tells
				w.send(ev)
			}
		}
	}
}

// bundled counts the distributions that the installation does not bring.
func (w *watcher) bundled(done []string) int {
	n := 0
	for _, path := range done {
		name := wheelName(path)
		if !slices.ContainsFunc(w.parser.install, func(s string) bool { return sameName(s, name) }) {
			n++
		}
	}
	return n
}

func (w *watcher) send(ev Event) {
	if ev != w.last {
		w.last = ev
		w.emit(ev)
	}
}
