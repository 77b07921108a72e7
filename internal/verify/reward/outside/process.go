package outside

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// process is a Python that serves one function. It has a group of its own, and
// dies with this process.
type process struct {
	cmd     *exec.Cmd
	stdin   *os.File
	answers *os.File
	lines   *bufio.Reader
	gone    chan struct{} // closed when it and its group have ended

	mu     sync.Mutex
	reaped bool // its number may belong to another process
}

func startProcess(o Options, script, function string) (*process, error) {
	stdin, requests, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer stdin.Close()
	answers, results, err := os.Pipe()
	if err != nil {
		_ = requests.Close()
		return nil, err
	}
	defer results.Close()
	cmd := exec.Command(o.Python, "-c", script, function)
	cmd.Dir, cmd.Env = o.Dir, o.Environ
	cmd.Stdin, cmd.Stdout, cmd.Stderr = stdin, o.Log, o.Log
	cmd.ExtraFiles = []*os.File{results}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	cmd.WaitDelay = time.Second // a grandchild may hold the log open
	p := &process{cmd: cmd, stdin: requests, answers: answers, lines: bufio.NewReader(answers), gone: make(chan struct{})}
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
		_, _ = requests.Close(), answers.Close()
		return nil, fmt.Errorf("start %s: %w", o.Python, err)
	}
	return p, nil
}

// ask sends a line and reads the answer's, both before the deadline.
func (p *process) ask(line []byte, deadline time.Time, limit int64) ([]byte, error) {
	if len(line) > 0 {
		if err := p.stdin.SetWriteDeadline(deadline); err != nil {
			return nil, err
		}
		if _, err := p.stdin.Write(append(line, '\n')); err != nil {
			return nil, err
		}
	}
	if err := p.answers.SetReadDeadline(deadline); err != nil {
		return nil, err
	}
	var answer []byte
	for {
		part, err := p.lines.ReadSlice('\n')
		answer = append(answer, part...)
		switch {
		case err == nil:
			return answer, nil
		case int64(len(answer)) > limit:
			return nil, errTooLarge
		case errors.Is(err, io.EOF):
			return nil, io.ErrUnexpectedEOF
		case !errors.Is(err, bufio.ErrBufferFull):
			return nil, err
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

// stop ends the process and all of its group. It may be called twice.
func (p *process) stop() {
	p.mu.Lock()
	if !p.reaped {
		_ = syscall.Kill(-p.cmd.Process.Pid, syscall.SIGKILL)
	}
	p.mu.Unlock()
	<-p.gone
	_, _ = p.stdin.Close(), p.answers.Close()
}
