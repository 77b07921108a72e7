package slurm

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/r1ctl/r1ctl/internal/launch/record"
	"github.com/r1ctl/r1ctl/internal/r1"
)

// Status implements r1.Launcher. The first Status after a job ended decides how.
func (l *Launcher) Status(ctx context.Context, h r1.Handle) (r1.Status, error) {
	dir, err := l.open(h)
	if err != nil {
		return r1.Status{}, err
	}
	st, err := l.status(ctx, h.Key, dir)
	switch {
	case errors.Is(err, r1.ErrNotFound), err != nil && ctx.Err() != nil:
		return r1.Status{}, fmt.Errorf("status of %s: %w", h.Key, err)
	case err != nil:
		return r1.Status{State: r1.StateUnknown, Reason: err.Error()}, nil
	}
	return st, nil
}

func (l *Launcher) status(ctx context.Context, key r1.AttemptKey, dir string) (r1.Status, error) {
	e, err := gather(dir)
	if err != nil {
		return r1.Status{}, err
	}
	if e.end != nil {
		return e.end.status(), nil
	}
	jobs, err := l.poll.jobs(ctx, l.cfg.Poll)
	if err != nil {
		return r1.Status{}, err
	}
	j, found := choose(jobs[l.name(key)], e)
	if found && phase(j.state) != r1.StateEnded && !putBack(j, e) {
		return l.living(ctx, dir, j, e)
	}
	// A final word is never said by what may be old: the job may have been submitted since.
	if jobs, err = l.poll.jobs(ctx, 0); err != nil {
		return r1.Status{}, err
	}
	if e, err = gather(dir); err != nil {
		return r1.Status{}, err
	}
	if e.end != nil {
		return e.end.status(), nil
	}
	j, found = choose(jobs[l.name(key)], e)
	switch {
	case found && putBack(j, e):
		reason := "Slurm has put job " + j.id + " back into its queue, which ran already: it is cancelled"
		return r1.Status{State: r1.StateUnknown, ID: jobName(j.id), Reason: reason}, l.cancel(ctx, j.id)
	case found && phase(j.state) != r1.StateEnded:
		return l.living(ctx, dir, j, e)
	case !found && e.job == nil && e.claimed == "":
		if err := l.known(ctx, key, dir); err != nil {
			return r1.Status{}, err
		}
		return r1.Status{State: r1.StateUnknown, Reason: "the job has just been submitted"}, nil
	}
	// One that bears the name as well would take a place, only to stand down.
	for _, other := range living(jobs[l.name(key)]) {
		if other.id != j.id {
			if err := l.cancel(ctx, other.id); err != nil {
				return r1.Status{}, err
			}
		}
	}
	return l.conclude(ctx, key, dir, j, e)
}

// putBack tells whether a job waits that had the claim and so ran: a cluster's RequeueExit does
// that in spite of --no-requeue, and would do it again.
func putBack(j job, e evidence) bool { return phase(j.state) == r1.StatePending && e.claimed == j.id }

// choose picks the job that is the attempt: the one that has the claim, else one
// that may get it, else the one that was submitted first. found is false where the scheduler knows none.
func choose(jobs []job, e evidence) (chosen job, found bool) {
	if e.claimed != "" && e.claimed != nobody {
		for _, j := range jobs {
			if j.id == e.claimed {
				return j, true
			}
		}
		return job{id: e.claimed}, false
	}
	for _, j := range jobs {
		switch ended := phase(j.state) == r1.StateEnded; {
		case !found, phase(chosen.state) == r1.StateEnded && !ended, phase(chosen.state) == r1.StateEnded == ended && before(j.id, chosen.id):
			chosen, found = j, true
		}
	}
	if !found && e.job != nil {
		chosen.id = e.job.ID
	}
	return chosen, found
}

// before orders numbers written as text.
func before(a, b string) bool {
	return len(a) < len(b) || len(a) == len(b) && a < b
}

// living is the status of a job that is not over.
func (l *Launcher) living(ctx context.Context, dir string, j job, e evidence) (r1.Status, error) {
	st := r1.Status{State: phase(j.state), ID: jobName(j.id), Host: j.nodes}
	switch st.State {
	case r1.StatePending:
		st.Reason = waiting(j.reason)
	case r1.StateRunning:
		st.Started = j.start
		if e.start != nil {
			st.Started, st.Host = e.start.Started, e.start.Host
		}
		if j.state != "RUNNING" {
			st.Reason = j.state
		}
	default:
		st.Reason = "Slurm says " + j.state
	}
	if e.stop != nil {
		st.Reason = "asked to stop"
		if time.Now().After(e.stop.Deadline) {
			return st, l.kill(ctx, j.id)
		}
	}
	return st, nil
}

// conclude decides how the attempt ended. Whoever comes first decides for all.
func (l *Launcher) conclude(ctx context.Context, key r1.AttemptKey, dir string, j job, e evidence) (r1.Status, error) {
	if e.claimed == "" {
		// From now on no job of this key begins, if one did not in this moment.
		who, err := claim(dir, nobody)
		if err != nil {
			return r1.Status{}, err
		}
		if who != nobody {
			return r1.Status{State: r1.StateUnknown, ID: jobName(who), Reason: "job " + who + " begins"}, nil
		}
	}
	t := testimony{id: j.id, began: e.claimed != "" && e.claimed != nobody, stopped: e.stop != nil, exit: e.exit,
		ending: ending{state: j.state, reason: j.reason, node: j.nodes, code: -1}}
	if e.job != nil {
		t.notice = e.job.Notice
	}
	if err := l.hear(ctx, key, &t, j.state != ""); err != nil {
		return r1.Status{}, err
	}
	end := endRecord{Job: j.id, Host: t.node, Started: t.start, Ended: t.end}
	end.Outcome, end.Code, end.Reason = judge(t)
	if e.start != nil {
		end.Host, end.Started = e.start.Host, e.start.Started
	}
	if e.exit != nil {
		end.Ended = e.exit.Ended
	}
	if end.Ended.Before(end.Started) || end.Ended.IsZero() {
		end.Ended = time.Now().UTC()
	}
	discard(dir)
	if _, err := record.Create(dir, endFile, end); err != nil {
		return r1.Status{}, err
	}
	said, err := read[endRecord](dir, endFile)
	if err != nil || said == nil {
		return r1.Status{}, errors.Join(err, errors.New("what was written of the attempt's end cannot be read"))
	}
	return said.status(), nil
}

// hear adds what the scheduler and its records say of a job that is over.
func (l *Launcher) hear(ctx context.Context, key r1.AttemptKey, t *testimony, queued bool) error {
	switch {
	case t.id == "": // stopped before it was submitted
		t.state = "CANCELLED"
		return nil
	case queued:
		said, err := details(ctx, l.cfg.Exec, t.id)
		if err == nil && final(said.state) {
			t.ending = said
			return nil
		}
		switch {
		case err != nil && !strings.Contains(err.Error(), "Invalid job id"):
			return err
		case err == nil:
			return fmt.Errorf("squeue says that job %s is %s, and scontrol that it is %s", t.id, t.state, said.state)
		}
	}
	// Forgotten by the controller, perhaps only a moment ago.
	said, found, err := past(ctx, l.cfg.Exec, t.id, l.name(key))
	if err != nil {
		return err
	}
	switch {
	case found:
		said.reason = t.reason
		t.ending = said
	case t.exit == nil && t.state == "":
		t.state, t.reason = forgotten, "(Slurm knows it no more, and it left no record)"
	case t.state == "":
		t.state, t.reason = "FAILED", "(forgotten by Slurm; by the attempt's own record)"
	}
	return nil
}
