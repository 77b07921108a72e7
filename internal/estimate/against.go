package estimate

import (
	"slices"

	"github.com/r1ctl/r1ctl/internal/r1"
)

// Against sets what a plan said beside what happened.
type Against struct {
	// Accelerator is what the hours are of; empty: CPU cores.
	Accelerator string `json:"accelerator,omitempty"`
	// Seconds are of wall time, from the run's start to its end.
	Seconds Beside `json:"seconds"`
	// Total is the sum over the stages that ran and whose figures are known on both sides.
	Total  StageAgainst   `json:"total"`
	Stages []StageAgainst `json:"stages"`
	// Notes say what the figures leave out.
	Notes []string `json:"notes,omitempty"`
}

// StageAgainst is one stage: the sum of its jobs that ran, by the attempt that won.
type StageAgainst struct {
	Stage   string  `json:"stage,omitempty"`
	Jobs    int     `json:"jobs"`             // that ran
	Reused  int     `json:"reused,omitempty"` // that were reused, and are in no figure
	Tries   int     `json:"tries,omitempty"`  // attempts beyond the first of a job, which are in no figure
	Seconds Beside  `json:"seconds"`
	Hours   Beside  `json:"hours"`
	Bytes   Beside  `json:"bytes"`
	Rows    *Beside `json:"rows,omitempty"` // out; nil: the stage makes none
}

// Beside is a planned figure with the real one.
type Beside struct {
	Planned Range `json:"planned"`
	// Actual is nil where it is not known, Ratio (actual over likely) also where the plan
	// did not know.
	Actual *float64 `json:"actual"`
	Ratio  *float64 `json:"ratio"`
}

func beside(planned Range, actual float64, known bool) Beside {
	b := Beside{Planned: planned}
	if known {
		b.Actual = &actual
		if planned.Known && planned.Likely > 0 {
			r := actual / planned.Likely
			b.Ratio = &r
		}
	}
	return b
}

// sum is a figure of several jobs; it is known where it is known of each.
type sum struct {
	planned Range
	actual  float64
	known   bool
}

func (s *sum) add(planned Range, actual float64, known bool) {
	s.planned, s.actual, s.known = s.planned.Plus(planned), s.actual+actual, s.known && known
}

func (s *sum) beside() Beside { return beside(s.planned, s.actual, s.known) }

func newSum() sum { return sum{planned: Exactly(0), known: true} }

// Against compares an estimate with the commits of its run, and with how long that took.
// commit gives nil for a job that has none.
func (f Frozen) Against(seconds float64, commit func(stage, job string) *r1.Commit) *Against {
	out := &Against{Accelerator: f.Machine.Accelerator}
	var stages []string
	for _, j := range f.Jobs {
		if !slices.Contains(stages, j.Stage) {
			stages = append(stages, j.Stage)
		}
	}
	otherwise := false // something was planned to be reused and ran, or the reverse
	total := [3]sum{newSum(), newSum(), newSum()}
	for _, name := range stages {
		s := StageAgainst{Stage: name}
		of := [4]sum{newSum(), newSum(), newSum(), newSum()}
		for _, j := range f.Jobs {
			c := commit(name, j.Job)
			if j.Stage != name || c == nil {
				continue
			}
			otherwise = otherwise || j.Reused != (c.ReusedFrom != nil)
			if c.ReusedFrom != nil {
				s.Reused++
				continue
			}
			s.Jobs++
			s.Tries += max(0, c.Attempt-1)
			took := c.Ended.Sub(c.Started).Seconds()
			hours, known := f.hours(j, c, took)
			for i, a := range []struct {
				planned Range
				actual  float64
				known   bool
			}{{j.Seconds, took, true}, {j.Hours, hours, known}, {j.Bytes, stored(c), true}} {
				of[i].add(a.planned, a.actual, a.known)
				if a.planned.Known && a.known {
					total[i].add(a.planned, a.actual, true)
				}
			}
			if j.Rows != nil {
				rows, known := rowsOf(c)
				of[3].add(*j.Rows, rows, known)
				b := of[3].beside()
				s.Rows = &b
			}
		}
		s.Seconds, s.Hours, s.Bytes = of[0].beside(), of[1].beside(), of[2].beside()
		out.Stages = append(out.Stages, s)
		out.Total.Jobs, out.Total.Reused, out.Total.Tries = out.Total.Jobs+s.Jobs, out.Total.Reused+s.Reused, out.Total.Tries+s.Tries
	}
	out.Total.Seconds, out.Total.Hours, out.Total.Bytes = total[0].beside(), total[1].beside(), total[2].beside()
	out.Seconds = beside(f.Seconds, seconds, seconds > 0)
	if out.Total.Tries > 0 {
		out.Notes = append(out.Notes, "the time of attempts that failed is in the run's wall time, and in no stage's")
	}
	if otherwise {
		out.Notes = append(out.Notes, "the run reused other jobs than the plan said, so its wall time is of another amount of work")
	}
	if f.Machine.Accelerator != "" {
		out.Notes = append(out.Notes, "accelerator hours are the real time on as many accelerators as the plan gave each job")
	}
	return out
}

// hours are what a job took: of cores as its processes were measured, of accelerators by
// its time on as many as were planned.
func (f Frozen) hours(j FrozenJob, c *r1.Commit, took float64) (float64, bool) {
	switch {
	case j.Hours.Known && j.Hours.High == 0:
		return 0, true // the worker computes it on the side
	case f.Machine.Accelerator != "" && j.Accelerators > 0:
		return took * float64(j.Accelerators) / 3600, true
	case f.Machine.Accelerator == "" && c.Usage != nil:
		return c.Usage.CPUSeconds / 3600, true
	}
	return 0, false
}

func stored(c *r1.Commit) float64 {
	n := int64(0)
	for _, o := range c.Outputs {
		n += o.Bytes
	}
	return float64(n)
}

func rowsOf(c *r1.Commit) (float64, bool) {
	if c.Funnel != nil {
		return float64(c.Funnel.Kept), true
	}
	if c.Kind == r1.KindSample || c.Kind == r1.KindEvaluate {
		return float64(c.Steps), c.Steps > 0 // these count rows for steps
	}
	rows, ok := c.Metrics["rows"]
	return rows, ok
}
