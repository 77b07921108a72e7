package local

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/r1ctl/r1ctl/internal/launch/launchtest"
	"github.com/r1ctl/r1ctl/internal/launch/record"
	"github.com/r1ctl/r1ctl/internal/r1"
)

// Somebody removed the attempt's folder while it ran: nothing knows of the
// process any more but the process itself. Whoever asks next ends it, so that
// what is started then is not the second of its key.
func TestFolderRemovedWhileItRuns(t *testing.T) {
	for name, ask := range map[string]func(ctx context.Context, l *Launcher, h r1.Handle, a r1.Launch) error{
		"status": func(ctx context.Context, l *Launcher, h r1.Handle, _ r1.Launch) error {
			if _, err := l.Status(ctx, h); !errors.Is(err, r1.ErrNotFound) {
				return errors.New("status of an attempt that nothing is left of: " + err.Error())
			}
			return nil
		},
		"submit": func(ctx context.Context, l *Launcher, _ r1.Handle, a r1.Launch) error {
			_, err := l.Submit(ctx, a)
			return err
		},
		"stop": func(ctx context.Context, l *Launcher, h r1.Handle, _ r1.Launch) error {
			return l.Stop(ctx, h, time.Hour)
		},
	} {
		t.Run(name, func(t *testing.T) {
			ctx := context.Background()
			l := open(t, t.TempDir())
			spec := script(t, launchtest.Script{Deaf: true})
			a := r1.Launch{Key: attempt(1), SpecKey: spec}
			h, err := l.Submit(ctx, a)
			must(t, err)
			first := process(t, l.cfg.Root, h.Key)
			dir, err := record.Dir(l.cfg.Root, h.Key)
			must(t, err)
			must(t, os.RemoveAll(dir))
			must(t, ask(ctx, l, h, a))
			if first.lives() {
				t.Errorf("%s left the first process alive", name)
			}
			must(t, l.Stop(ctx, h, 0))
			ended(t, l, h)
		})
	}
}

// lives says whether the process that the record names runs.
func (p processRecord) lives() bool {
	raw, err := os.ReadFile(filepath.Join("/proc", p.id()[len("pid "):], "cmdline"))
	return err == nil && len(bytes.TrimSpace(raw)) > 0
}

// A process that ended before it could record itself: one that refused would
// refuse again, and one that was killed would not.
func TestStillborn(t *testing.T) {
	for name, c := range map[string]struct {
		command []string
		outcome r1.Outcome
		code    int
	}{
		"refuses":             {[]string{"sh", "-c", "exit 2"}, r1.Rejected, 2},
		"is killed":           {[]string{"sh", "-c", "kill -9 $$"}, r1.Failed, 128 + int(syscall.SIGKILL)},
		"cannot write a file": {[]string{"sh", "-c", "exit 70"}, r1.Failed, exitCannotBegin},
	} {
		t.Run(name, func(t *testing.T) {
			l, err := New(Config{Root: t.TempDir(), Command: append(c.command, "sh")})
			must(t, err)
			h, err := l.Submit(context.Background(), r1.Launch{Key: attempt(1)})
			must(t, err)
			if st := ended(t, l, h); st.Outcome != c.outcome || st.ExitCode != c.code {
				t.Errorf("status %+v, want %s with %d", st, c.outcome, c.code)
			}
		})
	}
}

// The program ended well, and something it started went to a session of its own:
// the attempt has not ended before that is gone.
func TestEscapedChildDiesAtTheEnd(t *testing.T) {
	root := t.TempDir()
	l := open(t, root)
	dir, err := record.Dir(l.cfg.Root, attempt(1))
	must(t, err)
	h, err := l.Submit(context.Background(), r1.Launch{Key: attempt(1), SpecKey: script(t, launchtest.Script{Hold: true})})
	must(t, err)
	escaped := exec.Command("sleep", "60")
	escaped.Env = []string{"R1CTL_ATTEMPT_DIR=" + dir}
	escaped.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	must(t, escaped.Start())
	gone := make(chan error, 1)
	go func() { gone <- escaped.Wait() }()
	must(t, process(t, root, h.Key).signal(syscall.SIGTERM))
	ended(t, l, h)
	select {
	case <-gone:
	case <-time.After(30 * time.Second):
		_ = escaped.Process.Kill()
		t.Error("it lives on")
	}
}
