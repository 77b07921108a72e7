package slurm

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/r1ctl/r1ctl/internal/launch/record"
	"github.com/r1ctl/r1ctl/internal/r1"
)

// Stop implements r1.Launcher. A handle that has only Launcher and Key is enough:
// an attempt stopped before it began never begins.
//
// The deadline is on disk: a timer of this process kills at it, and if this
// process is gone, the first Status of another after it does.
func (l *Launcher) Stop(ctx context.Context, h r1.Handle, grace time.Duration) error {
	dir, err := l.open(h)
	if err != nil {
		return err
	}
	if err := l.stop(ctx, h.Key, dir, grace); err != nil {
		return fmt.Errorf("stop %s: %w", h.Key, err)
	}
	return nil
}

func (l *Launcher) stop(ctx context.Context, key r1.AttemptKey, dir string, grace time.Duration) error {
	if err := l.present(); err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	turn, err := lock(ctx, filepath.Join(dir, submitLock))
	if err != nil {
		return err
	}
	defer turn.Close()
	e, err := gather(dir)
	if err != nil {
		return err
	}
	// Asked first: what was not accepted is not remembered either.
	jobs, err := l.poll.jobs(ctx, 0)
	if err != nil {
		return err
	}
	if e.end != nil { // it is over; what bears its name is not
		for _, j := range living(jobs[l.name(key)]) {
			if err := l.cancel(ctx, j.id); err != nil {
				return err
			}
		}
		return nil
	}
	asked, err := record.AskStop(dir, grace)
	if err != nil {
		return err
	}
	alive := living(jobs[l.name(key)])
	if len(alive) == 0 {
		return l.forbid(dir, e)
	}
	for _, j := range alive {
		if err := l.ask(ctx, j, grace); err != nil {
			return err
		}
		time.AfterFunc(time.Until(asked.Deadline), func() {
			if end, err := read[endRecord](dir, endFile); end == nil && err == nil {
				_ = l.kill(context.WithoutCancel(ctx), j.id)
			}
		})
	}
	return nil
}

func living(jobs []job) []job {
	var out []job
	for _, j := range jobs {
		if phase(j.state) != r1.StateEnded {
			out = append(out, j)
		}
	}
	return out
}

// forbid makes an attempt that did not begin one that never does. Of one that
// ended, the next Status says how.
func (l *Launcher) forbid(dir string, e evidence) error {
	who, err := claim(dir, nobody)
	if err != nil || who != nobody {
		return err
	}
	discard(dir) // no job begins any more
	if e.job != nil {
		return nil
	}
	_, err = record.Create(dir, endFile, endRecord{Outcome: r1.Stopped, Code: -1, Reason: "stopped before it began", Ended: time.Now().UTC()})
	return err
}

// ask tells a job to end. A pending one is gone at once; to a running one's process SIGTERM is sent, alone, so
// that it has its own time and not that of the cluster's KillWait.
func (l *Launcher) ask(ctx context.Context, j job, grace time.Duration) error {
	switch {
	case phase(j.state) == r1.StatePending:
		return l.cancel(ctx, j.id)
	case grace <= 0:
		return l.kill(ctx, j.id)
	}
	return l.cancel(ctx, "--signal=TERM", "--batch", j.id)
}

// kill ends all processes of a job at once.
func (l *Launcher) kill(ctx context.Context, id string) error {
	// The script's process first, by itself: to end a whole job the cluster takes its KillWait.
	if err := l.cancel(ctx, "--signal=KILL", "--batch", id); err != nil {
		return err
	}
	return l.cancel(ctx, "--signal=KILL", "--full", id)
}

// cancel runs scancel. That a job is over already is no error.
func (l *Launcher) cancel(ctx context.Context, args ...string) error {
	_, err := ask(ctx, l.cfg.Exec, append([]string{"scancel"}, args...)...)
	if err != nil {
		for _, over := range []string{"Invalid job id", "already completing or completed", "Job/step already"} {
			if strings.Contains(err.Error(), over) {
				return nil
			}
		}
	}
	return err
}
