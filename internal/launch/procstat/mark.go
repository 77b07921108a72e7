package procstat

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"syscall"
	"time"
)

// SignalIf signals a process if it is the right one. It opens the process before
// it asks, so that the pid cannot change hands in between. A process that is gone is no error.
func SignalIf(pid int, sig os.Signal, right func() bool) error {
	proc, err := os.FindProcess(pid)
	if err != nil {
		return fmt.Errorf("find process %d: %w", pid, err)
	}
	defer proc.Release()
	if !right() {
		return nil
	}
	if err := proc.Signal(sig); err != nil && !errors.Is(err, os.ErrProcessDone) && !errors.Is(err, syscall.ESRCH) {
		return fmt.Errorf("signal process %d: %w", pid, err)
	}
	return nil
}

// Marked lists the processes, but this one, that were started with the variable
// name=value. Of a zombie and of another user's process nothing can be read, and
// neither counts.
func Marked(name, value string) []int {
	var found []int
	for _, pid := range PIDs() {
		if pid != os.Getpid() && isMarked(pid, name, value) {
			found = append(found, pid)
		}
	}
	return found
}

// KillMarked kills what Marked lists, and looks again until a look finds
// nothing, because a process may fork meanwhile.
func KillMarked(name, value string) error {
	for range 100 {
		found := Marked(name, value)
		if len(found) == 0 {
			return nil
		}
		for _, pid := range found {
			if err := SignalIf(pid, syscall.SIGKILL, func() bool { return isMarked(pid, name, value) }); err != nil {
				return err
			}
		}
		time.Sleep(10 * time.Millisecond)
	}
	return fmt.Errorf("processes of %s do not die", value)
}

func isMarked(pid int, name, value string) bool {
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/environ", pid))
	if err != nil {
		return false
	}
	mark := []byte(name + "=" + value)
	for kv := range bytes.SplitSeq(raw, []byte{0}) {
		if bytes.Equal(kv, mark) {
			return true
		}
	}
	return false
}
