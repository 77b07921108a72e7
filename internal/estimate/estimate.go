package estimate

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/r1ctl/r1ctl/internal/r1"
)

// Options are what an estimate needs besides the plan.
type Options struct {
	Machine Machine
	Prices  Prices
	// Model and Rows know addresses; false or 0 where they do not.
	Model func(address string) (Model, bool)
	Rows  func(address string) int64
	// Given are rows of sources that a person knows, by STAGE.SOURCE.
	Given map[string]float64
	// KeepCheckpoints is how many complete checkpoints stay while a job runs.
	KeepCheckpoints int
	Past            []Past
}

// Prices are a site's. A price of 0 is not known.
type Prices struct {
	AcceleratorHour float64 `json:"accelerator_hour,omitempty"`
	CPUHour         float64 `json:"cpu_hour,omitempty"`
	StorageTBMonth  float64 `json:"storage_tb_month,omitempty"`
	Currency        string  `json:"currency,omitempty"`
}

// A Job is the estimate of one job. Unknown says why a figure is not known.
type Job struct {
	Stage        string  `json:"stage"`
	Job          string  `json:"job"`
	Kind         r1.Kind `json:"kind"`
	Parameters   float64 `json:"parameters,omitempty"`
	RowsIn       Range   `json:"rows_in"`
	RowsOut      Range   `json:"rows_out"`
	Tokens       Range   `json:"tokens"`  // generated or trained on
	Compute      Range   `json:"flops"`   // of the job
	Hours        Range   `json:"hours"`   // of accelerators, or of cores on a CPU
	Seconds      Range   `json:"seconds"` // of wall time
	Bytes        Range   `json:"bytes"`   // of its outputs
	Peak         Range   `json:"peak_bytes"`
	Memory       Range   `json:"memory_bytes"`
	Accelerators int     `json:"accelerators,omitempty"`
	Formula      string  `json:"formula,omitempty"`
	Unknown      string  `json:"unknown,omitempty"`
	Past         string  `json:"past,omitempty"` // what of the past corrects it
}

// An Estimate is that of a plan.
type Estimate struct {
	Machine  Machine `json:"machine"`
	Jobs     []Job   `json:"jobs"`
	Hours    Range   `json:"hours"`
	Seconds  Range   `json:"seconds"`
	Bytes    Range   `json:"bytes"`      // kept at the end
	Peak     Range   `json:"peak_bytes"` // with the checkpoints of the job that has the largest
	Money    Range   `json:"money"`
	Month    Range   `json:"storage_month"` // what keeping Bytes costs a month
	Currency string  `json:"currency,omitempty"`
	// Unknown lists what is left out of the totals, which are lower bounds then.
	Unknown []string `json:"unknown,omitempty"`
	// Warnings are what does not fit the machine.
	Warnings []string `json:"warnings,omitempty"`
}

// Job is the estimate of a job, or nil.
func (e *Estimate) Job(stage, job string) *Job {
	for i := range e.Jobs {
		if e.Jobs[i].Stage == stage && e.Jobs[i].Job == job {
			return &e.Jobs[i]
		}
	}
	return nil
}

// An artifact is what is known of an output.
type artifact struct {
	model  *Model
	rows   Range
	asked  Range // distinct prompts among the rows
	tokens Range // of a row, prompt included
}

// an estimator walks a plan in its order.
type estimator struct {
	opts    Options
	outputs map[r1.OutputRef]artifact
}

// Of estimates a plan. Errors are those of parameters that are no JSON.
func Of(plan *r1.Plan, opts Options) (*Estimate, error) {
	e := &estimator{opts: opts, outputs: map[r1.OutputRef]artifact{}}
	out := &Estimate{Machine: opts.Machine, Currency: opts.Prices.Currency}
	for _, stage := range plan.Stages {
		for i := range stage.Jobs {
			job, err := e.job(&stage.Jobs[i])
			if err != nil {
				return nil, fmt.Errorf("estimate %s/%s: %w", stage.Name, stage.Jobs[i].Name, err)
			}
			out.Jobs = append(out.Jobs, job)
		}
	}
	out.sum(plan, opts)
	return out, nil
}

// sum makes the totals of the jobs.
func (e *Estimate) sum(plan *r1.Plan, opts Options) {
	e.Hours, e.Bytes = Exactly(0), Exactly(0)
	peak := Exactly(0)
	stages := map[string][]string{} // by what is unknown
	var reasons []string
	for _, j := range e.Jobs {
		if j.Unknown != "" {
			if stages[j.Unknown] == nil {
				reasons = append(reasons, j.Unknown)
			}
			if !slices.Contains(stages[j.Unknown], j.Stage) {
				stages[j.Unknown] = append(stages[j.Unknown], j.Stage)
			}
		}
		if j.Hours.Known {
			e.Hours = e.Hours.Plus(j.Hours)
		}
		if j.Bytes.Known {
			e.Bytes = e.Bytes.Plus(j.Bytes)
		}
		if j.Peak.Known {
			peak = Between(math.Max(peak.Low, j.Peak.Low), math.Max(peak.Likely, j.Peak.Likely), math.Max(peak.High, j.Peak.High))
		}
		if have := opts.Machine.Count; have > 0 && j.Accelerators > have {
			e.Warnings = append(e.Warnings, fmt.Sprintf("%s/%s needs about %d %s for its memory (%.0f GiB), and the site has %d",
				j.Stage, j.Job, j.Accelerators, opts.Machine.Accelerator, j.Memory.Likely/gib, have))
		}
	}
	for _, reason := range reasons {
		e.Unknown = append(e.Unknown, strings.Join(stages[reason], ", ")+": "+reason)
	}
	e.Peak = e.Bytes.Plus(peak)
	e.Seconds = schedule(plan, e, max(1, opts.Machine.Slots))
	price := opts.Prices.CPUHour
	if opts.Machine.Accelerator != "" {
		price = opts.Prices.AcceleratorHour
	}
	if price > 0 {
		e.Money = e.Hours.Scale(price)
	}
	if opts.Prices.StorageTBMonth > 0 {
		e.Month = e.Bytes.Scale(opts.Prices.StorageTBMonth / 1e12)
	}
	slices.Sort(e.Warnings)
	e.Warnings = slices.Compact(e.Warnings)
}

const gib = 1 << 30

// place gives a job its time and machines from its compute.
func (e *estimator) place(j *Job, train, generate Range) {
	m := e.opts.Machine
	j.Compute = train.Plus(generate)
	if !j.Compute.Known {
		return
	}
	peak := m.TFLOPS * 1e12
	slow := func(work Range, use Range) Range { // little use of the peak makes high figures
		return Between(work.Low/(peak*use.High), work.Likely/(peak*use.Likely), work.High/(peak*use.Low))
	}
	busy := slow(train, training.Value).Plus(slow(generate, generating.Value))
	start := startCPU.Value
	count := 1
	if m.Accelerator != "" {
		start = startGPU.Value
		j.Accelerators = max(1, int(math.Ceil(j.Memory.Likely/(m.MemoryGiB*gib))))
		if n := j.Accelerators; n > 8 {
			j.Accelerators = (n + 7) / 8 * 8 // whole machines of eight
		}
		count = max(j.Accelerators, m.Count)
	}
	j.Seconds = busy.Scale(1 / float64(count)).Plus(start)
	j.Hours = j.Seconds.Scale(float64(count) / 3600)
}
