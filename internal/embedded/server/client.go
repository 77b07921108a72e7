package server

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"syscall"
	"time"

	"github.com/r1ctl/r1ctl/internal/embedded/statedir"
	"github.com/r1ctl/r1ctl/internal/r1"
)

const (
	ensurePatience = 2 * time.Minute
	ensurePause    = 25 * time.Millisecond
	abandonGrace   = 10 * time.Second
)

// EnsureOptions is what Ensure needs.
type EnsureOptions struct {
	StateDir string
	Command  []string     // argv of a process that calls Run for the same state directory; it runs in that directory, so paths must be absolute
	Env      []string     // its environment; nil for ours
	Progress func(string) // told what is being done, when a server is started; may be nil
}

// Ensure gives the endpoints of the server of a state directory, and starts one
// when none runs. However many clients call it at once, one server starts. On an
// error nothing that this call started is left.
func Ensure(ctx context.Context, o EnsureOptions) (Endpoints, error) {
	dir, err := statedir.Open(o.StateDir)
	if err != nil {
		return Endpoints{}, err
	}
	if err := Touch(dir.Path()); err != nil { // before looking: see running.leave
		return Endpoints{}, err
	}
	wait, cancel := context.WithTimeout(ctx, ensurePatience)
	defer cancel()
	for {
		st, err := Probe(dir.Path())
		if err != nil {
			return Endpoints{}, err
		}
		if st.State == StateReady {
			return st.Endpoints, st.Endpoints.reachable()
		}
		if st.State == StateStopped {
			err := spawnAlone(wait, dir, o)
			if e, ok := r1.AsError(err); ok && e.Name == errAlreadyRuns {
				err = nil // somebody else was faster
			}
			if err != nil && !errors.Is(err, statedir.ErrLocked) {
				return Endpoints{}, err
			}
			if err == nil {
				continue
			}
		}
		select {
		case <-wait.Done():
			if ctx.Err() != nil {
				return Endpoints{}, ctx.Err()
			}
			return Endpoints{}, &r1.Error{
				Name:   "server-not-ready",
				Detail: fmt.Sprintf("the embedded server (pid %d) on %s did not become ready within %s", st.PID, dir.Path(), ensurePatience),
				Remedy: "r1ctl server stop, then run the command again; the logs are in " + dir.LogDir(),
			}
		case <-time.After(ensurePause):
		}
	}
}

// spawnAlone starts a server unless another client is doing so.
func spawnAlone(ctx context.Context, dir statedir.Dir, o EnsureOptions) error {
	lock, err := statedir.TakeLock(dir.SpawnLock())
	if err != nil {
		return err
	}
	defer lock.Release()
	if _, held, err := statedir.Held(dir.ServerLock()); err != nil || held {
		return err // started between our look and our lock
	}
	return spawn(ctx, dir, o)
}

// spawn starts a server, detached from us, and returns when it is ready or gone.
func spawn(ctx context.Context, dir statedir.Dir, o EnsureOptions) error {
	out, err := dir.SpawnOutput()
	if err != nil {
		return err
	}
	defer out.Close()
	r, w, err := os.Pipe()
	if err != nil {
		return fmt.Errorf("start the embedded server: %w", err)
	}
	defer r.Close()

	cmd := exec.Command(o.Command[0], o.Command[1:]...)
	cmd.Env = o.Env
	if cmd.Env == nil {
		cmd.Env = os.Environ()
	}
	cmd.Env = append(slices.Clip(cmd.Env), reportVariable+"=3")
	cmd.ExtraFiles = []*os.File{w}
	cmd.Stdout, cmd.Stderr = out, out
	cmd.Dir = dir.Path() // it outlives us: it must not hold on to our directory
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	err = cmd.Start()
	w.Close()
	if err != nil {
		return fmt.Errorf("start the embedded server: %w", err)
	}
	gone := make(chan error, 1)
	go func() { gone <- cmd.Wait() }() // also keeps it from staying a zombie as long as we live

	reports := make(chan report)
	go func() {
		defer close(reports)
		readReports(r, func(rep report) { reports <- rep })
	}()
	var failed *failure
	for {
		select {
		case <-ctx.Done():
			go drain(reports)
			abandon(cmd.Process, gone)
			return ctx.Err()
		case rep, open := <-reports:
			switch {
			case !open: // it ended, or will at once
				return endedEarly(<-gone, failed, out.Name())
			case rep.Ready:
				go drain(reports)
				return nil
			case rep.Error != nil:
				failed = rep.Error
			case o.Progress != nil:
				o.Progress(rep.Step)
			}
		}
	}
}

func drain(reports <-chan report) {
	for range reports { // until the server closed its end
	}
}

// abandon ends a server that nobody waits for any more.
func abandon(p *os.Process, gone <-chan error) {
	_ = p.Signal(syscall.SIGTERM)
	select {
	case <-gone:
	case <-time.After(abandonGrace):
		_ = p.Kill()
		<-gone
	}
}

func endedEarly(exit error, told *failure, output string) error {
	if told != nil {
		return told.asError()
	}
	if exit == nil {
		exit = errors.New("exit status 0")
	}
	return &r1.Error{
		Name:   "server-failed",
		Detail: fmt.Sprintf("the embedded server ended before it was ready (%v)", exit),
		Remedy: fmt.Sprintf("see %s and the logs beside it (%s)", output, filepath.Dir(output)),
	}
}
