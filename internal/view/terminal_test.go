package view

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/creack/pty"
)

// TestMain is also the program that draws on the terminals of these tests.
func TestMain(m *testing.M) {
	how := os.Getenv("R1CTL_TEST_DRAW")
	if how == "" {
		os.Exit(m.Run())
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	v := New(os.Stdout, Options{Getenv: os.Getenv})
	defer v.Close()
	for {
		v.Show(many(), "")
		if how == "panic" {
			panic("a bug")
		}
		select {
		case <-time.After(50 * time.Millisecond):
		case <-ctx.Done():
			v.Freeze()
			fmt.Println("detached")
			return
		}
	}
}

// terminal is a screen with a program on it.
type terminal struct {
	t   *testing.T
	cmd *exec.Cmd
	tty *os.File

	mu   sync.Mutex
	text strings.Builder
	done chan struct{}
}

func open(t *testing.T, how string, cols, rows uint16, env ...string) *terminal {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	term := &terminal{t: t, cmd: exec.Command(self), done: make(chan struct{})}
	term.cmd.Env = append(append(os.Environ(), "R1CTL_TEST_DRAW="+how, "TERM=xterm-256color", "NO_COLOR="), env...)
	if term.tty, err = pty.StartWithSize(term.cmd, &pty.Winsize{Cols: cols, Rows: rows}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = term.cmd.Process.Kill(); _ = term.tty.Close() })
	go func() {
		defer close(term.done)
		buf := make([]byte, 4096)
		for {
			n, err := term.tty.Read(buf)
			term.mu.Lock()
			term.text.Write(buf[:n])
			term.mu.Unlock()
			if err != nil {
				return
			}
		}
	}()
	return term
}

func (s *terminal) written() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.String()
}

// await waits until what the program wrote satisfies ok.
func (s *terminal) await(what string, ok func(string) bool) {
	s.t.Helper()
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		if ok(s.written()) {
			return
		}
	}
	s.t.Fatalf("%s: not within 30 s; written: %q", what, s.written())
}

func (s *terminal) end() string {
	s.t.Helper()
	select {
	case <-s.done:
	case <-time.After(30 * time.Second):
		s.t.Fatal("the program does not end")
	}
	_ = s.cmd.Wait()
	return s.written()
}

var (
	row   = regexp.MustCompile(`\x1b\[\d+;1H\x1b\[2K`)
	below = regexp.MustCompile(`\x1b\[\d+;1H\x1b\[J$`)
)

// frames gives the lines of each frame that was drawn whole.
func frames(text string) [][]string {
	var out [][]string
	for part := range strings.SplitSeq(text, begin) {
		if drawn, _, whole := strings.Cut(part, finish); whole {
			out = append(out, row.Split(below.ReplaceAllString(drawn, ""), -1)[1:])
		}
	}
	return out
}

func TestTheWindowIsKept(t *testing.T) {
	s := open(t, "frames", 90, 20)
	s.await("a frame of 20 lines", func(text string) bool { f := frames(text); return len(f) > 0 && len(f[len(f)-1]) == 20 })
	if err := pty.Setsize(s.tty, &pty.Winsize{Cols: 50, Rows: 9}); err != nil {
		t.Fatal(err)
	}
	s.await("a frame of 9 lines", func(text string) bool { f := frames(text); return len(f[len(f)-1]) == 9 })
	all := frames(s.written())
	for _, line := range all[len(all)-1] {
		if width(line) > 50 {
			t.Errorf("%d columns in a window of 50: %q", width(line), line)
		}
	}
	if text := s.written(); !strings.HasPrefix(text, enter) || !strings.Contains(text, "\x1b[1m") {
		t.Errorf("not the alternate screen, or no colour: %.200q", text)
	}
	if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	_, after, found := strings.Cut(s.end(), leave)
	if !found || !strings.Contains(after, "run full-r1-1123-k7q2") || !strings.HasSuffix(strings.TrimSpace(after), "detached") {
		t.Errorf("after SIGTERM the terminal got %q; want it restored, with the last frame and the hint", after)
	}
}

func TestControlCDetaches(t *testing.T) {
	s := open(t, "frames", 80, 24)
	s.await("a frame", func(text string) bool { return len(frames(text)) > 0 })
	if _, err := io.WriteString(s.tty, "\x03"); err != nil {
		t.Fatal(err)
	}
	if text := s.end(); strings.Count(text, leave) != 1 || !strings.Contains(text, "detached") {
		t.Errorf("after Ctrl-C: %q", text[max(0, len(text)-300):])
	}
}

func TestAPanicLeavesTheTerminalAsItWas(t *testing.T) {
	s := open(t, "panic", 80, 24)
	if text := s.end(); strings.Count(text, leave) != 1 || strings.Index(text, leave) > strings.Index(text, "panic: a bug") {
		t.Errorf("the terminal was not restored before the panic was printed: %q", text)
	}
}

func TestNoColourAndDumbTerminals(t *testing.T) {
	plain := open(t, "frames", 80, 24, "NO_COLOR=1")
	plain.await("a frame", func(text string) bool { return len(frames(text)) > 0 })
	if strings.Contains(plain.written(), "\x1b[1m") {
		t.Error("colour in spite of NO_COLOR")
	}
	dumb := open(t, "frames", 80, 24, "TERM=dumb")
	dumb.await("a line", func(text string) bool { return strings.Contains(text, "completed") })
	if strings.Contains(dumb.written(), "\x1b") {
		t.Errorf("escape sequences on a dumb terminal: %.200q", dumb.written())
	}
}
