package sandbox

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// prlimit is the command that puts limits on a program before it begins.
const prlimit = "/usr/bin/prlimit"

func prlimitArgs(spec Spec) []string {
	cpu := seconds(spec.CPU)
	set := func(name string, v uint64) string { return "--" + name + "=" + strconv.FormatUint(v, 10) }
	args := []string{
		prlimit, fmt.Sprintf("--cpu=%d:%d", cpu, cpu+1), set("as", uint64(spec.Memory)+stack), set("stack", stack),
		set("fsize", disk), set("nofile", openFiles), set("core", 0), set("nproc", uint64(spec.Processes)+ownThreads),
		set("memlock", 0), set("msgqueue", 0), "--",
	}
	return append(args, spec.Args...)
}

// prepareCommands sees to it that commands inherit no file that we inherited,
// and that their orphans come to us: bwrap does not wait for the first process
// of its container, and not every machine's first process cleans up after others.
func prepareCommands() error {
	if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
		return fmt.Errorf("take care of orphans: %w", err)
	}
	files, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return fmt.Errorf("list open files: %w", err)
	}
	for _, f := range files {
		if fd, err := strconv.Atoi(f.Name()); err == nil && fd > 2 {
			syscall.CloseOnExec(fd)
		}
	}
	return nil
}

// reap waits for orphans that are dead or about to be: a process, or below 0 a group.
func reap(pid int) {
	for end := time.Now().Add(drainTime); pid != 0 && time.Now().Before(end); {
		got, err := syscall.Wait4(pid, nil, syscall.WNOHANG, nil)
		if err == syscall.ECHILD {
			return
		}
		if got <= 0 {
			time.Sleep(time.Millisecond)
		}
	}
}

// runCommand runs a command that holds a program, from start to end. ended
// kills what may be left of it.
func runCommand(ctx context.Context, cmd *exec.Cmd, spec Spec, ended func(pid int)) Result {
	var why atomic.Value // the Status of whoever killed it first
	kill := make(chan struct{}, 1)
	stop := func(s Status) {
		why.CompareAndSwap(nil, s)
		select {
		case kill <- struct{}{}:
		default:
		}
	}
	pipes, err := openStreams(spec.Stdin, spec.Output, func() { stop(OutputLimit) })
	if err != nil {
		return fault("open pipes: %w", err)
	}
	cmd.Stdin, cmd.Stdout, cmd.Stderr = pipes.child[0], pipes.child[1], pipes.child[2]
	// A child dies with the thread that started it: this goroutine keeps its own.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	began := time.Now()
	if err := cmd.Start(); err != nil {
		pipes.finish()
		return fault("start %s: %w", cmd.Path, err)
	}
	over := make(chan struct{})
	go watch(cmd.Process.Pid, spec.Memory, spec.Processes+2, over, stop)
	go func() {
		timer := time.NewTimer(spec.Wall)
		defer timer.Stop()
		select {
		case <-over:
			return
		case <-kill:
		case <-timer.C:
			why.CompareAndSwap(nil, TimedOut)
		case <-ctx.Done():
			why.CompareAndSwap(nil, Fault)
		}
		ended(cmd.Process.Pid)
	}()
	err = cmd.Wait()
	close(over)
	ended(cmd.Process.Pid)
	res := Result{Wall: time.Since(began)}
	res.Stdout, res.Stderr = pipes.finish()
	if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
		return fault("wait for %s: %w", cmd.Path, err)
	}
	res.CPU = cmd.ProcessState.UserTime()
	if usage, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage); ok {
		res.Memory = usage.Maxrss << 10
	}
	res.Status, res.ExitCode, res.Signal = commandEnded(cmd.ProcessState, res, spec)
	if killed, _ := why.Load().(Status); killed == Fault {
		return fault("run %s: %w", spec.Args[0], ctx.Err())
	} else if killed != "" {
		res.Status = killed
	}
	return res
}

// commandEnded reads how a command ended. bwrap does not say what time the
// program took: the kernel's kill at the limit is told by the clock.
func commandEnded(state *os.ProcessState, res Result, spec Spec) (status Status, code, signal int) {
	const signalled = 128 // and the signal, as shells and bwrap say it
	code = state.ExitCode()
	if wait, ok := state.Sys().(syscall.WaitStatus); ok && wait.Signaled() {
		code = signalled + int(wait.Signal())
	}
	if code <= signalled {
		if res.CPU > spec.CPU {
			return TimedOut, 0, 0
		}
		return Exited, code, 0
	}
	signal = code - signalled
	switch {
	case signal == int(syscall.SIGXCPU) || signal == int(syscall.SIGKILL) && res.Wall >= spec.CPU:
		return TimedOut, 0, signal
	case signal == int(syscall.SIGXFSZ):
		return OutputLimit, 0, signal
	}
	return Signalled, 0, signal
}
