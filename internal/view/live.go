package view

import (
	"fmt"
	"time"

	"github.com/r1ctl/r1ctl/internal/r1"
	"github.com/r1ctl/r1ctl/internal/runs"
)

// silentAfter is how old a heartbeat may be before the view says so: an agent
// beats every few seconds.
const silentAfter = 45 * time.Second

// live is what one running job of a stage shows.
type live struct {
	stage    *runs.Stage
	job      *runs.Job // nil: no attempt of any job exists
	name     string    // of the stage, with the job where several stand side by side
	part     string    // which phase of the stage, where it has several
	phase    string    // what it does, when that is not training
	step     int
	total    int // of the whole stage, where its jobs are phases of one training
	fraction float64
	rate     float64
	eta      time.Duration // 0: not known
	silent   time.Duration // 0: it has been heard of lately
}

// running gives the running jobs of a run, in the recipe's order. A stage with
// no live attempt is one entry, which says what it waits for; so is one that is
// paused, or waits for a person.
func running(st *runs.Status, now time.Time) []live {
	var out []live
	for i := range st.Stages {
		s := &st.Stages[i]
		switch s.State {
		case r1.RunRunning:
		case r1.RunPaused:
			out = append(out, live{stage: s, name: s.Name, phase: "paused"})
			continue
		case r1.RunWaiting:
			out = append(out, live{stage: s, name: s.Name, phase: asks(s)})
			continue
		default:
			continue
		}
		n := len(out)
		for j := range s.Jobs {
			if s.Jobs[j].State == r1.RunRunning {
				out = append(out, liveJob(s, j, now))
			}
		}
		if len(out) == n {
			phase := "preparing"
			if s.Kind.Computed() {
				phase = computing(s.Kind)
			}
			out = append(out, live{stage: s, name: s.Name, phase: phase})
		}
	}
	return out
}

// computing is what the worker does for a kind.
func computing(k r1.Kind) string {
	if k == r1.KindPublish {
		return "publishing"
	}
	return "filtering"
}

func liveJob(s *runs.Stage, index int, now time.Time) live {
	j := &s.Jobs[index]
	l := live{stage: s, name: s.Name, job: j, step: j.Step, total: j.Total, rate: j.Rate}
	switch {
	case s.Kind.Computed():
		l.phase = computing(s.Kind)
	case j.Phase == runs.PhaseWaiting:
		l.phase = "waiting for a slot"
	case j.Phase != runs.PhaseTrain:
		l.phase = j.Phase
	}
	switch {
	case len(s.Jobs) == 1:
	case s.Kind != r1.KindGRPO:
		l.name += "/" + j.Name
	default:
		// Steps are counted over all phases of the stage: so is what is left.
		l.part = j.Name
		for k := range s.Jobs {
			l.total = max(l.total, s.Jobs[k].Total)
		}
	}
	if l.total > 0 {
		l.fraction = min(1, float64(l.step)/float64(l.total))
	}
	if !j.Heartbeat.IsZero() {
		age := now.Sub(j.Heartbeat)
		if age > silentAfter {
			l.silent = age
		}
		if l.rate > 0 && l.step < l.total && l.phase == "" && l.silent == 0 {
			l.eta = max(time.Second, time.Duration(float64(l.total-l.step)/l.rate*float64(time.Second))-max(0, age))
		}
	}
	return l
}

// count is the step and the total, or what is done instead of training.
func (l live) count() string {
	switch {
	case l.phase != "":
		return l.phase
	case l.total > 0:
		return fmt.Sprintf("%d/%d", l.step, l.total)
	case l.step > 0:
		return fmt.Sprintf("step %d", l.step)
	default:
		return l.job.Phase
	}
}

// metrics are the numbers that matter for the kind.
func (l live) metrics() []r1.Metric {
	if l.job == nil {
		return nil
	}
	return r1.KeyMetrics(l.stage.Kind, l.job.Values)
}

func (l live) pace() string {
	unit := "step"
	if l.stage.Kind == r1.KindSample || l.stage.Kind == r1.KindEvaluate {
		unit = "row"
	}
	switch {
	case l.rate == 0 || l.phase != "" || l.silent > 0:
		return ""
	case l.rate >= 1:
		return fmt.Sprintf("%s %ss/s", r1.Number(l.rate), unit)
	default:
		return fmt.Sprintf("%s s/%s", r1.Number(1/l.rate), unit)
	}
}

func (l live) usage() string {
	if l.job == nil || l.job.Usage == nil {
		return ""
	}
	return fmt.Sprintf("%.1f CPU %s", l.job.Usage.CPUs, memory(l.job.Usage.MemoryBytes))
}

func (l live) left() string {
	if l.eta == 0 {
		return ""
	}
	return rough(l.eta) + " left"
}

// odd says what is not as it should be.
func (l live) odd() string {
	switch {
	case l.job == nil:
		return ""
	case l.silent > 0:
		return "silent for " + rough(l.silent)
	case len(l.job.Warnings) > 0:
		return "warning: " + l.job.Warnings[len(l.job.Warnings)-1].Guard
	case len(l.job.Rollbacks) > 0:
		return l.job.Rollbacks[len(l.job.Rollbacks)-1].In(l.job.Name)
	case l.job.Attempts > 1:
		return fmt.Sprintf("attempt %d", l.job.Attempts)
	}
	return ""
}

// warned is what a guard has said, for people.
func warned(w r1.Warning) string {
	return fmt.Sprintf("%s at step %d: %s", w.Guard, w.Step, clean(w.Message))
}

// rollback is why and how far a job went back, and with what.
func rollback(r r1.Rollback) string {
	return fmt.Sprintf("%s (attempt %d, at step %d: %s)", r, r.Attempt, r.AtStep, clean(r.Message))
}

func memory(n int64) string {
	if n < 1<<30 {
		return fmt.Sprintf("%d MB", n>>20)
	}
	return fmt.Sprintf("%.1f GB", float64(n)/(1<<30))
}

// remaining is how long the run goes on, where that can honestly be said: when
// nothing is left but jobs whose own ends are in sight.
func remaining(st *runs.Status, jobs []live) time.Duration {
	var longest time.Duration
	for i := range st.Stages {
		s := &st.Stages[i]
		if s.State == r1.RunPending || s.State == r1.RunPaused || s.State == r1.RunWaiting {
			return 0
		}
		if s.State == r1.RunRunning && s.Kind != r1.KindGRPO {
			for j := range s.Jobs {
				if s.Jobs[j].State == r1.RunPending {
					return 0
				}
			}
		}
	}
	for _, l := range jobs {
		if l.eta == 0 {
			return 0
		}
		longest = max(longest, l.eta)
	}
	return longest
}
