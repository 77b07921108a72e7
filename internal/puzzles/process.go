package puzzles

import (
	"context"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/r1ctl/r1ctl/internal/launch/child"
)

// generator is a process that makes puzzles. It dies with this process.
type generator struct {
	child *child.Child
	rows  *os.File
	said  tail
}

// start starts the process; the end of ctx kills it and all of its group.
func start(ctx context.Context, o Options, args []string) (*generator, error) {
	rows, w, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer w.Close()
	g := &generator{rows: rows}
	cmd := exec.Command(o.Python, append([]string{"-m", "r1trainer.puzzles"}, args...)...)
	cmd.Dir = "/"
	cmd.Env = append(slices.Clip(o.Environ), "PYTHONHASHSEED=0", "PYTHONSAFEPATH=1", "PYTHONUNBUFFERED=", "OMP_NUM_THREADS=1")
	cmd.Stdout, cmd.Stderr = w, &g.said
	cmd.WaitDelay = time.Second
	if g.child, err = child.Start(cmd); err != nil {
		_ = rows.Close()
		return nil, err
	}
	context.AfterFunc(ctx, func() { g.child.Signal(syscall.SIGKILL) })
	return g, nil
}

// stop ends the process, whatever it is at.
func (g *generator) stop() {
	g.child.Kill()
	_, _ = g.wait()
}

// wait waits for the end of the process: nil where it ended well. Said is the
// last line on its standard error.
func (g *generator) wait() (said string, err error) {
	<-g.child.Done
	_ = g.rows.Close()
	return g.said.last(), g.child.Err
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
