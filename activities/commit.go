package activities

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/r1ctl/r1ctl/internal/r1"
	"github.com/r1ctl/r1ctl/internal/reuse"
	"github.com/r1ctl/r1ctl/internal/tasks"
)

// FindCommit looks for the job's commit, and where there is none for one that it may
// repeat here, so that nothing runs twice: the one that the plan says it takes over,
// else that of an equal job of another run, made of the same inputs.
func (a *Activities) FindCommit(ctx context.Context, ref tasks.JobRef) (tasks.Found, error) {
	plan, err := a.plan(ctx, ref)
	if err != nil {
		return tasks.Found{}, err
	}
	job, err := a.planned(ctx, ref)
	if err != nil {
		return tasks.Found{}, err
	}
	commit, err := a.Store.FindCommit(ctx, ref.Layout(), ref.Key())
	if err == nil {
		if commit.Kind.Computed() {
			a.journalOf(ref).remove(ctx) // whoever committed may have died before
		}
		return found(commit), nil
	}
	if !errors.Is(err, r1.ErrNotFound) {
		return tasks.Found{}, fmt.Errorf("look for the commit of %s: %w", ref.Key(), err)
	}
	if job.Anew != "" {
		return tasks.Found{}, nil
	}
	var from reuse.Found
	if job.Take != nil {
		from.Commit, err = a.taken(ctx, ref, job)
	} else {
		from, err = a.equal(ctx, ref, plan, job)
	}
	switch {
	case err != nil:
		return tasks.Found{}, err
	case from.Commit == nil:
		return a.spared(ctx, ref)
	}
	if job.Take == nil {
		if there, err := a.stands(ctx, job, from.Commit); err != nil || !there {
			return tasks.Found{}, err
		}
	}
	won, _, err := a.Store.Commit(ctx, ref.Layout(), repeat(ref, job, from))
	if err != nil {
		return tasks.Found{}, fmt.Errorf("commit %s as a reuse of %s: %w", ref.Key(), from.Commit.Origin(), err)
	}
	return found(won), nil
}

// taken reads the commit that the plan says is taken over.
func (a *Activities) taken(ctx context.Context, ref tasks.JobRef, job *r1.PlannedJob) (*r1.Commit, error) {
	c, err := a.Store.FindWhole(ctx, r1.Layout{Recipe: job.Take.Recipe, Run: job.Take.Run}, job.Take.JobKey)
	if errors.Is(err, r1.ErrNotFound) {
		return nil, classify(&r1.Error{Name: "fork-source-gone", Detail: fmt.Sprintf("%s takes over %s, whose result is not there any more", ref.Key(), job.Take.JobKey),
			Remedy: "restore what was deleted of that run; or start the recipe without --from"})
	}
	if err != nil {
		return nil, fmt.Errorf("look for the commit of %s: %w", job.Take.JobKey, err)
	}
	return &c, nil
}

// equal looks for a commit to reuse.
func (a *Activities) equal(ctx context.Context, ref tasks.JobRef, plan *r1.Plan, job *r1.PlannedJob) (reuse.Found, error) {
	inputs, err := a.known(ctx, ref, job)
	if err != nil {
		return reuse.Found{}, err
	}
	from, err := reuse.Find(ctx, a.Store, job, inputs)
	if err != nil || from.Commit != nil || len(plan.Stage(ref.Stage).Jobs) == 1 {
		return from, err
	}
	return reuse.Unneeded(ctx, a.Store, plan, job, func(*r1.PlannedJob) map[string]reuse.Input { return nil })
}

// known is what is committed of a job's inputs.
func (a *Activities) known(ctx context.Context, ref tasks.JobRef, job *r1.PlannedJob) (map[string]reuse.Input, error) {
	out := make(map[string]reuse.Input, len(job.Inputs))
	for name, from := range job.Inputs {
		commit, err := a.Store.FindCommit(ctx, ref.Layout(), r1.JobKey{Run: ref.Run, Stage: from.Stage, Job: from.Job})
		if err != nil && !errors.Is(err, r1.ErrNotFound) {
			return nil, fmt.Errorf("look for input %s of %s: %w", name, ref.Key(), err)
		}
		out[name] = reuse.Input{SHA256: commit.Outputs[from.Output].SHA256, Made: err == nil && commit.ReusedFrom == nil}
	}
	return out, nil
}

// repeat is the commit that says that nothing was run.
func repeat(ref tasks.JobRef, job *r1.PlannedJob, from reuse.Found) r1.Commit {
	now := time.Now().UTC()
	origin := from.Commit.Origin()
	c := *from.Commit
	if from.Unneeded {
		c = r1.Commit{Version: 1, Kind: job.Kind, Made: from.Commit.Made, Apart: true}
	}
	c.Key, c.Attempt, c.ReusedFrom, c.Fingerprint = ref.Key(), 0, &origin, job.Fingerprint
	c.Started, c.Ended, c.Timing, c.Usage = now, now, nil, nil
	return c
}

func found(c r1.Commit) tasks.Found {
	return tasks.Found{
		Committed: true, Reused: c.ReusedFrom != nil, From: c.ReusedFrom, Attempt: c.Attempt, Step: c.Steps,
		Metrics: keyMetrics(c.Kind, c.Metrics),
	}
}

// keyMetrics keeps what workflows show of a job's numbers: history is no place
// for all of them.
func keyMetrics(k r1.Kind, all map[string]float64) map[string]float64 {
	few := map[string]float64{}
	for _, m := range r1.KeyMetrics(k, all) {
		few[m.Name] = m.Value
	}
	return few
}

// commitResult makes a finished attempt's outputs the job's. The first
// complete attempt wins; a later one is told so and changes nothing. back is what
// the attempt was made with besides the plan.
func (a *Activities) commitResult(ctx context.Context, ref tasks.AttemptRef, job *r1.PlannedJob, back []r1.Rollback, res r1.Result) error {
	made, err := a.made(ctx, ref.JobRef, job, res.Maker)
	if err != nil {
		return err
	}
	_, _, err = a.Store.Commit(ctx, ref.Layout(), r1.Commit{
		Version:     1,
		Key:         ref.Key(),
		Kind:        job.Kind,
		Fingerprint: job.Fingerprint,
		Attempt:     ref.Attempt,
		Outputs:     res.Outputs,
		Metrics:     res.Metrics,
		Funnel:      res.Funnel,
		Steps:       res.Step,
		Started:     res.Started,
		Ended:       res.Ended,
		Timing:      res.Timing,
		Usage:       res.Usage,
		Warnings:    res.Warnings,
		Rollbacks:   back,
		Made:        made,
		Apart:       job.Anew == r1.AnewApart,
	})
	if err != nil {
		return fmt.Errorf("commit %s: %w", ref.AttemptKey(), err)
	}
	return nil
}

// made is the provenance of a result: what made it, and of what.
func (a *Activities) made(ctx context.Context, ref tasks.JobRef, job *r1.PlannedJob, by *r1.Maker) (*r1.Made, error) {
	inputs, err := a.inputs(ctx, ref, job)
	if err != nil {
		return nil, err
	}
	made := &r1.Made{By: by, Inputs: map[string]string{}}
	for name, art := range inputs {
		if r1.InputBears(job.Kind, name) {
			made.Inputs[name] = art.SHA256
		}
	}
	return made, nil
}
