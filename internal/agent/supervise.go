package agent

import (
	"context"
	"syscall"
	"time"

	"github.com/r1ctl/r1ctl/internal/launch/child"
)

// supervise waits for the trainer's end and brings it about where it must.
func (a *agent) supervise(ctx context.Context, trainer *child.Child, verifierGone <-chan struct{}) reason {
	why := itself
	var kill, walltimeOver <-chan time.Time
	end := func(r reason, grace time.Duration) {
		if why != itself {
			return
		}
		why = r
		a.cfg.Logger.Info("ending the trainer", "reason", r)
		a.live.set(func(l *live) { l.phase = phaseStopping })
		trainer.Signal(syscall.SIGTERM)
		kill = time.After(grace)
	}
	if d := a.deadline(); d != nil {
		timer := time.NewTimer(time.Until(*d))
		defer timer.Stop()
		walltimeOver = timer.C
	}
	scan := time.NewTicker(min(a.cfg.Interval, time.Second))
	defer scan.Stop()
	quiet := newSilence(a.cfg.Stall, time.Now())
	stop := ctx.Done()
	for {
		select {
		case <-trainer.Done:
			return why
		case <-stop:
			stop = nil
			end(stopping, a.cfg.Grace)
		case <-walltimeOver:
			end(walltime, a.cfg.Grace)
		case <-verifierGone:
			verifierGone = nil
			end(noVerifier, a.cfg.Grace)
		case <-kill:
			trainer.Signal(syscall.SIGKILL)
		case now := <-scan.C:
			if err := a.progress.scan(); err != nil {
				a.cfg.Logger.Warn("cannot read the metrics", "error", err)
			}
			p := a.progress.now()
			quiet.note(p.Lines, now)
			switch {
			case p.beginning(&a.spec) != nil:
				end(badBeginning, 0) // every further step is a waste
			case p.Summary != nil && quiet.lasts(now) > a.cfg.ExitWait:
				end(hungAtExit, a.cfg.Grace)
			case quiet.tooLong(now):
				end(stalled, a.cfg.Grace)
			}
		}
	}
}

// silenceFactor is how many times the longest silence so far a silence may last.
const silenceFactor = 10

// silence follows how long the trainer says nothing. How long is too long depends
// on the job: a step takes a second here and an hour there. So a silence counts
// as a stall when it lasts longer than a floor and than many times the longest one before.
type silence struct {
	floor   time.Duration
	lines   int
	since   time.Time
	longest time.Duration
}

func newSilence(floor time.Duration, now time.Time) *silence {
	return &silence{floor: floor, since: now}
}

// note is told how many lines there are now.
func (s *silence) note(lines int, now time.Time) {
	if lines != s.lines {
		s.longest = max(s.longest, s.lasts(now))
		s.lines, s.since = lines, now
	}
}

func (s *silence) lasts(now time.Time) time.Duration { return now.Sub(s.since) }

func (s *silence) tooLong(now time.Time) bool {
	return s.lasts(now) > max(s.floor, silenceFactor*s.longest)
}
