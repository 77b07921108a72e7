package local

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/r1ctl/r1ctl/internal/launch/record"
	"github.com/r1ctl/r1ctl/internal/r1"
)

// Stop implements r1.Launcher. A handle that has only Launcher and Key is
// enough: an attempt stopped before it began never begins.
//
// The deadline is on disk: a timer of this process kills at it, and if this
// process is gone, the first Status of another after it does.
func (l *Launcher) Stop(ctx context.Context, h r1.Handle, grace time.Duration) error {
	dir, err := l.open(h)
	if err != nil {
		return err
	}
	if elsewhere := l.elsewhere(dir, h); elsewhere != "" {
		return fmt.Errorf("stop %s: it was started on %s, which this machine cannot see", h.Key, elsewhere)
	}
	if err := l.present(); err != nil {
		return fmt.Errorf("stop %s: %w", h.Key, err)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("stop %s: %w", h.Key, err)
	}
	if err := requestStop(ctx, dir, grace); err != nil {
		return fmt.Errorf("stop %s: %w", h.Key, err)
	}
	return nil
}

func requestStop(ctx context.Context, dir string, grace time.Duration) error {
	turn, err := lock(ctx, filepath.Join(dir, submitLock))
	if err != nil {
		return err
	}
	defer turn.Close()
	if ended, err := record.Read(dir, exitFile, new(exitRecord)); ended || err != nil {
		return err
	}
	stop, err := record.AskStop(dir, grace)
	if err != nil {
		return err
	}
	alive, err := locked(filepath.Join(dir, lifeLock))
	if err != nil {
		return err
	}
	var proc processRecord
	begun, err := record.Read(dir, processFile, &proc)
	if err != nil {
		return err
	}
	switch {
	case !alive && !begun:
		if err := killMarked(dir); err != nil { // its folder may have been removed while it ran
			return err
		}
		return record.Write(dir, exitFile, exitRecord{Outcome: r1.Stopped, Code: -1, Reason: "stopped before it began", Ended: time.Now().UTC()})
	case !alive:
		return nil // dead without a record: the next Status writes it
	case begun:
		if err := proc.signal(syscall.SIGTERM); err != nil {
			return err
		}
	}
	time.AfterFunc(time.Until(stop.Deadline), func() { _, _ = enforceStop(dir) })
	return nil
}

// enforceStop kills an attempt that was asked to stop and had its time. It
// says whether it was asked.
func enforceStop(dir string) (bool, error) {
	var stop record.Stop
	asked, err := record.Read(dir, record.StopFile, &stop)
	if !asked || err != nil || time.Now().Before(stop.Deadline) {
		return asked, err
	}
	alive, err := locked(filepath.Join(dir, lifeLock))
	if !alive || err != nil {
		return true, err
	}
	var proc processRecord
	if begun, err := record.Read(dir, processFile, &proc); !begun || err != nil {
		return true, err
	}
	return true, killTree(dir, proc)
}
