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
	Fork        *r1.Fork              `json:"fork,omitempty"`
	Rebuild     []string              `json:"rebuild,omitempty"`
	Reuse       lookedUp              `json:"reuse"`
	Drift       *drift                `json:"drift,omitempty"`
	Jobs        []plannedJob          `json:"jobs"`
	Estimate    *estimate.Estimate    `json:"estimate"`
	ThisRun     estimate.Cost         `json:"this_run"` // of the jobs that are not reused
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
	Adopted     string      `json:"adopted,omitempty"` // the address outside that it was adopted from
	Waits       string      `json:"waits,omitempty"`   // what its gate waits for
	Fingerprint string      `json:"fingerprint"`
}

// planFlags are those of plan besides the recipe's.
type planFlags struct {
	recipeFlags
	anew        anewFlags
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

--from RUN:STAGE plans a fork of a run: what comes before the stage is taken as
that run made it, the stage and what depends on it is made anew; without RECIPE
the recipe is the run's own. --rebuild makes stages anew although equal results
are there. Results that other code made, or another environment, are told as
drift, with the cost of a rebuild; --drift says what to do about them.

Exit status: 0; 2 for a recipe that is refused.`,
		Example: `  r1ctl plan recipes/full-r1.yaml
  r1ctl plan full-r1 --profile paper --accelerator H800 --accelerators 512
  r1ctl plan full-r1 -p paper --rows rl-prompts.math=26000 --rows rl-prompts.code=17000 --formulas
  r1ctl plan full-r1 --set zero.params.steps=80 -o json
  r1ctl plan --from full-r1-1123-k7q2:dev2 --set dev2.params.learning_rate=5e-6
  r1ctl plan full-r1 --rebuild sft-data,dev3`,
		ValidArgsFunction: completeRecipes,
		RunE: func(cmd *cobra.Command, args []string) error {
			out, err := a.plan(cmd, args, f)
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
	f.anew.add(a, cmd)
	fl := cmd.Flags()
	fl.StringArrayVar(&f.rows, "rows", nil, "STAGE.SOURCE=N: how many rows a source has that does not say (repeatable)")
	fl.StringVar(&f.accelerator, "accelerator", "", "estimate for this one in place of the site's, such as H100")
	fl.IntVar(&f.count, "accelerators", 0, "how many of them a job has (default: the site's, or what the largest job needs)")
	fl.BoolVar(&f.formulas, "formulas", false, "show each job's formula, and every assumption with its source")
	_ = cmd.RegisterFlagCompletionFunc("accelerator", cobra.FixedCompletions(estimate.Accelerators(), cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

// plan loads, checks, plans and estimates a recipe, and starts nothing.
func (a *app) plan(cmd *cobra.Command, args []string, f planFlags) (*planned, error) {
	cfg, err := a.settings(cmd)
	if err != nil {
		return nil, err
	}
	if err := f.check(cfg); err != nil {
		return nil, err
	}
	ctx := cmd.Context()
	store, why := a.peek(ctx, cfg)
	if store == nil && f.anew.from != "" {
		return nil, &r1.Error{Name: "unknown-run", Detail: "the run of --from cannot be looked up: " + why, Remedy: "start the engine with: r1ctl status"}
	}
	facts, err := lintFacts(cfg, f)
	if err != nil {
		return nil, err
	}
	r, err := resolve(ctx, store, facts, args, f)
	if err != nil {
		return nil, err
	}
	if store == nil {
		return weigh(ctx, cfg, r, f, nil, why, nil)
	}
	return weigh(ctx, cfg, r, f, store, "", nil)
}

// check refuses flags and settings that cannot be right.
func (f *planFlags) check(cfg config.Config) error {
	if _, err := parseRows(f.rows); err != nil {
		return err
	}
	if err := f.anew.check(); err != nil {
		return err
	}
	return checkDrift("the setting drift", cfg.Drift)
}

// weigh says what a plan would do and cost. Without a store, why says why there is none.
// ask is asked about drift; nil asks nobody.
func weigh(ctx context.Context, cfg config.Config, r *resolved, f planFlags, store planStore, why string, ask func(*drift) (r1.DriftChoice, bool)) (*planned, error) {
	plan := r.plan
	out := &planned{
		Recipe: plan.Recipe, Profile: plan.Profile, Description: plan.ProfileDescription, Seed: plan.Seed, Fork: r.fork, Rebuild: f.anew.rebuild,
		Findings: r.findings, Later: lint.AtFirstLaunch(), Assumptions: estimate.Assumptions(), plan: plan,
	}
	machine, err := machineOf(perJob(cfg), f, plan)
	if err != nil {
		return nil, err
	}
	given, err := parseRows(f.rows)
	if err != nil {
		return nil, err
	}
	o := estimateOptions(cfg, machine, given)
	found := out.lookUp(ctx, store, why)
	if found != nil {
		found.anew, found.today = r.why(f.anew), r.today
		o.Past = found.past(o)
	}
	if out.Estimate, err = estimate.Of(plan, o); err != nil {
		return nil, err
	}
	if found != nil {
		if err := out.drifts(ctx, cfg, found, f.anew.drift, ask); err != nil {
			return nil, err
		}
		out.Jobs = found.jobs()
	}
	out.block()
	out.ThisRun = out.Estimate.Part(plan, func(stage, job string) bool { return !out.reuses(stage, job) })
	if plan.Profile == "paper" {
		out.Paper = estimate.BesidePaper(out.Estimate)
	}
	return out, nil
}

// drifts looks for drift, and does about it what is decided.
func (p *planned) drifts(ctx context.Context, cfg config.Config, found *lookup, flag string, ask func(*drift) (r1.DriftChoice, bool)) error {
	now, err := makerOf(cfg)
	if err != nil {
		return err
	}
	jobs := found.drifted(now)
	if len(jobs) == 0 {
		return nil
	}
	p.Drift = &drift{Jobs: jobs, Rebuild: found.rebuildCost(p.Estimate, jobs)}
	p.Drift.choose(flag, cfg.Drift, ask)
	return p.Drift.follow(ctx, found)
}

// reuses says whether a job is not to be run.
func (p *planned) reuses(stage, job string) bool {
	for i := range p.Jobs {
		if p.Jobs[i].Stage == stage && p.Jobs[i].Job == job {
			return p.Jobs[i].Do == "reuse"
		}
	}
	return false
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

// perJob is the site with the accelerators that a job gets there: a cluster's site counts its GPUs.
func perJob(cfg config.Config) config.Site {
	site := cfg.Site
	if gpus := cfg.ChosenSite().GPUs; gpus > 0 {
		site.Accelerators = gpus
	}
	return site
}

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

// lookUp finds earlier results. Where no store answers, it says so, and every job counts
// as one to run.
func (p *planned) lookUp(ctx context.Context, store planStore, why string) *lookup {
	p.Reuse = lookedUp{Why: why}
	if store != nil {
		ctx, cancel := context.WithTimeout(ctx, lookUpTime)
		defer cancel()
		found, err := newLookup(ctx, store, p.plan)
		if err == nil {
			p.Reuse = lookedUp{LookedUp: true, Against: found.against()}
			return found
		}
		p.Reuse.Why = "the store does not answer: " + errorLine(err)
	}
	for _, s := range p.plan.Stages {
		for _, j := range s.Jobs {
			p.Jobs = append(p.Jobs, toRun(s, j, "reuse was not looked up"))
		}
	}
	return nil
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
