package estimate

import (
	"cmp"
	"slices"

	"github.com/r1ctl/r1ctl/internal/r1"
)

// schedule is the wall time of a plan: low where all that can runs side by side, likely and high
// with so many jobs at a time, started in the plan's order. Jobs whose time is unknown take none.
func schedule(plan *r1.Plan, e *Estimate, slots int) Range {
	length := func(pick func(Range) float64) func(stage, job string) float64 {
		return func(stage, job string) float64 {
			j := e.Job(stage, job)
			if j == nil || !j.Seconds.Known {
				return 0 // listed as unknown
			}
			return pick(j.Seconds)
		}
	}
	low := walk(plan, len(e.Jobs)+1, length(func(r Range) float64 { return r.Low }))
	likely := walk(plan, slots, length(func(r Range) float64 { return r.Likely }))
	high := walk(plan, slots, length(func(r Range) float64 { return r.High }))
	return Between(low, likely, high)
}

// walk places each job on the slot that is free first, once what it needs has ended.
func walk(plan *r1.Plan, slots int, length func(stage, job string) float64) float64 {
	free := make([]float64, slots)
	ended := map[string]float64{} // a stage, or stage/job
	last := 0.0
	type ready struct {
		at float64
		r1.PlannedStage
	}
	var stages []ready
	for _, s := range plan.Stages {
		stages = append(stages, ready{0, s})
	}
	for len(stages) > 0 {
		// Of the stages whose needs have ended, the one that can begin first comes next.
		best := -1
		for i := range stages {
			stages[i].at = 0
			open := false
			for _, n := range stages[i].Needs {
				at, done := ended[n]
				open = open || !done
				stages[i].at = max(stages[i].at, at)
			}
			if !open && (best < 0 || stages[i].at < stages[best].at) {
				best = i
			}
		}
		if best < 0 {
			break // a cycle, which loading refuses
		}
		s := stages[best]
		stages = slices.Delete(stages, best, best+1)
		for _, j := range s.Jobs {
			at := s.at
			for _, before := range j.After {
				at = max(at, ended[s.Name+"/"+before])
			}
			slot, _ := minimum(free)
			begin := max(at, free[slot])
			end := begin + length(j.Stage, j.Name)
			free[slot] = end
			ended[s.Name+"/"+j.Name] = end
			ended[s.Name] = max(ended[s.Name], end)
			last = max(last, end)
		}
	}
	return last
}

func minimum(list []float64) (int, float64) {
	best := 0
	for i := range list {
		if cmp.Less(list[i], list[best]) {
			best = i
		}
	}
	return best, list[best]
}
