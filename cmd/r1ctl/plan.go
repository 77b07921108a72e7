package main

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/r1ctl/r1ctl/internal/config"
	"github.com/r1ctl/r1ctl/internal/estimate"
	"github.com/r1ctl/r1ctl/internal/lint"
	"github.com/r1ctl/r1ctl/internal/r1"
	"github.com/r1ctl/r1ctl/recipes"
)

// planned is what plan says, for programs.
type planned struct {
	Recipe      string                `json:"recipe"`
	Profile     string                `json:"profile,omitempty"`
	Description string                `json:"description,omitempty"`
	Seed        int64                 `json:"seed"`
	Reuse       reuse                 `json:"reuse"`
	Jobs        []plannedJob          `json:"jobs"`
	Estimate    *estimate.Estimate    `json:"estimate"`
	Assumptions []estimate.Assumption `json:"assumptions"`
	Paper       []estimate.PaperCost  `json:"paper,omitempty"`
	Findings    []lint.Finding        `json:"findings,omitempty"`
	Later       []string              `json:"checked_at_first_launch"`

	plan *r1.Plan
}

// plannedJob is what is done about one job.
type plannedJob struct {
	Stage       string      `json:"stage"`
	Job         string      `json:"job"`
	Kind        r1.Kind     `json:"kind"`
	Do          string      `json:"do"` // run, reuse, blocked
	Reason      string      `json:"reason,omitempty"`
	Changes     []r1.Change `json:"changes,omitempty"` // against the same job of the newest run before
	From        string      `json:"from,omitempty"`    // the job that is reused
	Waits       string      `json:"waits,omitempty"`   // what its gate waits for
	Fingerprint string      `json:"fingerprint"`
}

// planFlags are those of plan besides the recipe's.
type planFlags struct {
	recipeFlags
	rows        []string
	accelerator string
	count       int
	formulas    bool
}

