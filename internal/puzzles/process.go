package puzzles

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"time"
)

// generator is a process that makes puzzles. It dies with this process.
type generator struct {
	cmd    *exec.Cmd
	rows   *os.File
	said   tail
	kill   context.CancelFunc
	ended  chan error
	result error
}

// start starts the process; the end of ctx kills it and all of its group.
func start(ctx context.Context, o Options, args []string) (*generator, error) {
	rows, w, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer w.Close()
	ctx, kill := context.WithCancel(ctx)
	g := &generator{rows: rows, kill: kill, ended: make(chan error, 1)}
	g.cmd = exec.CommandContext(ctx, o.Python, append([]string{"-m", "r1trainer.puzzles"}, args...)...)
	g.cmd.Dir = "/"
	g.cmd.Env = append(slices.Clip(o.Environ), "PYTHONHASHSEED=0", "PYTHONSAFEPATH=1", "PYTHONUNBUFFERED=", "OMP_NUM_THREADS=1")
	g.cmd.Stdout, g.cmd.Stderr = w, &g.said
	g.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	g.cmd.Cancel = func() error { return syscall.Kill(-g.cmd.Process.Pid, syscall.SIGKILL) }
	g.cmd.WaitDelay = time.Second
	started := make(chan error)
	go func() {
		// The death signal comes when the thread that forked ends: it is kept until then.
		runtime.LockOSThread()
		err := g.cmd.Start()
		started <- err
		if err == nil {
			g.ended <- g.cmd.Wait()
		}
	}()
	if err := <-started; err != nil {
		kill()
		_ = rows.Close()
		return nil, fmt.Errorf("start %s: %w", o.Python, err)
	}
	return g, nil
}

// stop ends the process, whatever it is at.
func (g *generator) stop() {
	g.kill()
	_, _ = g.wait()
}

// wait waits for the end of the process: nil where it ended well. Said is the
// last line on its standard error.
func (g *generator) wait() (said string, err error) {
	if g.ended != nil {
		g.result = <-g.ended
		g.ended = nil
		g.kill()
		_ = g.rows.Close()
	}
	return g.said.last(), g.result
}

// tail keeps the end of what is written to it.
type tail struct{ end []byte }

const tailBytes = 4096

func (t *tail) Write(b []byte) (int, error) {
	t.end = append(t.end, b...)
	if over := len(t.end) - tailBytes; over > 0 {
		t.end = slices.Clone(t.end[over:])
	}
	return len(b), nil
}

// last is the last line that is not blank.
func (t *tail) last() string {
	lines := strings.Split(strings.TrimSpace(string(t.end)), "\n")
	return strings.TrimSpace(lines[len(lines)-1])
}

var _ io.Writer = (*tail)(nil)
