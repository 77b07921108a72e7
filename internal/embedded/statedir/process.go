package statedir

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
)

// Process names a process beyond doubt: a pid is given to others after a
// process, or the machine, has ended.
type Process struct {
	PID   int    `json:"pid"`
	Start string `json:"start"` // boot id and start time in clock ticks
}

// Self is the calling process.
func Self() (Process, error) {
	start, err := startTime(os.Getpid())
	if err != nil {
		return Process{}, fmt.Errorf("read own start time: %w", err)
	}
	return Process{PID: os.Getpid(), Start: start}, nil
}

// Alive says whether exactly this process lives.
func (p Process) Alive() bool {
	start, err := startTime(p.PID)
	return err == nil && start == p.Start
}

// Signal sends a signal to exactly this process; one that is gone is no error.
func (p Process) Signal(sig syscall.Signal) error {
	if p.PID <= 1 {
		return nil
	}
	// The handle is taken first: when the start time still fits afterwards, it
	// refers to our process, and never to a later owner of the pid.
	proc, err := os.FindProcess(p.PID)
	if err != nil {
		return fmt.Errorf("find process %d: %w", p.PID, err)
	}
	defer proc.Release()
	if !p.Alive() {
		return nil
	}
	if err := proc.Signal(sig); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("signal process %d: %w", p.PID, err)
	}
	return nil
}

// startTime reads field 22 of /proc/PID/stat. A zombie counts as gone.
func startTime(pid int) (string, error) {
	raw, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return "", err
	}
	// The second field, the name, may hold spaces and brackets: count from its end.
	end := bytes.LastIndexByte(raw, ')')
	fields := strings.Fields(string(raw[end+1:]))
	if end < 0 || len(fields) < 20 {
		return "", fmt.Errorf("/proc/%d/stat: unexpected form", pid)
	}
	if fields[0] == "Z" || fields[0] == "X" {
		return "", os.ErrProcessDone
	}
	boot, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return "", err
	}
	return strings.TrimSpace(string(boot)) + "/" + fields[19], nil
}
