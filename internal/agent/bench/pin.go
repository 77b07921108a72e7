package main

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"strconv"

	"golang.org/x/sys/unix"
)

// pinStarted keeps all that the calling goroutine starts on one core: a child has
// the affinity of the thread that forks it.
func pinStarted(core int) (undo func(), err error) {
	runtime.LockOSThread()
	var before unix.CPUSet
	if err = unix.SchedGetaffinity(0, &before); err == nil {
		err = unix.SchedSetaffinity(0, only(core))
	}
	if err != nil {
		runtime.UnlockOSThread()
		return nil, fmt.Errorf("pin to core %d: %w", core, err)
	}
	return func() {
		if unix.SchedSetaffinity(0, &before) == nil {
			runtime.UnlockOSThread() // else the thread ends with the goroutine
		}
	}, nil
}

// pinProcess moves a running process to a core, thread by thread.
func pinProcess(pid, core int) error {
	tasks, err := os.ReadDir(fmt.Sprintf("/proc/%d/task", pid))
	if err != nil {
		return err
	}
	for _, t := range tasks {
		tid, err := strconv.Atoi(t.Name())
		if err != nil {
			return err
		}
		if err := unix.SchedSetaffinity(tid, only(core)); err != nil && !errors.Is(err, unix.ESRCH) {
			return fmt.Errorf("move thread %d to core %d: %w", tid, core, err)
		}
	}
	return nil
}

func only(core int) *unix.CPUSet {
	var set unix.CPUSet
	set.Set(core)
	return &set
}
