package local

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"
	"time"

	"github.com/r1ctl/r1ctl/internal/launch/childenv"
	"github.com/r1ctl/r1ctl/internal/launch/procstat"
)

// self describes this process.
func self() (processRecord, error) {
	st, err := procstat.Read(os.Getpid())
	if err != nil {
		return processRecord{}, err
	}
	boot, err := bootID()
	if err != nil {
		return processRecord{}, err
	}
	return processRecord{PID: os.Getpid(), Start: st.Start, Boot: boot, Started: time.Now().UTC()}, nil
}

func bootID() (string, error) {
	raw, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return "", fmt.Errorf("read boot id: %w", err)
	}
	return strings.TrimSpace(string(raw)), nil
}

// signal sends sig to the process that the record names, and to no other that
// has its pid now. A process that is gone is no error.
func (p processRecord) signal(sig os.Signal) error {
	boot, err := bootID()
	if err != nil || boot != p.Boot {
		return err
	}
	return procstat.SignalIf(p.PID, sig, func() bool {
		st, err := procstat.Read(p.PID)
		return err == nil && st.Start == p.Start
	})
}

// killTree kills the attempt's process and all that carry its mark or live in
// its session.
func killTree(dir string, leader processRecord) error {
	session := 0
	if st, err := procstat.Read(leader.PID); err == nil && st.Start == leader.Start {
		session = st.Session // sure to be ours while its leader lives
	}
	inSession := func(pid int) bool {
		st, err := procstat.Read(pid)
		return err == nil && session != 0 && st.Session == session
	}
	var errs []error
	for _, pid := range procstat.PIDs() {
		if pid != leader.PID && inSession(pid) {
			errs = append(errs, procstat.SignalIf(pid, syscall.SIGKILL, func() bool { return inSession(pid) }))
		}
	}
	errs = append(errs, leader.signal(syscall.SIGKILL), killMarked(dir))
	return errors.Join(errs...)
}

// killMarked kills whatever carries the attempt's mark.
func killMarked(dir string) error { return procstat.KillMarked(childenv.AttemptDir, dir) }
