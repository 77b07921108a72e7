package activities

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/r1ctl/r1ctl/internal/gate"
	"github.com/r1ctl/r1ctl/internal/r1"
	"github.com/r1ctl/r1ctl/internal/tasks"
)

// CheckGate judges the conditions of a stage's gate by the commits of the stages that
// they name, and keeps the outcome with the run, for people. Commits do not change, so
// a second look finds the same.
func (a *Activities) CheckGate(ctx context.Context, in tasks.GateInput) (tasks.GateChecked, error) {
	layout := r1.Layout{Recipe: in.Recipe, Run: in.Run}
	metrics := map[string]map[string]float64{}
	for stage, jobs := range in.Jobs {
		numbers, err := a.numbers(ctx, layout, stage, jobs)
		if err != nil {
			return tasks.GateChecked{}, err
		}
		metrics[stage] = numbers
	}
	var out tasks.GateChecked
	for _, text := range in.Conditions {
		c, err := gate.Parse(text)
		if err != nil {
			return tasks.GateChecked{}, permanent("plan-mismatch", "condition %q of stage %s: %v", text, in.Stage, err)
		}
		out.Checks = append(out.Checks, c.Judge(func(stage, metric string) (float64, bool) {
			v, ok := metrics[stage][metric]
			return v, ok
		}))
	}
	if err := a.Store.PutJSON(ctx, layout.GateChecks(in.Stage), out.Checks); err != nil {
		return tasks.GateChecked{}, fmt.Errorf("record the gate of %s: %w", in.Stage, err)
	}
	return out, nil
}

// numbers are those of a stage's last job, and those of each of its jobs under
// JOB.METRIC.
func (a *Activities) numbers(ctx context.Context, l r1.Layout, stage string, jobs []string) (map[string]float64, error) {
	out := map[string]float64{}
	for i, job := range jobs {
		c, err := a.Store.FindCommit(ctx, l, r1.JobKey{Run: l.Run, Stage: stage, Job: job})
		if errors.Is(err, r1.ErrNotFound) {
			continue // its numbers are then not there, which Judge says
		}
		if err != nil {
			return nil, fmt.Errorf("read the numbers of %s: %w", strings.Join([]string{stage, job}, "/"), err)
		}
		for name, v := range c.Metrics {
			out[job+"."+name] = v
			if i == len(jobs)-1 {
				out[name] = v
			}
		}
	}
	if in := out["rows_in"]; in > 0 {
		out[gate.Share] = out["rows"] / in
	}
	return out, nil
}
