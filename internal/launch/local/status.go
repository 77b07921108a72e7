package local

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/r1ctl/r1ctl/internal/launch/childenv"
	"github.com/r1ctl/r1ctl/internal/launch/procstat"
	"github.com/r1ctl/r1ctl/internal/launch/record"
	"github.com/r1ctl/r1ctl/internal/r1"
)

// Status implements r1.Launcher. The first Status after a process died without
// a word kills what is left of its tree and writes the missing record.
func (l *Launcher) Status(ctx context.Context, h r1.Handle) (r1.Status, error) {
	dir, err := l.open(h)
	if err != nil {
		return r1.Status{}, err
	}
	if elsewhere := l.elsewhere(dir, h); elsewhere != "" {
		return r1.Status{State: r1.StateUnknown, Host: elsewhere, Reason: "it was started on " + elsewhere + ", which this machine cannot see"}, nil
	}
	st, err := l.status(ctx, dir)
	if errors.Is(err, r1.ErrNotFound) {
		if away := l.present(); away != nil {
			return r1.Status{State: r1.StateUnknown, Reason: away.Error()}, nil
		}
	}
	if err != nil {
		return r1.Status{}, fmt.Errorf("status of %s: %w", h.Key, err)
	}
	return st, nil
}

func (l *Launcher) status(ctx context.Context, dir string) (r1.Status, error) {
	alive, err := locked(filepath.Join(dir, lifeLock))
	if err != nil {
		return r1.Status{}, err
	}
	if !alive {
		exit, err := l.bury(ctx, dir)
		if err != nil {
			return r1.Status{}, err
		}
		if exit != nil {
			var proc processRecord
			if _, err := record.Read(dir, processFile, &proc); err != nil {
				return r1.Status{}, err
			}
			return r1.Status{State: r1.StateEnded, ID: proc.id(), Outcome: exit.Outcome, ExitCode: exit.Code, Reason: exit.Reason, Host: l.host, Started: proc.Started, Ended: exit.Ended}, nil
		}
	}
	var proc processRecord
	if _, err := record.Read(dir, processFile, &proc); err != nil {
		return r1.Status{}, err
	}
	st := r1.Status{State: r1.StateRunning, ID: proc.id(), Host: l.host, Started: proc.Started}
	if proc.PID == 0 {
		st.State = r1.StatePending
	}
	stopping, err := enforceStop(dir)
	if stopping {
		st.Reason = "asked to stop"
	}
	return st, err
}

// bury returns the exit record of an attempt that is not alive, and writes it
// if the process could not. It returns nil when the attempt came to life meanwhile.
func (l *Launcher) bury(ctx context.Context, dir string) (*exitRecord, error) {
	var exit exitRecord
	if ok, err := record.Read(dir, exitFile, &exit); ok || err != nil {
		return &exit, err
	}
	if _, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) {
		if len(procstat.Marked(childenv.AttemptDir, dir)) == 0 {
			return nil, r1.ErrNotFound
		}
		// Somebody removed the folder while the attempt ran. It comes back, so that
		// nobody starts the attempt while what is left of it dies.
		if err := l.present(); err != nil {
			return nil, err
		}
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return nil, err
		}
	}
	turn, err := lock(ctx, filepath.Join(dir, submitLock))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, r1.ErrNotFound
	}
	if err != nil {
		return nil, err
	}
	defer turn.Close()
	// Nobody starts it while we have the turn: what we see now stays true.
	if alive, err := locked(filepath.Join(dir, lifeLock)); alive || err != nil {
		return nil, err
	}
	if ok, err := record.Read(dir, exitFile, &exit); ok || err != nil {
		return &exit, err
	}
	var proc processRecord
	if ok, err := record.Read(dir, processFile, &proc); err != nil {
		return nil, err
	} else if !ok { // a launcher died before it forked, or the folder was removed: submit again
		if err := killMarked(dir); err != nil {
			return nil, err
		}
		return nil, r1.ErrNotFound
	}
	stopped, err := record.Read(dir, record.StopFile, new(record.Stop))
	if err != nil {
		return nil, err
	}
	boot, err := bootID()
	if err != nil {
		return nil, err
	}
	exit = exitRecord{Outcome: r1.Failed, Code: -1, Ended: time.Now().UTC(), Reason: "infrastructure: the process died without leaving an exit code (killed?)"}
	switch {
	case stopped:
		exit.Outcome, exit.Reason = r1.Stopped, "stopped on request; the process was killed"
	case proc.Boot != boot:
		exit.Outcome, exit.Reason = r1.NodeLost, "infrastructure: the machine was restarted while the process ran"
	}
	if err := killMarked(dir); err != nil {
		return nil, err // not over as long as something of it lives
	}
	return &exit, record.Write(dir, exitFile, exit)
}

// Logs implements r1.Launcher.
func (l *Launcher) Logs(_ context.Context, h r1.Handle, offset int64) (io.ReadCloser, error) {
	dir, err := l.open(h)
	if err != nil {
		return nil, err
	}
	return record.Log(h.Key, filepath.Join(dir, logFile), offset)
}

// open checks a handle and gives the attempt's folder.
func (l *Launcher) open(h r1.Handle) (string, error) {
	return record.Open(l.cfg.Root, Name, handleVersion, h)
}

// elsewhere names the other machine an attempt without a folder here lives on.
func (l *Launcher) elsewhere(dir string, h r1.Handle) string {
	var st handleState
	if len(h.State) == 0 || json.Unmarshal(h.State, &st) != nil || st.Host == l.host {
		return ""
	}
	if _, err := os.Stat(dir); err == nil {
		return ""
	}
	return st.Host
}
