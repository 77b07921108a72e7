package agent

import (
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/r1ctl/r1ctl/internal/launch/childenv"
)

// child is a process with a group of its own that dies with this process.
type child struct {
	pid  int
	done chan struct{} // closed when it has ended and its group is gone
	// Valid when done:
	code  int             // as a shell would say it, 128+n for signal n
	usage *syscall.Rusage // of the process and of all it waited for

	mu     sync.Mutex
	reaped bool
}

// startChild starts cmd.
func startChild(cmd *exec.Cmd) (*child, error) {
	c := &child{done: make(chan struct{})}
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
		}
	}()
	if err := <-started; err != nil {
		return nil, fmt.Errorf("start %s: %w", cmd.Path, err)
	}
	return c, nil
}

// wait waits for the child, kills what is left of its group, and then lets the
// pid go: as long as the child is a zombie, the group's number belongs to nobody else.
func (c *child) wait(cmd *exec.Cmd) {
	for unix.Waitid(unix.P_PID, c.pid, nil, unix.WEXITED|unix.WNOWAIT, nil) == unix.EINTR {
	}
	c.mu.Lock()
	_ = syscall.Kill(-c.pid, syscall.SIGKILL)
	c.reaped = true
	_ = cmd.Wait() // the code is in ProcessState
	c.mu.Unlock()
	c.code = cmd.ProcessState.ExitCode()
	if ws, ok := cmd.ProcessState.Sys().(syscall.WaitStatus); ok && ws.Signaled() {
		c.code = 128 + int(ws.Signal())
	}
	c.usage, _ = cmd.ProcessState.SysUsage().(*syscall.Rusage)
	close(c.done)
}

// signal sends sig to the child's group, unless it is gone.
func (c *child) signal(sig syscall.Signal) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.reaped {
		_ = syscall.Kill(-c.pid, sig) // it can only be gone
	}
}

// kill ends the group and waits for it.
func (c *child) kill() {
	c.signal(syscall.SIGKILL)
	<-c.done
}

// environment is that of trainer and verifier: no secrets, and the launcher's mark.
func (a *agent) environment(extra ...string) []string {
	env := childenv.Clean(extra...)
	if mark, ok := os.LookupEnv(childenv.AttemptDir); ok {
		env = append(env, childenv.AttemptDir+"="+mark)
	}
	return env
}
