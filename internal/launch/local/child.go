package local

import (
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/r1ctl/r1ctl/internal/fault"
	"github.com/r1ctl/r1ctl/internal/launch/childenv"
	"github.com/r1ctl/r1ctl/internal/launch/record"
	"github.com/r1ctl/r1ctl/internal/r1"
)

// Files the launcher hands to the child.
const (
	lifeFD  = 3 // the open, locked life.lock
	readyFD = 4 // a pipe: one byte says that process.json is written
)

// exitCannotBegin is the exit code of a process that could not record itself, or
// that was not started by the launcher although its environment says so.
const exitCannotBegin = 70

// exitStopped is the exit code of a process that ends because of SIGTERM.
const exitStopped = 128 + int(syscall.SIGTERM)

// Main runs program as the process of an attempt and returns the code to exit
// with. A program that was not started by the local launcher just runs.
func Main(program func() int) int {
	dir := os.Getenv(childenv.AttemptDir)
	if dir == "" {
		return program()
	}
	if err := begin(dir); err != nil {
		fmt.Fprintln(os.Stderr, "cannot begin the attempt:", err)
		return exitCannotBegin
	}
	code := exitStopped
	stopped, err := record.Read(dir, record.StopFile, new(record.Stop))
	// Stop writes its record and then looks for ours; we wrote ours and now look for its: one of us sees the other.
	if !stopped || err != nil {
		code = program()
	}
	if err := end(dir, code); err != nil {
		fmt.Fprintln(os.Stderr, "cannot record the end of the attempt:", err)
	}
	return code
}

// begin records this process. The life lock was taken for it by the launcher.
func begin(dir string) error {
	// Nothing this process starts may hold the lock longer than it lives.
	unix.CloseOnExec(lifeFD)
	unix.CloseOnExec(readyFD)
	var have, want unix.Stat_t
	if err := unix.Fstat(lifeFD, &have); err != nil {
		return fmt.Errorf("the launcher's lock was not handed over: %w", err)
	}
	if err := unix.Stat(filepath.Join(dir, lifeLock), &want); err != nil {
		return fmt.Errorf("look at the attempt's lock: %w", err)
	}
	if have.Dev != want.Dev || have.Ino != want.Ino {
		return fmt.Errorf("the file handed over is not the lock of %s", dir)
	}
	me, err := self()
	if err != nil {
		return err
	}
	fault.Point(fault.ChildBorn, dir)
	if err := record.Write(dir, processFile, me); err != nil {
		return err
	}
	fault.Point(fault.ChildRecorded, dir)
	_, _ = unix.Write(readyFD, []byte{1}) // the launcher may be dead already: then nobody listens
	_ = unix.Close(readyFD)
	return nil
}

// end records how this process ends, which is not before all it started is gone.
func end(dir string, code int) error {
	fault.Point(fault.ChildEnding, dir)
	if err := killMarked(dir); err != nil {
		return err
	}
	stopped, err := record.Read(dir, record.StopFile, new(record.Stop))
	if err != nil {
		return err
	}
	return record.Write(dir, exitFile, exitRecord{Outcome: outcome(code, stopped), Code: code, Reason: reason(code, stopped), Ended: time.Now().UTC()})
}

func outcome(code int, stopped bool) r1.Outcome {
	switch {
	case code == 0:
		return r1.Succeeded
	case stopped:
		return r1.Stopped
	case code == exitStopped:
		return r1.Preempted // SIGTERM, and not by us
	default:
		return r1.Failed
	}
}

func reason(code int, stopped bool) string {
	switch {
	case code == 0:
		return ""
	case stopped:
		return "stopped on request"
	case code == exitStopped:
		return "ended by a SIGTERM that r1ctl did not send"
	default:
		return fmt.Sprintf("exit code %d", code)
	}
}
