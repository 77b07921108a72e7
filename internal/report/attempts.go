package report

import (
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/r1ctl/r1ctl/internal/r1"
	"github.com/r1ctl/r1ctl/internal/runs"
)

// parallel bounds the reads that run at once.
const parallel = 8

// stages reads what became of every stage of the plan.
func (c *collector) stages(ctx context.Context, st *runs.Status) ([]Stage, error) {
	out := make([]Stage, len(c.run.Plan.Stages))
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(parallel)
	for i := range c.run.Plan.Stages {
		g.Go(func() error {
			var err error
			out[i], err = c.stage(gctx, &c.run.Plan.Stages[i], stateOf(st, i))
			return err
		})
	}
	return out, g.Wait()
}

func stateOf(st *runs.Status, i int) runs.Stage {
	if i < len(st.Stages) {
		return st.Stages[i]
	}
	return runs.Stage{State: r1.RunPending}
}

func (c *collector) stage(ctx context.Context, p *r1.PlannedStage, st runs.Stage) (Stage, error) {
	s := Stage{Name: p.Name, Kind: p.Kind, Title: p.Title, Needs: p.Needs, State: st.State,
		Started: st.Started, Ended: st.Ended, Error: st.Error, Remedy: st.Remedy}
	for i := range p.Jobs {
		j, err := c.job(ctx, &p.Jobs[i], s.State)
		if err != nil {
			return s, err
		}
		s.Jobs = append(s.Jobs, j)
	}
	return s, nil
}

func (c *collector) job(ctx context.Context, p *r1.PlannedJob, stage r1.RunState) (Job, error) {
	j := Job{Name: p.Name, State: r1.RunPending, Fingerprint: p.Fingerprint, Seed: p.Seed,
		FromStep: p.FromStep, ToStep: p.ToStep, Params: p.Params, plan: p}
	key := r1.JobKey{Run: c.run.ID, Stage: p.Stage, Job: p.Name}
	commit, err := c.store.FindCommit(ctx, c.layout, key)
	switch {
	case err == nil:
		j.commit, j.State, j.Step, j.Metrics, j.ReusedFrom, j.Made = &commit, r1.RunCompleted, commit.Steps, commit.Metrics, commit.ReusedFrom, commit.Made
	case !errors.Is(err, r1.ErrNotFound):
		return j, fmt.Errorf("read the commit of %s: %w", key, err)
	case stage == r1.RunSkipped:
		j.State = stage
	}
	numbers, err := c.numbers(ctx, key)
	if err != nil {
		return j, err
	}
	for _, n := range numbers {
		a, err := c.attempt(ctx, key.Attempt(n), j.commit)
		if err != nil {
			return j, err
		}
		j.Attempts = append(j.Attempts, a)
		if j.commit == nil {
			j.State, j.Step = stage, max(j.Step, a.Step)
		}
	}
	for _, o := range p.Outputs {
		link := Link{Name: o.Name, Type: o.Type}
		if j.commit != nil {
			a := j.commit.Outputs[o.Name]
			link.URI, link.SHA256, link.Bytes = a.URI, a.SHA256, a.Bytes
		}
		j.Outputs = append(j.Outputs, link)
	}
	return j, nil
}

// numbers lists a job's attempts, in their order.
func (c *collector) numbers(ctx context.Context, key r1.JobKey) ([]int, error) {
	return attemptNumbers(ctx, c.store, c.layout, key)
}

func attemptNumbers(ctx context.Context, s Store, l r1.Layout, key r1.JobKey) ([]int, error) {
	var numbers []int
	for prefix, err := range s.ListPrefixes(ctx, l.Job(key)+"/") {
		if err != nil {
			return nil, fmt.Errorf("list the attempts of %s: %w", key, err)
		}
		if n, err := strconv.Atoi(path.Base(strings.TrimSuffix(prefix, "/"))); err == nil {
			numbers = append(numbers, n)
		}
	}
	slices.Sort(numbers)
	return numbers, nil
}

func (c *collector) attempt(ctx context.Context, key r1.AttemptKey, commit *r1.Commit) (Attempt, error) {
	a := Attempt{Number: key.Attempt}
	folder := c.layout.Attempt(key)
	var spec r1.Spec
	var result r1.Result
	var beat r1.Heartbeat
	if _, err := c.record(ctx, path.Join(folder, r1.SpecFile), &spec); err != nil {
		return a, err
	}
	a.Created = spec.Created
	if n := len(spec.Rollbacks); n > 0 && spec.Rollbacks[n-1].Job == key.Job && spec.Rollbacks[n-1].Attempt == key.Attempt-1 {
		a.RolledBack = &spec.Rollbacks[n-1]
	}
	found, err := c.record(ctx, path.Join(folder, r1.ResultFile), &result)
	if err != nil {
		return a, err
	}
	won := commit != nil && commit.Attempt == key.Attempt
	switch {
	case found:
		a.Started, a.Ended, a.Timing, a.Usage = result.Started, result.Ended, result.Timing, result.Usage
		a.Outcome, a.Class, a.Name, a.Error = result.Outcome, result.Class, result.Name, result.Error
		a.Step, a.ResumedFrom = result.Step, result.ResumedFrom
	case won: // computed by a worker: the commit is all it wrote
		a.Started, a.Ended, a.Timing, a.Usage = commit.Started, commit.Ended, commit.Timing, commit.Usage
		a.Outcome, a.Step = r1.Succeeded, commit.Steps
	default:
		if found, err = c.record(ctx, path.Join(folder, r1.HeartbeatFile), &beat); err != nil || !found {
			return a, err
		}
		a.Phase, a.Step, a.Seen, a.Usage = beat.Phase, beat.Step, beat.Time, beat.Usage
		if beat.Since != nil {
			a.Started = beat.Since.Time
		}
	}
	return a, nil
}

// record reads a record that may not be there.
func (c *collector) record(ctx context.Context, key string, v any) (bool, error) {
	err := c.store.GetJSON(ctx, key, v)
	if err == nil {
		return true, nil
	}
	if errors.Is(err, r1.ErrNotFound) {
		return false, nil
	}
	return false, fmt.Errorf("read %s: %w", key, err)
}
