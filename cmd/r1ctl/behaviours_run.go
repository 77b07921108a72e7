package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/r1ctl/r1ctl/internal/behaviours"
	"github.com/r1ctl/r1ctl/internal/r1"
	"github.com/r1ctl/r1ctl/internal/suggest"
	"github.com/r1ctl/r1ctl/internal/trail"
)

// stageBehaviours is what the rows of a stage show.
type stageBehaviours struct {
	Stage string  `json:"stage"`
	Kind  r1.Kind `json:"kind"`
	Title string  `json:"title,omitempty"`
	behaviours.Summary
}

// behavioursOfRun counts in the rows of a run's stages, in the order of the plan.
// Stages that are not committed yet have none.
func (a *app) behavioursOfRun(cmd *cobra.Command, f behavioursFlags, args []string) error {
	return a.withRun(cmd, []string{f.run}, func(ctx context.Context, s *session, run *r1.Run) error {
		stages, err := stagesNamed(run, args)
		if err != nil {
			return err
		}
		all := []stageBehaviours{}
		for _, stage := range stages {
			c := counting{
				flags: f, counter: behaviours.New(), tally: behaviours.NewTally(), stage: stage.Name, out: a.out, err: a.err, lenient: true,
			}
			if err := c.readStage(ctx, trail.Open(s.store, run), stage); err != nil {
				return err
			}
			if err := c.complaint(); err != nil {
				return err
			}
			if c.rows > 0 {
				all = append(all, stageBehaviours{stage.Name, stage.Kind, stage.Title, c.tally.Summary()})
			}
		}
		switch {
		case len(all) == 0:
			return &r1.Error{
				Name: "no-responses", Detail: fmt.Sprintf("no stage of run %s that is done has rows with a response", run.ID),
				Remedy: s.hint("status", run.ID),
			}
		case f.rows:
			return nil
		case a.json():
			return a.printJSON(all)
		}
		return printStages(a.out, all)
	})
}

// stagesNamed are the stages that are asked for: one, or all.
func stagesNamed(run *r1.Run, args []string) ([]*r1.PlannedStage, error) {
	var all []*r1.PlannedStage
	var names []string
	for i := range run.Plan.Stages {
		all = append(all, &run.Plan.Stages[i])
		names = append(names, run.Plan.Stages[i].Name)
	}
	if len(args) == 0 {
		return all, nil
	}
	if stage := run.Plan.Stage(args[0]); stage != nil {
		return []*r1.PlannedStage{stage}, nil
	}
	e := &r1.Error{Name: "unknown-stage", Detail: fmt.Sprintf("run %s has no stage %q", run.ID, args[0]), Remedy: "r1ctl status " + run.ID}
	if near := suggest.Nearest(args[0], names); near != "" {
		e.Detail += fmt.Sprintf("; did you mean %q?", near)
	}
	return nil, e
}

// readStage reads the rows of a stage's data sets and reports. One that is not done
// yet has none.
func (c *counting) readStage(ctx context.Context, t *trail.Run, stage *r1.PlannedStage) error {
	files, err := t.Files(ctx, stage)
	if errors.Is(err, trail.ErrNotCommitted) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, f := range files {
		if err := c.read(ctx, f.Source); err != nil {
			return err
		}
	}
	return nil
}
