package main

import (
	"context"
	"fmt"
	"os/user"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"

	"github.com/r1ctl/r1ctl/internal/config"
	"github.com/r1ctl/r1ctl/internal/lint"
	"github.com/r1ctl/r1ctl/internal/r1"
	"github.com/r1ctl/r1ctl/internal/runs"
	"github.com/r1ctl/r1ctl/internal/tinyworld"
	"github.com/r1ctl/r1ctl/recipes"
	"github.com/r1ctl/r1ctl/trainer"
	"github.com/r1ctl/r1ctl/workflows"
)

func (a *app) startCommand() *cobra.Command {
	var f planFlags
	var runID string
	var detach, dryRun bool
	cmd := &cobra.Command{
		Use:   "start RECIPE",
		Short: "Start a run of a recipe and watch it",
		Long: `This command starts a run: it checks the recipe, freezes it with its profile,
and hands it to Temporal. RECIPE is a file, or the name of a recipe in the
binary. Ctrl-C detaches; the run goes on. Jobs that an earlier run committed
with the same inputs and parameters are reused. What it is about to do is told
first, in a line; --dry-run tells all of it and starts nothing, as r1ctl plan.
A recipe that breaks a rule of r1ctl lint is refused.`,
		Example: `  r1ctl start recipes/full-r1.yaml
  r1ctl start r1-zero --profile smoke
  r1ctl start full-r1 --set zero.params.steps=80 --detach -o json`,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: completeRecipes,
		RunE: func(cmd *cobra.Command, args []string) error {
			if dryRun {
				out, err := a.plan(cmd, args[0], f)
				if err != nil {
					return err
				}
				if a.json() {
					return a.printJSON(out)
				}
				return printPlan(a.out, out, false)
			}
			run, err := a.freeze(cmd, args[0], f, runID)
			if err != nil {
				return err
			}
			if !a.json() {
				out, err := a.plan(cmd, args[0], f)
				if err != nil {
					return err
				}
				fmt.Fprint(a.err, out.summary())
			}
			return a.start(cmd, run, detach)
		},
	}
	f.add(cmd)
	cmd.Flags().BoolVar(&dryRun, "dry-run", false, "say what would be done, as r1ctl plan, and start nothing")
	cmd.Flags().StringVar(&runID, "run-id", "", "name the run yourself")
	cmd.Flags().BoolVarP(&detach, "detach", "d", false, "return as soon as the run is started")
	cmd.Flags().String("wheel-dir", "", "install the trainer's environment from this folder of wheels, without a network")
	return cmd
}

// freeze resolves a recipe into a run, for this site.
func (a *app) freeze(cmd *cobra.Command, recipe string, f planFlags, id string) (*r1.Run, error) {
	cfg, err := a.settings(cmd)
	if err != nil {
		return nil, err
	}
	facts, err := lintFacts(cfg.Site, f)
	if err != nil {
		return nil, err
	}
	return freeze(recipe, f.options(), facts, id)
}

// freeze resolves a recipe into a run. It touches neither network nor state.
func freeze(recipe string, o recipes.Options, facts lint.Facts, id string) (*r1.Run, error) {
	rec, _, err := checked(recipe, o, facts)
	if err != nil {
		return nil, err
	}
	plan, err := recipes.Plan(rec, planOptions())
	if err != nil {
		return nil, err
	}
	now := time.Now().UTC()
	if id == "" {
		if id, err = runs.NewID(plan.Recipe, now); err != nil {
			return nil, err
		}
	}
	return &r1.Run{
		Version: 1, ID: id, Recipe: plan.Recipe, Profile: plan.Profile, Created: now,
		Owner: userName(), R1ctl: versionString(), RecipeYAML: rec.YAML(), RecipeDir: rec.Dir, Set: o.Set, Plan: *plan,
	}, nil
}

// userName is who calls, as far as the system says.
func userName() string {
	if u, err := user.Current(); err == nil {
		return u.Username
	}
	return ""
}

