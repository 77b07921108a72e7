package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/r1ctl/r1ctl/internal/lint"
	"github.com/r1ctl/r1ctl/internal/r1"
	"github.com/r1ctl/r1ctl/internal/runs"
	"github.com/r1ctl/r1ctl/recipes"
)

// anewFlags say what is made anew, and what is taken as it is.
type anewFlags struct {
	from    string
	rebuild []string
	drift   string
}

func (f *anewFlags) add(a *app, cmd *cobra.Command) {
	fl := cmd.Flags()
	fl.StringVar(&f.from, "from", "", "RUN:STAGE: take all before the stage from that run as it is, and make the stage and what depends on it anew")
	fl.StringSliceVar(&f.rebuild, "rebuild", nil, "make these stages anew although equal results are there (STAGE,STAGE, or repeat it)")
	fl.StringVar(&f.drift, "drift", "", "results made by other code or in another environment: "+strings.Join(r1.DriftChoices(), ", ")+" (default: the setting drift, else it is asked, else reuse)")
	_ = cmd.RegisterFlagCompletionFunc("drift", cobra.FixedCompletions(r1.DriftChoices(), cobra.ShellCompDirectiveNoFileComp))
	_ = cmd.RegisterFlagCompletionFunc("from", func(cmd *cobra.Command, _ []string, word string) ([]string, cobra.ShellCompDirective) {
		return a.completeFork(cmd, word)
	})
	_ = cmd.RegisterFlagCompletionFunc("rebuild", func(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
		if len(args) == 1 {
			if s, err := a.subject(cmd, args[0], recipes.Options{}); err == nil {
				return s.stages(), cobra.ShellCompDirectiveNoFileComp
			}
		}
		return nil, cobra.ShellCompDirectiveNoFileComp
	})
	cmd.Args = func(_ *cobra.Command, args []string) error {
		switch {
		case len(args) > 1:
			return fmt.Errorf("accepts 1 arg(s), received %d", len(args))
		case len(args) == 0 && f.from == "":
			return errors.New("accepts 1 arg(s), received 0 (with --from RUN:STAGE none is needed: the run's own recipe is taken)")
		}
		return nil
	}
}

// completeFork completes RUN:STAGE.
func (a *app) completeFork(cmd *cobra.Command, word string) ([]string, cobra.ShellCompDirective) {
	id, _, atStage := strings.Cut(word, ":")
	var out []string
	if !atStage {
		names, directive := a.completeRuns(cmd, nil, word)
		for _, n := range names {
			out = append(out, n+":")
		}
		return out, directive | cobra.ShellCompDirectiveNoSpace
	}
	run, err := a.peekRun(cmd, id)
	if err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	for _, s := range run.Plan.Stages {
		out = append(out, id+":"+s.Name)
	}
	return out, cobra.ShellCompDirectiveNoFileComp
}

// check refuses what can be told without looking anything up.
func (f *anewFlags) check() error {
	if run, stage, ok := strings.Cut(f.from, ":"); f.from != "" && (!ok || run == "" || stage == "") {
		return usageError{fmt.Errorf("--from is %q, expected RUN:STAGE, such as full-r1-1123-k7q2:dev2", f.from)}
	}
	return checkDrift("--drift", f.drift)
}

func checkDrift(name, value string) error {
	for _, c := range append(r1.DriftChoices(), "") {
		if value == c {
			return nil
		}
	}
	return usageError{fmt.Errorf("%s is %q, expected one of: %s", name, value, strings.Join(r1.DriftChoices(), ", "))}
}

// resolved is a recipe that was loaded, checked and planned as the flags say.
type resolved struct {
	recipe   *recipes.Recipe
	findings []lint.Finding
	plan     *r1.Plan
	fork     *r1.Fork
	today    *r1.Plan // of a fork: what the recipe would plan by itself
	set      []string
}

// resolve loads and plans a recipe. Without a fork no store is needed.
func resolve(ctx context.Context, store planStore, facts lint.Facts, args []string, f planFlags) (*resolved, error) {
	var r *resolved
	var err error
	if f.anew.from == "" {
		r = &resolved{set: f.set}
		if r.recipe, r.findings, err = checked(args[0], f.options(), facts); err == nil {
			r.plan, err = recipes.Plan(r.recipe, planOptions())
		}
	} else {
		r, err = resolveFork(ctx, store, facts, args, f)
	}
	if err != nil {
		return nil, err
	}
	return r, recipes.Rebuild(r.plan, f.anew.rebuild, r1.AnewRebuild)
}

// resolveFork plans a recipe from a stage of a run on: the one that is named, else the run's.
func resolveFork(ctx context.Context, store planStore, facts lint.Facts, args []string, f planFlags) (*resolved, error) {
	id, stage, _ := strings.Cut(f.anew.from, ":")
	run, err := runs.Load(ctx, store, id)
	if err != nil {
		return nil, err
	}
	r := &resolved{set: f.set}
	if len(args) == 1 {
		r.recipe, r.findings, err = checked(args[0], f.options(), facts)
	} else {
		o := f.options()
		if o.Profile == "" {
			o.Profile = run.Profile
		}
		r.set = append(recipes.FrozenSet(run), f.set...)
		o.Set = r.set
		if r.recipe, err = recipes.Parse(run.RecipeYAML, "the recipe of run "+id, run.RecipeDir, o); err == nil {
			r.findings = lint.Check(r.recipe, facts)
			err = lint.Refuse(r.recipe.File, r.findings)
		}
	}
	if err != nil {
		return nil, err
	}
	layout := r1.Layout{Recipe: run.Recipe, Run: run.ID}
	there, err := commits(ctx, &run.Plan, func(ctx context.Context, j r1.PlannedJob) (r1.Commit, error) {
		return store.FindCommit(ctx, layout, r1.JobKey{Run: id, Stage: j.Stage, Job: j.Name})
	})
	if err != nil {
		return nil, err
	}
	committed := func(stage, job string) bool { _, ok := there[r1.JobKey{Stage: stage, Job: job}]; return ok }
	r.fork = &r1.Fork{Run: id, Stage: stage}
	r.plan, r.fork.Differs, err = recipes.Fork(run, r.recipe, recipes.ForkOptions{Stage: stage, Set: f.set, Committed: committed}, planOptions())
	if err == nil {
		r.today, err = recipes.Plan(r.recipe, planOptions())
	}
	return r, err
}

// why says why a job is made anew that need not be.
func (r *resolved) why(f anewFlags) func(r1.PlannedJob) string {
	asked := map[string]bool{}
	for _, name := range f.rebuild {
		asked[name] = true
	}
	return func(j r1.PlannedJob) string {
		switch {
		case asked[j.Stage]:
			return "--rebuild"
		case r.fork != nil && j.Stage == r.fork.Stage:
			return "the fork begins here"
		case r.fork != nil:
			return "it depends on " + r.fork.Stage + ", where the fork begins"
		}
		return "it is to be made anew"
	}
}
