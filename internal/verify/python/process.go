package python

import (
	"bufio"
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"syscall"
	"time"

	"github.com/r1ctl/r1ctl/internal/launch/child"
)

// ErrTooLong is an answer over its limit, ErrMore one with something behind it.
var (
	ErrTooLong = errors.New("the answer is too long")
	ErrMore    = errors.New("there is more than one answer")
)

// Command says what to start.
type Command struct {
	Python  string
	Args    []string
	Dir     string
	Environ []string  // the whole environment
	Log     io.Writer // gets what the process prints; nil discards it
}

// Process is a running one. One goroutine at a time may ask it.
type Process struct {
	child   *child.Child
	stdin   *os.File
	answers *os.File
	lines   *bufio.Reader
}

// Start starts a process.
func Start(c Command) (*Process, error) {
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
	cmd := exec.Command(c.Python, c.Args...)
	cmd.Dir, cmd.Env = c.Dir, c.Environ
	cmd.Stdin, cmd.Stdout, cmd.Stderr = stdin, c.Log, c.Log
	cmd.ExtraFiles = []*os.File{results}
	cmd.WaitDelay = time.Second // a grandchild may hold the log open
	process, err := child.Start(cmd)
	if err != nil {
		_, _ = requests.Close(), answers.Close()
		return nil, err
	}
	return &Process{child: process, stdin: requests, answers: answers, lines: bufio.NewReader(answers)}, nil
}

// Ask sends a line, unless it is nil, and reads the one that answers it, of at most
// limit bytes, both before the deadline and the end of ctx. After an error the
// process is of no more use. A deadline that passed is os.ErrDeadlineExceeded.
func (p *Process) Ask(ctx context.Context, line []byte, deadline time.Time, limit int64) ([]byte, error) {
	watch := context.AfterFunc(ctx, p.kill)
	defer watch()
	if line != nil {
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
		case int64(len(answer)) > limit:
			return nil, ErrTooLong
		case errors.Is(err, bufio.ErrBufferFull):
		case errors.Is(err, io.EOF):
			return nil, io.ErrUnexpectedEOF
		case err != nil:
			return nil, err
		case p.lines.Buffered() > 0:
			return nil, ErrMore
		default:
			return answer, nil
		}
	}
}

func (p *Process) kill() { p.child.Signal(syscall.SIGKILL) }

// Stop ends the process and its group, and returns when it is gone. It may be called again.
func (p *Process) Stop() {
	p.child.Kill()
	_, _ = p.stdin.Close(), p.answers.Close()
}