// sourceDigest identifies what a tiny:// address stands for in this binary.
func sourceDigest(address string) (string, error) {
	if name, tiny := strings.CutPrefix(address, tinyworld.Scheme); tiny && slices.Contains(trainer.TinyModels(), name) {
		return trainer.TinyModelDigest(name)
	}
	return tinyworld.Digest(address)
}

func (a *app) start(cmd *cobra.Command, run *r1.Run, detach bool) error {
	cfg, err := a.settings(cmd)
	if err != nil {
		return err
	}
	ctx := cmd.Context()
	if cfg.Embedded() {
		if err := checkEndpoints(cfg, &run.Plan); err != nil {
			return err
		}
		// Jobs run on this machine: the trainer must be there before the first one.
		if err := a.ensureTrainer(ctx, cfg); err != nil {
			return err
		}
	}
	s, err := a.open(cmd)
	if err != nil {
		return err
	}
	defer s.close()
	if err := runs.Create(ctx, s.store, *run); err != nil {
		return err
	}
	if err := s.drive(ctx, run, driveOptions{}); err != nil {
		return err
	}
	if detach {
		if a.json() {
			return a.printJSON(map[string]string{"run": run.ID, "recipe": run.Recipe, "profile": run.Profile})
		}
		fmt.Fprintf(a.out, "run %s is started\n  %s\n", run.ID, s.hint("watch", run.ID))
		return nil
	}
	return a.follow(ctx, s, run)
}

// driveOptions say how a run goes on that was driven before.
type driveOptions struct {
	paused *r1.Pause             // it was paused, and still is
	left   []workflows.LeftStage // not to be run
}

// drive starts a workflow execution for a run. With one open already it does
// nothing: a run is never driven twice.
func (s *session) drive(ctx context.Context, run *r1.Run, o driveOptions) error {
	input := workflows.RunInput{
		Run: run.ID, Recipe: run.Recipe, Profile: run.Profile, Owner: run.Owner,
		Stages: workflows.Shape(&run.Plan), Budgets: budgets(s.cfg.Site, run.Plan.Retries),
		Links: workflows.Links{Report: s.report}, Amendment: len(run.Amendments), Paused: o.paused, Left: o.left,
	}
	attrs := append(runAttributes(run), workflows.AttrState.ValueSet(string(r1.RunRunning)))
	_, err := s.temporal.ExecuteWorkflow(ctx, client.StartWorkflowOptions{
		ID:                       run.ID,
		TaskQueue:                workflows.QueueControl,
		WorkflowIDReusePolicy:    enumspb.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE,
		WorkflowIDConflictPolicy: enumspb.WORKFLOW_ID_CONFLICT_POLICY_USE_EXISTING,
		StaticSummary:            fmt.Sprintf("%s (%s)", run.Recipe, run.Profile),
		StaticDetails:            workflows.RunDetails(input, run.Plan.Description),
		TypedSearchAttributes:    temporal.NewSearchAttributes(attrs...),
	}, workflows.RecipeName, input)
	if err != nil {
		return fmt.Errorf("start the workflow of run %s: %w", run.ID, err)
	}
	return nil
}

// runAttributes are the search attributes that a run's workflows keep.
func runAttributes(run *r1.Run) []temporal.SearchAttributeUpdate {
	attrs := []temporal.SearchAttributeUpdate{workflows.AttrRecipe.ValueSet(run.Recipe), workflows.AttrProfile.ValueSet(run.Profile)}
	if run.Owner != "" {
		attrs = append(attrs, workflows.AttrOwner.ValueSet(run.Owner))
	}
	return attrs
}

// budgets are those of the site, where the recipe has none of its own.
func budgets(site config.Site, own *r1.Retries) workflows.Budgets {
	b := workflows.DefaultBudgets()
	b.Program, b.Infrastructure, b.Preempted = site.Retries.Program, site.Retries.Infrastructure, site.Retries.Preempted
	if own != nil && own.Program != nil {
		b.Program = *own.Program
	}
	if own != nil && own.Infrastructure != nil {
		b.Infrastructure = *own.Infrastructure
	}
	if own != nil && own.Preempted != nil {
		b.Preempted = time.Duration(*own.Preempted)
	}
	b.Stop = max(b.Stop, site.StopGrace+2*time.Minute)
	return b
}
