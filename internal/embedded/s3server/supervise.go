package s3server

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/r1ctl/r1ctl/internal/r1"
)

const (
	startPatience = 30 * time.Second
	stopPatience  = 5 * time.Second
	firstBackoff  = 100 * time.Millisecond
	lastBackoff   = 5 * time.Second
	steady        = 30 * time.Second // a server that lived this long starts anew without backoff
)

// Child says how to run Main in a process of its own.
type Child struct {
	Command []string // argv; the process must call Main with its standard input as Parent
	Address string   // host:port on which it will listen
	Output  io.Writer
	Log     *slog.Logger
}

// Supervisor keeps an S3 server running.
type Supervisor struct {
	child  Child
	cancel context.CancelFunc
	done   chan struct{}

	mu  sync.Mutex
	pid int
}

// Supervise starts the server, waits until it serves, and from then on starts
// it again whenever it ends, until Stop. It dies with this process, however
// that ends: it reads from a pipe of which we hold the only other end.
func Supervise(ctx context.Context, child Child) (*Supervisor, error) {
	run, cancel := context.WithCancel(context.WithoutCancel(ctx))
	s := &Supervisor{child: child, cancel: cancel, done: make(chan struct{})}
	proc, err := s.start(ctx)
	if err != nil {
		cancel()
		return nil, err
	}
	go s.keep(run, proc)
	return s, nil
}

// PID is the process that serves now, or the last one.
func (s *Supervisor) PID() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.pid
}

// Stop ends the server and waits until it is gone.
func (s *Supervisor) Stop() {
	s.cancel()
	<-s.done
}

func (s *Supervisor) keep(ctx context.Context, proc *process) {
	defer close(s.done)
	backoff := firstBackoff
	for {
		began := time.Now()
		if proc != nil {
			select {
			case <-ctx.Done():
				proc.stop()
				return
			case <-proc.ended:
				s.child.Log.Error("the S3 server ended and is started again", "cause", proc.cause())
			}
		}
		if time.Since(began) > steady {
			backoff = firstBackoff
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(backoff):
		}
		backoff = min(2*backoff, lastBackoff)
		var err error
		if proc, err = s.start(ctx); err != nil && ctx.Err() == nil {
			s.child.Log.Error("cannot start the S3 server", "cause", err)
		}
	}
}

// start runs one server until it answers its health check.
func (s *Supervisor) start(ctx context.Context) (*process, error) {
	proc, err := launch(s.child)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	s.pid = proc.cmd.Process.Pid
	s.mu.Unlock()
	ctx, cancel := context.WithTimeout(ctx, startPatience)
	defer cancel()
	for !healthy(ctx, s.child.Address) {
		select {
		case <-proc.ended:
			return nil, &r1.Error{
				Name:   "s3-server-failed",
				Detail: "the embedded S3 server ended before it was ready: " + proc.cause(),
				Remedy: "see logs/s3.log in the state directory",
			}
		case <-ctx.Done():
			proc.stop()
			return nil, fmt.Errorf("wait for the S3 server: %w", ctx.Err())
		case <-time.After(10 * time.Millisecond):
		}
	}
	return proc, nil
}

func healthy(ctx context.Context, address string) bool {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+HealthPath, nil)
	if err != nil {
		return false
	}
	req.Close = true
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return false
	}
	resp.Body.Close()
	return resp.StatusCode == http.StatusOK
}

// process is one run of the server.
type process struct {
	cmd    *exec.Cmd
	parent *os.File // closing it tells the server that we are gone
	tail   *tail
	ended  chan struct{}
	err    error
}

func launch(child Child) (*process, error) {
	r, w, err := os.Pipe()
	if err != nil {
		return nil, fmt.Errorf("start the S3 server: %w", err)
	}
	defer r.Close()
	p := &process{parent: w, tail: &tail{}, ended: make(chan struct{})}
	p.cmd = exec.Command(child.Command[0], child.Command[1:]...)
	p.cmd.Stdin = r
	p.cmd.Stdout = io.MultiWriter(child.Output, p.tail)
	p.cmd.Stderr = p.cmd.Stdout
	// A Ctrl-C in the terminal is for us: the server must outlive the worker.
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := p.cmd.Start(); err != nil {
		w.Close()
		return nil, fmt.Errorf("start the S3 server: %w", err)
	}
	go func() {
		p.err = p.cmd.Wait()
		w.Close()
		close(p.ended)
	}()
	return p, nil
}

func (p *process) stop() {
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-p.ended:
	case <-time.After(stopPatience):
		_ = p.cmd.Process.Kill()
		<-p.ended
	}
}

// cause is what is known of why the process ended; it must have ended.
func (p *process) cause() string {
	text := "exit status 0"
	if p.err != nil {
		text = p.err.Error()
	}
	if last := p.tail.String(); last != "" {
		text += ": " + last
	}
	return text
}

// tail keeps the end of what is written to it.
type tail struct {
	mu  sync.Mutex
	buf []byte
}

func (t *tail) Write(p []byte) (int, error) {
	const keep = 2048
	t.mu.Lock()
	defer t.mu.Unlock()
	t.buf = append(t.buf, p...)
	if over := len(t.buf) - keep; over > 0 {
		t.buf = append([]byte(nil), t.buf[over:]...)
	}
	return len(p), nil
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	lines := strings.Split(strings.TrimSpace(string(t.buf)), "\n")
	return strings.Join(lines[max(0, len(lines)-3):], " | ")
}
