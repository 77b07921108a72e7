package estimate

import (
	"fmt"
	"slices"

	"github.com/r1ctl/r1ctl/internal/r1"
)

// Past is what a job of an earlier run took, beside what would have been said of it.
type Past struct {
	Run   string
	Stage string
	Job   string
	Kind  r1.Kind
	// Estimated is the estimate of the job without the past.
	Estimated Job
	Seconds   float64 // that it took
	In, Kept  float64 // rows, where it has a funnel; else 0
}

// margin is how far jobs of the same sort differ from run to run, on one machine.
var margin = Between(0.8, 1, 1.3)

// correct replaces assumptions by what the same job, or else jobs of its kind, took in the past.
func (e *estimator) correct(j *Job, made *artifact) {
	if same := e.same(j.Stage, j.Job); same != nil {
		if same.In > 0 && j.RowsIn.Known && j.Kind == r1.KindCurate {
			made.rows = j.RowsIn.Scale(same.Kept / same.In)
			j.RowsOut = made.rows
			made.asked = atMost(made.asked, made.rows)
		}
		if f := ratio(*same); f > 0 {
			e.scale(j, f, "the same job in run "+same.Run)
		}
		return
	}
	var all []float64
	for _, p := range e.opts.Past {
		if f := ratio(p); f > 0 && p.Kind == j.Kind {
			all = append(all, f)
		}
	}
	if len(all) > 0 {
		slices.Sort(all)
		e.scale(j, all[len(all)/2], fmt.Sprintf("%d jobs of its kind in the past", len(all)))
	}
}

func (e *estimator) same(stage, job string) *Past {
	for i := range e.opts.Past {
		if p := &e.opts.Past[i]; p.Stage == stage && p.Job == job {
			return p
		}
	}
	return nil
}

// ratio is what a job took over what would have been said; 0 where that is not known.
func ratio(p Past) float64 {
	if p.Seconds <= 0 || !p.Estimated.Seconds.Known || p.Estimated.Seconds.Likely <= 0 {
		return 0
	}
	return p.Seconds / p.Estimated.Seconds.Likely
}

func (e *estimator) scale(j *Job, f float64, by string) {
	if !j.Seconds.Known {
		return
	}
	hours := 0.0
	if j.Seconds.Likely > 0 {
		hours = j.Hours.Likely / j.Seconds.Likely
	}
	j.Seconds = margin.Scale(j.Seconds.Likely * f)
	j.Hours = j.Seconds.Scale(hours)
	j.Past = by
}
