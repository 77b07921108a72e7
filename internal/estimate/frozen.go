package estimate

import "github.com/r1ctl/r1ctl/internal/r1"

// FrozenVersion is the version of the form of Frozen.
const FrozenVersion = 1

// Frozen is what a run keeps of the estimate that it was started with.
type Frozen struct {
	Version int     `json:"version"`
	Machine Machine `json:"machine"`
	// Seconds are of wall time, of the jobs that are not reused.
	Seconds Range       `json:"seconds"`
	Jobs    []FrozenJob `json:"jobs"`
}

// FrozenJob is the estimate of one job. A range that is not known is unknown.
type FrozenJob struct {
	Stage        string `json:"stage"`
	Job          string `json:"job"`
	Seconds      Range  `json:"seconds"`
	Hours        Range  `json:"hours"` // of accelerators, or of cores on a CPU
	Bytes        Range  `json:"bytes"`
	Rows         *Range `json:"rows,omitempty"` // out; nil: it makes none
	Accelerators int    `json:"accelerators,omitempty"`
	Reused       bool   `json:"reused,omitempty"` // it was to be
}

// Freeze keeps of an estimate what a run is later set beside. reused tells the jobs that
// are not to be run.
func (e *Estimate) Freeze(plan *r1.Plan, reused func(stage, job string) bool) Frozen {
	f := Frozen{Version: FrozenVersion, Machine: e.Machine, Seconds: e.Part(plan, func(s, j string) bool { return !reused(s, j) }).Seconds}
	for _, j := range e.Jobs {
		one := FrozenJob{Stage: j.Stage, Job: j.Job, Seconds: j.Seconds, Hours: j.Hours, Bytes: j.Bytes, Reused: reused(j.Stage, j.Job)}
		if j.Kind == r1.KindSample || j.Kind == r1.KindCurate || j.Kind == r1.KindEvaluate {
			rows := j.RowsOut
			one.Rows = &rows
		}
		if e.Machine.Accelerator != "" && j.Accelerators > 0 {
			one.Accelerators = max(j.Accelerators, e.Machine.Count)
		}
		f.Jobs = append(f.Jobs, one)
	}
	return f
}

// Cost is what some of a plan's jobs cost. What is unknown of them is left out, and
// counted.
type Cost struct {
	Jobs    int   `json:"jobs"`
	Seconds Range `json:"seconds"` // of wall time
	Hours   Range `json:"hours"`
	Money   Range `json:"money"`
	Unknown int   `json:"unknown,omitempty"` // jobs without an estimate
}

// Part is the cost of the jobs that keep picks, when the others are there already.
func (e *Estimate) Part(plan *r1.Plan, keep func(stage, job string) bool) Cost {
	part := *e
	part.Jobs = nil
	out := Cost{Hours: Exactly(0)}
	for _, j := range e.Jobs {
		if !keep(j.Stage, j.Job) {
			j.Seconds = Exactly(0)
			part.Jobs = append(part.Jobs, j)
			continue
		}
		part.Jobs = append(part.Jobs, j)
		out.Jobs++
		if !j.Seconds.Known || !j.Hours.Known {
			out.Unknown++
			continue
		}
		out.Hours = out.Hours.Plus(j.Hours)
	}
	out.Seconds = schedule(plan, &part, max(1, e.Machine.Slots))
	if e.Hours.Likely > 0 && e.Money.Known { // both are of the same price
		out.Money = out.Hours.Scale(e.Money.Likely / e.Hours.Likely)
	}
	return out
}
