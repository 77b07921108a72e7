package pool

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

const (
	module   = "r1trainer.judges"
	maxReply = 1 << 20 // bytes; replies are a few hundred
)

// process is a Python that judges. It has a group of its own and dies with this
// process. Replies come through a pipe of their own: what libraries print, or
// what a judged text makes them print, is no reply.
type process struct {
	cmd     *exec.Cmd
	stdin   *os.File
	replies *os.File
	lines   *bufio.Reader
	gone    chan struct{} // closed when it and its group have ended

	mu     sync.Mutex
	reaped bool // its number may belong to another process
}

func startProcess(o Options) (*process, error) {
	stdin, requests, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer stdin.Close()
	replies, results, err := os.Pipe()
	if err != nil {
		_ = requests.Close()
		return nil, err
	}
	defer results.Close()
	cmd := exec.Command(o.Python, "-m", module)
	cmd.Dir = "/"
	cmd.Env = append(slices.Clip(o.Environ),
		"PYTHONHASHSEED=0", // or sets give other puzzles, and scorers other verdicts, each time
		"PYTHONSAFEPATH=1", "PYTHONUNBUFFERED=1",
		"OMP_NUM_THREADS=1", "OPENBLAS_NUM_THREADS=1", // one process a core is enough
	)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = stdin, o.Log, o.Log
	cmd.ExtraFiles = []*os.File{results}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	cmd.WaitDelay = time.Second // a grandchild may hold the log open
	p := &process{cmd: cmd, stdin: requests, replies: replies, lines: bufio.NewReader(replies), gone: make(chan struct{})}
	started := make(chan error)
	go func() {
		// The death signal comes when the thread that forked ends: it is kept until then.
		runtime.LockOSThread()
		err := cmd.Start()
		started <- err
		if err == nil {
			p.wait()
		}
	}()
	if err := <-started; err != nil {
		_, _ = requests.Close(), replies.Close()
		return nil, fmt.Errorf("start %s: %w", o.Python, err)
	}
	return p, nil
}

// ask sends a line and reads the one that answers it, both before the deadline
// and the end of ctx. After an error the process is of no more use.
func (p *process) ask(ctx context.Context, line []byte, deadline time.Time) ([]byte, error) {
	watch := context.AfterFunc(ctx, p.kill)
	defer watch()
	if err := p.stdin.SetWriteDeadline(deadline); err != nil {
		return nil, err
	}
	if _, err := p.stdin.Write(append(line, '\n')); err != nil {
		return nil, err
	}
	if err := p.replies.SetReadDeadline(deadline); err != nil {
		return nil, err
	}
	var answer []byte
	for {
		part, err := p.lines.ReadSlice('\n')
		answer = append(answer, part...)
		switch {
		case len(answer) > maxReply:
			return nil, errors.New("the reply is too long")
		case errors.Is(err, bufio.ErrBufferFull):
		case errors.Is(err, io.EOF):
			return nil, io.ErrUnexpectedEOF
		case err != nil:
			return nil, err
		case p.lines.Buffered() > 0:
			return nil, errors.New("there is more than one reply")
		default:
			return answer, nil
		}
	}
}

// wait waits for the process, kills what is left of its group, and then lets its
// number go: as long as it is a zombie, the group's number is nobody else's.
func (p *process) wait() {
	for unix.Waitid(unix.P_PID, p.cmd.Process.Pid, nil, unix.WEXITED|unix.WNOWAIT, nil) == unix.EINTR {
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	_ = syscall.Kill(-p.cmd.Process.Pid, syscall.SIGKILL)
	_ = p.cmd.Wait() // why it ended is in the log
	p.reaped = true
	close(p.gone)
}

// kill ends the process and all of its group.
func (p *process) kill() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.reaped {
		_ = syscall.Kill(-p.cmd.Process.Pid, syscall.SIGKILL)
	}
}

// stop kills, and returns when the process is gone.
func (p *process) stop() {
	p.kill()
	<-p.gone
	_, _ = p.stdin.Close(), p.replies.Close()
}
