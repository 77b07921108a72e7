package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/r1ctl/r1ctl/internal/artifact"
	"github.com/r1ctl/r1ctl/internal/r1"
	"github.com/r1ctl/r1ctl/internal/runs"
	"github.com/r1ctl/r1ctl/internal/suggest"
	"github.com/r1ctl/r1ctl/recipes"
)

// subject is a recipe as it is planned now, or as a run froze it.
type subject struct {
	name   string
	plan   *r1.Plan
	recipe *recipes.Recipe
}

// subject finds what a name stands for: a recipe, else a run. Nothing is started for it.
func (a *app) subject(cmd *cobra.Command, name string, o recipes.Options) (*subject, error) {
	r, err := recipes.Load(name, o)
	if err == nil {
		plan, err := recipes.Plan(r, planOptions())
		return &subject{name: name, plan: plan, recipe: r}, err
	}
	if user, ok := r1.AsError(err); !ok || user.Name != "unknown-recipe" {
		return nil, err
	}
	run, missing := a.peekRun(cmd, name)
	if missing != nil {
		if user, ok := r1.AsError(missing); ok && user.Name == "unknown-run" {
			return nil, &r1.Error{
				Name: "unknown-recipe", Detail: fmt.Sprintf("%q is neither a recipe nor a run", name),
				Remedy: "give a recipe's file, or a run of: r1ctl status",
			}
		}
		return nil, missing
	}
	set := run.Set
	for _, amendment := range run.Amendments {
		set = append(set, amendment.Set...)
	}
	r, err = recipes.Parse(run.RecipeYAML, "the recipe of run "+run.ID, run.RecipeDir, recipes.Options{Profile: run.Profile, Set: set})
	return &subject{name: name, plan: &run.Plan, recipe: r}, err
}

// peekRun reads a run where storage can be reached without starting anything.
func (a *app) peekRun(cmd *cobra.Command, id string) (*r1.Run, error) {
	cfg, err := a.settings(cmd)
	if err != nil {
		return nil, err
	}
	store, why := a.peek(cmd.Context(), cfg)
	if store == nil {
		return nil, &r1.Error{
			Name: "unknown-recipe", Detail: fmt.Sprintf("there is no recipe %q, and runs cannot be looked up: %s", id, why),
			Remedy: "give a recipe's file; for a run start the engine with: r1ctl status",
		}
	}
	return loadWithin(cmd.Context(), store, id)
}

func loadWithin(ctx context.Context, store *artifact.Store, id string) (*r1.Run, error) {
	ctx, cancel := context.WithTimeout(ctx, lookUpTime)
	defer cancel()
	return runs.Load(ctx, store, id)
}

func (a *app) explainCommand() *cobra.Command {
	var f recipeFlags
	cmd := &cobra.Command{
		Use:   "explain RECIPE|RUN STAGE",
		Short: "Show all that went into the fingerprint of a stage's jobs",
		Long: `This command takes fingerprints apart: kind, parameters that bear on the result,
seed, steps, sources with their digests, and the producers of every input. Two
jobs with the same of all these have the same result, and the second is reused.
What is not shown (titles, paths, launchers, prices) changes no result.`,
		Example: `  r1ctl explain full-r1 zero
  r1ctl explain full-r1-1123-k7q2 dev3 -o json
  diff <(r1ctl explain a.yaml zero) <(r1ctl explain b.yaml zero)`,
		Args: cobra.ExactArgs(2),
		ValidArgsFunction: func(cmd *cobra.Command, args []string, word string) ([]string, cobra.ShellCompDirective) {
			if len(args) == 0 {
				return completeRecipes(cmd, args, word)
			}
			if s, err := a.subject(cmd, args[0], f.options()); err == nil && len(args) == 1 {
				return s.stages(), cobra.ShellCompDirectiveNoFileComp
			}
			return nil, cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			s, err := a.subject(cmd, args[0], f.options())
			if err != nil {
				return err
			}
			stage := s.plan.Stage(args[1])
			if stage == nil {
				return s.unknownStage(args[1])
			}
			return a.explain(s, stage)
		},
	}
	f.add(cmd)
	return cmd
}

func (s *subject) stages() []string {
	var out []string
	for _, stage := range s.plan.Stages {
		out = append(out, stage.Name)
	}
	return out
}

func (s *subject) unknownStage(name string) error {
	e := &r1.Error{Name: "unknown-stage", Detail: fmt.Sprintf("%s has no stage %q", s.name, name), Remedy: "list its stages with: r1ctl plan " + s.name}
	if near := suggest.Nearest(name, s.stages()); near != "" {
		e.Detail += fmt.Sprintf("; did you mean %q?", near)
	}
	return e
}

func (a *app) explain(s *subject, stage *r1.PlannedStage) error {
	var all []*recipes.Explanation
	for _, job := range stage.Jobs {
		e, err := recipes.Explain(s.plan, job, planOptions())
		if err != nil {
			return err
		}
		all = append(all, e)
	}
	if a.json() {
		return a.printJSON(all)
	}
	for i, e := range all {
		fmt.Fprintf(a.out, "%s/%s  %s\n", e.Stage, e.Job, e.Fingerprint)
		if t := stage.Jobs[i].Take; t != nil {
			fmt.Fprintf(a.out, "  it is taken from run %s as it is\n", t.Run)
		}
		if how := stage.Jobs[i].Anew; how != "" {
			fmt.Fprintf(a.out, "  it is made anew (%s), whatever is committed elsewhere\n", how)
		}
		if !e.Matches {
			fmt.Fprintln(a.out, "  what follows does not give this fingerprint: a local source has changed since, or another version of r1ctl planned it")
		}
		for _, name := range sorted(e.Producers) {
			fmt.Fprintf(a.out, "  input %s is %s\n", name, e.Producers[name])
		}
		raw, err := json.Marshal(e.Inputs)
		if err == nil {
			raw, err = r1.CanonicalJSON(raw)
		}
		var pretty bytes.Buffer
		if err == nil {
			err = json.Indent(&pretty, raw, "  ", "  ")
		}
		if err != nil {
			return fmt.Errorf("show %s/%s: %w", e.Stage, e.Job, err)
		}
		fmt.Fprintf(a.out, "  %s\n", pretty.String())
	}
	return nil
}