func (a *app) planCommand() *cobra.Command {
	var f planFlags
	cmd := &cobra.Command{
		Use:   "plan RECIPE",
		Short: "Say what a run would do, why, for how long and for how much",
		Long: `This command plans a recipe without starting anything: which jobs would run,
which results of earlier runs would be reused, and what differs where they would
not be; time, accelerator hours, money, storage and rows, as likely (low to high).
What it does not know it calls unknown. docs/plan.md says how it estimates.

Earlier results are looked up when an engine runs or an S3 is configured and
answers; no engine is started. A recipe that breaks a rule of r1ctl lint is
refused. Prices and accelerators are settings: docs/configuration.md.

Exit status: 0; 2 for a recipe that is refused.`,
		Example: `  r1ctl plan recipes/full-r1.yaml
  r1ctl plan full-r1 --profile paper --accelerator H800 --accelerators 512
  r1ctl plan full-r1 -p paper --rows rl-prompts.math=26000 --rows rl-prompts.code=17000 --formulas
  r1ctl plan full-r1 --set zero.params.steps=80 -o json`,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: completeRecipes,
		RunE: func(cmd *cobra.Command, args []string) error {
			out, err := a.plan(cmd, args[0], f)
			if err != nil {
				return err
			}
			if a.json() {
				return a.printJSON(out)
			}
			return printPlan(a.out, out, f.formulas)
		},
	}
	f.add(cmd)
	fl := cmd.Flags()
	fl.StringArrayVar(&f.rows, "rows", nil, "STAGE.SOURCE=N: how many rows a source has that does not say (repeatable)")
	fl.StringVar(&f.accelerator, "accelerator", "", "estimate for this one in place of the site's, such as H100")
	fl.IntVar(&f.count, "accelerators", 0, "how many of them a job has (default: the site's, or what the largest job needs)")
	fl.BoolVar(&f.formulas, "formulas", false, "show each job's formula, and every assumption with its source")
	_ = cmd.RegisterFlagCompletionFunc("accelerator", cobra.FixedCompletions(estimate.Accelerators(), cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

// plan loads, checks, plans and estimates a recipe.
func (a *app) plan(cmd *cobra.Command, recipe string, f planFlags) (*planned, error) {
	cfg, err := a.settings(cmd)
	if err != nil {
		return nil, err
	}
	given, err := parseRows(f.rows)
	if err != nil {
		return nil, err
	}
	facts, err := lintFacts(cfg.Site, f)
	if err != nil {
		return nil, err
	}
	r, findings, err := checked(recipe, f.options(), facts)
	if err != nil {
		return nil, err
	}
	plan, err := recipes.Plan(r, planOptions())
	if err != nil {
		return nil, err
	}
	out := &planned{
		Recipe: plan.Recipe, Profile: plan.Profile, Description: plan.ProfileDescription, Seed: plan.Seed,
		Findings: findings, Later: lint.AtFirstLaunch(), Assumptions: estimate.Assumptions(), plan: plan,
	}
	machine, err := machineOf(cfg.Site, f, plan)
	if err != nil {
		return nil, err
	}
	o := estimateOptions(cfg, machine, given)
	a.lookUp(cmd.Context(), cfg, out, &o)
	out.block()
	if out.Estimate, err = estimate.Of(plan, o); err != nil {
		return nil, err
	}
	if plan.Profile == "paper" {
		out.Paper = estimate.BesidePaper(out.Estimate)
	}
	return out, nil
}

// checked loads a recipe and refuses one that breaks a rule.
func checked(recipe string, o recipes.Options, facts lint.Facts) (*recipes.Recipe, []lint.Finding, error) {
	r, err := recipes.Load(recipe, o)
	if err != nil {
		return nil, nil, withRules(err)
	}
	findings := lint.Check(r, facts)
	return r, findings, lint.Refuse(r.File, findings)
}

// withRules keeps the error of a recipe that does not load; its remedy names lint,
// which tells the rule of each line.
func withRules(err error) error {
	if user, ok := r1.AsError(err); ok && user.Name == "recipe-invalid" && lint.OfError(err) != nil {
		user.Remedy += "; r1ctl lint says which rule each line breaks"
	}
	return err
}

func planOptions() recipes.PlanOptions { return recipes.PlanOptions{SourceDigest: sourceDigest} }

// parseRows reads STAGE.SOURCE=N.
func parseRows(pairs []string) (map[string]float64, error) {
	out := map[string]float64{}
	for _, pair := range pairs {
		name, value, ok := strings.Cut(pair, "=")
		n, err := strconv.ParseFloat(value, 64)
		if !ok || err != nil || n < 0 || !strings.Contains(name, ".") {
			return nil, usageError{fmt.Errorf("--rows %s: expected STAGE.SOURCE=N, such as rl-prompts.math=26000", pair)}
		}
		out[name] = n
	}
	return out, nil
}

// large is the size from which a model is not trained on a CPU.
const large = 50e6

// machineOf is what the estimate is for: the flags', else the site's, else a CPU, or an
// H100 where a model is too large for one.
func machineOf(site config.Site, f planFlags, plan *r1.Plan) (estimate.Machine, error) {
	if site.Accelerator == "" && f.accelerator == "" && largest(plan) > large {
		return accelerator(site, f, "H100", "assumed: set site.accelerator, or give --accelerator")
	}
	return machineGiven(site, f)
}

// machineGiven is what the flags or the site say that jobs run on; without a word a CPU.
func machineGiven(site config.Site, f planFlags) (estimate.Machine, error) {
	if f.accelerator != "" {
		return accelerator(site, f, f.accelerator, "--accelerator")
	}
	return accelerator(site, f, site.Accelerator, "site.accelerator")
}

func accelerator(site config.Site, f planFlags, name, source string) (estimate.Machine, error) {
	m, ok := estimate.MachineOf(name)
	if !ok {
		if site.AcceleratorMemory == 0 || site.AcceleratorTFLOPS == 0 || name != site.Accelerator {
			return m, usageError{fmt.Errorf("nothing is known of the accelerator %q: use one of %s, or set site.accelerator_memory and site.accelerator_tflops",
				name, strings.Join(estimate.Accelerators(), ", "))}
		}
		m = estimate.Machine{Accelerator: name, Source: "configured"}
	}
	if name != "" {
		m.Source = source + "; " + m.Source
		m.Count = site.Accelerators
	}
	if f.count > 0 {
		m.Count = f.count
	}
	if name == site.Accelerator && site.AcceleratorMemory > 0 {
		m.MemoryGiB = site.AcceleratorMemory
	}
	if name == site.Accelerator && site.AcceleratorTFLOPS > 0 {
		m.TFLOPS = site.AcceleratorTFLOPS
	}
	m.Slots = 1 // jobs on accelerators take all of them
	if name == "" {
		m.Slots = site.Slots
	}
	return m, nil
}

// largest is the number of parameters of the largest model that a plan starts from.
func largest(plan *r1.Plan) float64 {
	most := 0.0
	for _, address := range recipes.ModelSources(plan) {
		if m, ok := modelOf(address); ok {
			most = max(most, m.Total)
		}
	}
	return most
}

func estimateOptions(cfg config.Config, m estimate.Machine, given map[string]float64) estimate.Options {
	return estimate.Options{
		Machine: m, Model: modelOf, Rows: lint.Size, Given: given, KeepCheckpoints: cfg.Site.KeepCheckpoints,
		Prices: estimate.Prices{
			AcceleratorHour: cfg.Prices.AcceleratorHour, CPUHour: cfg.Prices.CPUHour, StorageTBMonth: cfg.Prices.StorageTBMonth, Currency: cfg.Prices.Currency,
		},
	}
}

// lookUp fills in what is done about each job, and what earlier runs say of the
// estimate. Where no store answers, it says so, and every job counts as one to run.
func (a *app) lookUp(ctx context.Context, cfg config.Config, out *planned, o *estimate.Options) {
	store, why := a.peek(ctx, cfg)
	if store == nil {
		out.Reuse = reuse{Why: why}
	} else {
		ctx, cancel := context.WithTimeout(ctx, lookUpTime)
		defer cancel()
		found, err := newLookup(ctx, store, out.plan)
		if err != nil {
			out.Reuse = reuse{Why: "the store does not answer: " + errorLine(err)}
		} else {
			out.Reuse = reuse{LookedUp: true, Against: found.against()}
			out.Jobs = found.jobs()
			o.Past = found.past(*o)
			return
		}
	}
	for _, s := range out.plan.Stages {
		for _, j := range s.Jobs {
			out.Jobs = append(out.Jobs, toRun(s, j, "reuse was not looked up"))
		}
	}
}

// block marks jobs that cannot run: those whose source is a placeholder, and those that wait for
// one that cannot. What is reused needs nothing.
func (p *planned) block() {
	why := map[string]string{} // by stage
	for _, f := range p.Findings {
		if f.Rule == "placeholder-source" && why[f.Stage] == "" {
			why[f.Stage] = f.Text
		}
	}
	at := 0
	for _, s := range p.plan.Stages {
		for _, need := range s.Needs {
			if why[s.Name] == "" && why[need] != "" {
				why[s.Name] = "it needs " + need
			}
		}
		reused := true
		for i := range s.Jobs {
			j := &p.Jobs[at+i]
			reused = reused && j.Do == "reuse"
			if why[s.Name] != "" && j.Do == "run" {
				j.Do, j.Reason = "blocked", why[s.Name]
			}
		}
		at += len(s.Jobs)
		if reused {
			delete(why, s.Name)
		}
	}
}

func toRun(s r1.PlannedStage, j r1.PlannedJob, reason string) plannedJob {
	p := plannedJob{Stage: s.Name, Job: j.Name, Kind: j.Kind, Do: "run", Reason: reason, Fingerprint: j.Fingerprint}
	if s.Gate != nil {
		p.Waits = s.Gate.String()
	}
	return p
}

func errorLine(err error) string {
	line, _, _ := strings.Cut(err.Error(), "\n")
	return line
}
