package runs

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/r1ctl/r1ctl/internal/r1"
)

// amended brings a run as it was frozen to its newest amendment.
func amended(ctx context.Context, s Store, run *r1.Run) error {
	l := r1.Layout{Recipe: run.Recipe, Run: run.ID}
	for n := 1; ; n++ {
		var a r1.Amendment
		err := s.GetJSON(ctx, l.Amendment(n), &a)
		if errors.Is(err, r1.ErrNotFound) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("read amendment %d of run %s: %w", n, run.ID, err)
		}
		take(run, a)
	}
}

// Amend records a change of a run's plan: the next amendment, with the plan that
// holds from then on. What is committed cannot change any more. It returns the
// run as it is then; no execution may drive it meanwhile.
func Amend(ctx context.Context, s Store, run *r1.Run, a r1.Amendment) (*r1.Run, error) {
	if err := MayAmend(ctx, s, run, a); err != nil {
		return nil, err
	}
	a.Version, a.Number = 1, len(run.Amendments)+1
	l := r1.Layout{Recipe: run.Recipe, Run: run.ID}
	won, err := s.PutJSONIfAbsent(ctx, l.Amendment(a.Number), a)
	if err != nil {
		return nil, fmt.Errorf("amend run %s: %w", run.ID, err)
	}
	if !won {
		return nil, &r1.Error{
			Name:   "run-amended",
			Detail: fmt.Sprintf("somebody else has just changed run %s", run.ID),
			Remedy: "see what, and try again: r1ctl status " + run.ID,
		}
	}
	next := *run
	take(&next, a)
	return &next, nil
}

// take makes an amendment the newest of a run.
func take(run *r1.Run, a r1.Amendment) {
	if a.Plan != nil {
		run.Plan = *a.Plan
	}
	a.Plan = nil
	run.Amendments = append(slices.Clip(run.Amendments), a)
}

// MayAmend refuses an amendment that comes too late for a stage.
func MayAmend(ctx context.Context, s Store, run *r1.Run, a r1.Amendment) error {
	l := r1.Layout{Recipe: run.Recipe, Run: run.ID}
	for i := range run.Plan.Stages {
		stage := &run.Plan.Stages[i]
		fields := changed(a, stage.Name)
		missing, broken := 0, "" // jobs without a commit; one whose commit would be of another plan
		for _, job := range stage.Jobs {
			commit, err := s.FindCommit(ctx, l, r1.JobKey{Run: run.ID, Stage: stage.Name, Job: job.Name})
			if errors.Is(err, r1.ErrNotFound) {
				missing++
				continue
			}
			if err != nil {
				return fmt.Errorf("look for the commit of %s/%s: %w", stage.Name, job.Name, err)
			}
			if broken == "" && fingerprint(a.Plan, stage.Name, job.Name) != commit.Fingerprint {
				broken = job.Name
			}
		}
		if missing == 0 && len(fields) > 0 && broken == "" {
			broken = stage.Jobs[len(stage.Jobs)-1].Name
		}
		if broken == "" {
			continue
		}
		if len(fields) == 0 {
			fields = changed(a, "")
		}
		return committed(run, a, stage.Name+"/"+broken, fields)
	}
	return nil
}

func committed(run *r1.Run, a r1.Amendment, job string, fields []string) error {
	again := "r1ctl start " + run.Recipe
	if run.Profile != "" {
		again += " --profile " + run.Profile
	}
	sets := slices.Clone(run.Set) // what the run has been given so far, too
	for _, before := range run.Amendments {
		sets = append(sets, before.Set...)
	}
	for _, set := range append(sets, a.Set...) {
		again += " --set " + set
	}
	return &r1.Error{
		Name:   "stage-committed",
		Detail: fmt.Sprintf("%s cannot change in run %s: %s is committed", strings.Join(fields, ", "), run.ID, job),
		Remedy: "start another run, which reuses what is equal: " + again,
	}
}

// changed lists the fields of an amendment that are a stage's, or all.
func changed(a r1.Amendment, stage string) []string {
	var fields []string
	for _, c := range a.Changes {
		if stage == "" || strings.HasPrefix(c.Field, stage+".") {
			fields = append(fields, c.Field)
		}
	}
	return fields
}

func fingerprint(p *r1.Plan, stage, job string) string {
	if s := p.Stage(stage); s != nil {
		if j := s.Job(job); j != nil {
			return j.Fingerprint
		}
	}
	return ""
}
