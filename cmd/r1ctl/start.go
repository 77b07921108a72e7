package main

import (
	"context"
	"encoding/json"
	"errors"
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
A recipe that breaks a rule of r1ctl lint is refused.

--from RUN:STAGE forks a run: what comes before the stage is taken as that run
made it, the stage and what depends on it is made anew; without RECIPE the recipe
is the run's own. --rebuild makes stages anew although equal results are there.
Results that other code or another environment made are reused only as --drift,
the setting drift, or your answer says; with nobody to ask they are, and that is
told. docs/plan.md says more.`,
		Example: `  r1ctl start recipes/full-r1.yaml
  r1ctl start r1-zero --profile smoke
  r1ctl start full-r1 --set zero.params.steps=80 --detach -o json
  r1ctl start --from full-r1-1123-k7q2:dev2 --set dev2.params.learning_rate=5e-6
  r1ctl start full-r1 --rebuild sft-data,dev3
  r1ctl start full-r1 --drift rebuild`,
		ValidArgsFunction: completeRecipes,
		RunE: func(cmd *cobra.Command, args []string) error {
			if dryRun {
				out, err := a.plan(cmd, args, f)
				if err != nil {
					return err
				}
				if a.json() {
					return a.printJSON(out)
				}
				return printPlan(a.out, out, false)
			}
			return a.start(cmd, args, f, runID, detach)
		},
	}
	f.add(cmd)
	f.anew.add(a, cmd)
	cmd.Flags().BoolVar(&dryRun, "dry-run", false, "say what would be done, as r1ctl plan, and start nothing")
	cmd.Flags().StringVar(&runID, "run-id", "", "name the run yourself")
	cmd.Flags().BoolVarP(&detach, "detach", "d", false, "return as soon as the run is started")
	cmd.Flags().String("wheel-dir", "", "install the trainer's environment from this folder of wheels, without a network")
	return cmd
}

// freeze makes a run of a recipe that was resolved. It touches neither network nor state.
func freeze(r *resolved, f anewFlags, id string) (*r1.Run, error) {
	now := time.Now().UTC()
	if id == "" {
		var err error
		if id, err = runs.NewID(r.plan.Recipe, now); err != nil {
			return nil, err
		}
	}
	return &r1.Run{
		Version: 1, ID: id, Recipe: r.plan.Recipe, Profile: r.plan.Profile, Created: now,
		Owner: userName(), R1ctl: versionString(), RecipeYAML: r.recipe.YAML(), RecipeDir: r.recipe.Dir, Set: r.set, Plan: *r.plan,
		Fork: r.fork, Rebuild: f.rebuild,
	}, nil
}

// keep notes in a run what its plan said and decided.
func (p *planned) keep(run *r1.Run) error {
	run.Plan = *p.plan
	if p.Drift != nil {
		run.Drift = p.Drift.Choice
	}
	raw, err := json.Marshal(p.Estimate.Freeze(p.plan, p.reuses))
	if err != nil {
		return fmt.Errorf("keep the estimate: %w", err)
	}
	run.Estimate = raw
	return nil
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

func (a *app) start(cmd *cobra.Command, args []string, f planFlags, runID string, detach bool) error {
	cfg, err := a.settings(cmd)
	if err != nil {
		return err
	}
	if err := f.check(cfg); err != nil {
		return err
	}
	facts, err := lintFacts(cfg, f)
	if err != nil {
		return err
	}
	ctx := cmd.Context()
	var r *resolved
	if f.anew.from == "" { // what is wrong with a recipe is told before anything starts
		if r, err = resolveHere(ctx, cfg, nil, facts, args, f); err != nil {
			return err
		}
	}
	// Jobs run on this machine: the trainer must be there before the first one.
	if err := a.prepareMachine(cmd); err != nil {
		return err
	}
	s, err := a.open(cmd)
	if err != nil {
		return err
	}
	defer s.close()
	if r == nil {
		if r, err = resolveHere(ctx, cfg, s.store, facts, args, f); err != nil {
			return err
		}
	}
	run, err := a.create(ctx, s, r, f, runID)
	if err != nil {
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

// resolveHere is resolve for a run that is about to start: where its jobs run on this
// machine, the endpoints that they ask must be known here, and a GPU there for vLLM.
func resolveHere(ctx context.Context, cfg config.Config, store planStore, facts lint.Facts, args []string, f planFlags) (*resolved, error) {
	r, err := resolve(ctx, store, facts, args, f)
	if err == nil && cfg.Embedded() {
		if err = checkEndpoints(cfg, r.plan); err == nil {
			err = checkGenerators(cfg, r.plan, hasGPU)
		}
	}
	return r, err
}

// create says what a run is about to do, and freezes it in S3.
func (a *app) create(ctx context.Context, s *session, r *resolved, f planFlags, id string) (*r1.Run, error) {
	run, err := freeze(r, f.anew, id)
	if err != nil {
		return nil, err
	}
	p, err := weigh(ctx, s.cfg, r, f, s.store, "", a.asker())
	if err != nil {
		return nil, err
	}
	if !a.json() {
		fmt.Fprint(a.err, p.summary())
	}
	if r.fork != nil {
		printFork(a.err, p)
	}
	if !p.Reuse.LookedUp {
		fmt.Fprintf(a.err, "earlier results could not be looked up (%s): the run reuses what is equal, and whether that was made by other code was not checked\n", p.Reuse.Why)
	}
	if p.Drift != nil { // never silent, whatever form the output has
		p.Drift.print(a.err)
	}
	if err := p.keep(run); err != nil {
		return nil, err
	}
	return run, runs.Create(ctx, s.store, *run)
}

// driveOptions say how a run goes on that was driven before.
type driveOptions struct {
	paused *r1.Pause             // it was paused, and still is
	left   []workflows.LeftStage // not to be run
}

// drive starts a workflow execution for a run. With one open already it does
// nothing: a run is never driven twice.
func (s *session) drive(ctx context.Context, run *r1.Run, o driveOptions) error {
	if err := s.notDoomed(ctx, run); err != nil {
		return err
	}
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
	// A garbage collection asks whether the run is open after it has said what it
	// will remove: what we do not see here has seen us.
	if err := s.notDoomed(ctx, run); err != nil {
		return errors.Join(err, s.temporal.CancelWorkflow(ctx, run.ID, ""))
	}
	return nil
}

// notDoomed refuses to drive a run whose artifacts are being removed just now.
func (s *session) notDoomed(ctx context.Context, run *r1.Run) error {
	doomed, err := s.store.Doomed(ctx)
	if err != nil || doomed == nil || !slices.Contains(doomed.Runs, run.ID) {
		return err
	}
	return &r1.Error{Name: "run-doomed", Detail: fmt.Sprintf("a garbage collection is removing artifacts of run %s", run.ID),
		Remedy: "wait for its end, then see what is left: " + s.hint("artifacts ls", run.ID)}
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
