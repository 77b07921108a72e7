package local

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/r1ctl/r1ctl/internal/launch/childenv"
)

// self describes this process.
func self() (processRecord, error) {
	st, err := readStat(os.Getpid())
	if err != nil {
		return processRecord{}, err
	}
	boot, err := bootID()
	if err != nil {
		return processRecord{}, err
	}
	return processRecord{PID: os.Getpid(), Start: st.start, Boot: boot, Started: time.Now().UTC()}, nil
}

func bootID() (string, error) {
	raw, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return "", fmt.Errorf("read boot id: %w", err)
	}
	return strings.TrimSpace(string(raw)), nil
}

// stat is what we use of /proc/<pid>/stat.
type stat struct {
	session int
	start   uint64
}

func readStat(pid int) (stat, error) {
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return stat{}, err
	}
	// The second field is the program's name in parentheses and may hold
	// anything; the rest is counted from its end.
	_, rest, ok := bytes.Cut(raw[bytes.LastIndexByte(raw, ')')+1:], []byte(" "))
	fields := strings.Fields(string(rest))
	if !ok || len(fields) < 20 {
		return stat{}, fmt.Errorf("read /proc/%d/stat: unexpected form", pid)
	}
	session, err := strconv.Atoi(fields[3])
	if err != nil {
		return stat{}, fmt.Errorf("read /proc/%d/stat: %w", pid, err)
	}
	start, err := strconv.ParseUint(fields[19], 10, 64)
	if err != nil {
		return stat{}, fmt.Errorf("read /proc/%d/stat: %w", pid, err)
	}
	return stat{session: session, start: start}, nil
}

// signal sends sig to the process that the record names, and to no other that
// has its pid now. A process that is gone is no error.
func (p processRecord) signal(sig os.Signal) error {
	boot, err := bootID()
	if err != nil || boot != p.Boot {
		return err
	}
	return signalIf(p.PID, sig, func() bool {
		st, err := readStat(p.PID)
		return err == nil && st.start == p.Start
	})
}

// signalIf opens the process before it asks whether it is the right one, so
// that the pid cannot change hands in between.
func signalIf(pid int, sig os.Signal, right func() bool) error {
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

// killTree kills the attempt's process and all that carry its mark or live in
// its session.
func killTree(dir string, leader processRecord) error {
	session := 0
	if st, err := readStat(leader.PID); err == nil && st.start == leader.Start {
		session = st.session // sure to be ours while its leader lives
	}
	inSession := func(pid int) bool {
		st, err := readStat(pid)
		return err == nil && session != 0 && st.session == session
	}
	var errs []error
	for _, pid := range allProcesses() {
		if pid != leader.PID && inSession(pid) {
			errs = append(errs, signalIf(pid, syscall.SIGKILL, func() bool { return inSession(pid) }))
		}
	}
	errs = append(errs, leader.signal(syscall.SIGKILL), killMarked(dir))
	return errors.Join(errs...)
}

// killMarked kills every process that carries the attempt's mark, and looks
// again until a look finds none, because a process may fork meanwhile.
func killMarked(dir string) error {
	for range 100 {
		found := 0
		var errs []error
		for _, pid := range allProcesses() {
			if pid == os.Getpid() || !marked(pid, dir) {
				continue
			}
			found++
			errs = append(errs, signalIf(pid, syscall.SIGKILL, func() bool { return marked(pid, dir) }))
		}
		if err := errors.Join(errs...); err != nil {
			return err
		}
		if found == 0 {
			return nil
		}
		time.Sleep(10 * time.Millisecond)
	}
	return fmt.Errorf("processes of %s do not die", dir)
}

// marked reads the environment a process was started with. Of a zombie and of
// another user's process nothing can be read, and neither is ours to kill.
func marked(pid int, dir string) bool {
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/environ", pid))
	if err != nil {
		return false
	}
	mark := []byte(childenv.AttemptDir + "=" + dir)
	for kv := range bytes.SplitSeq(raw, []byte{0}) {
		if bytes.Equal(kv, mark) {
			return true
		}
	}
	return false
}

func allProcesses() []int {
	names, _ := filepath.Glob("/proc/[0-9]*")
	pids := make([]int, 0, len(names))
	for _, n := range names {
		if pid, err := strconv.Atoi(filepath.Base(n)); err == nil {
			pids = append(pids, pid)
		}
	}
	return pids
}
