package child

import (
	"fmt"
	"os/exec"
	"runtime"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// Child is a started process.
type Child struct {
	// Done is closed when the process has ended and its group is gone. Until then
	// the fields below mean nothing.
	Done <-chan struct{}
	// Err is that of cmd.Wait: nil for exit code 0.
	Err error
	// Code is as a shell would say it, 128+n for signal n.
	Code int
	// Usage is that of the process and of all it waited for; nil where nothing is known.
	Usage *syscall.Rusage

	pid    int
	mu     sync.Mutex
	reaped bool // its number may belong to another process
}

// Start starts cmd, whose SysProcAttr it sets.
func Start(cmd *exec.Cmd) (*Child, error) {
	done := make(chan struct{})
	c := &Child{Done: done}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	started := make(chan error)
	go func() {
		// The kernel sends the death signal when the thread that forked ends, not
		// the process. This thread is kept until the child is gone, and goes then.
		runtime.LockOSThread()
		err := cmd.Start()
		if err == nil {
			c.pid = cmd.Process.Pid
		}
		started <- err
		if err == nil {
			c.wait(cmd)
			close(done)
		}
	}()
	if err := <-started; err != nil {
		return nil, fmt.Errorf("start %s: %w", cmd.Path, err)
	}
	return c, nil
}

// wait waits for the child, kills what is left of its group, and then lets the
// pid go: as long as the child is a zombie, the group's number belongs to nobody else.
func (c *Child) wait(cmd *exec.Cmd) {
	for unix.Waitid(unix.P_PID, c.pid, nil, unix.WEXITED|unix.WNOWAIT, nil) == unix.EINTR {
	}
	c.mu.Lock()
	_ = syscall.Kill(-c.pid, syscall.SIGKILL)
	c.reaped = true
	c.Err = cmd.Wait()
	c.mu.Unlock()
	c.Code = cmd.ProcessState.ExitCode()
	if ws, ok := cmd.ProcessState.Sys().(syscall.WaitStatus); ok && ws.Signaled() {
		c.Code = 128 + int(ws.Signal())
	}
	c.Usage, _ = cmd.ProcessState.SysUsage().(*syscall.Rusage)
}

// PID is its number, and that of its group.
func (c *Child) PID() int { return c.pid }

// Signal sends sig to the child's group, unless it is gone.
func (c *Child) Signal(sig syscall.Signal) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.reaped {
		_ = syscall.Kill(-c.pid, sig) // it can only be gone
	}
}

// Kill ends the group and waits for it.
func (c *Child) Kill() {
	c.Signal(syscall.SIGKILL)
	<-c.Done
}
