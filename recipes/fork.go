package recipes

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/r1ctl/r1ctl/internal/r1"
	"github.com/r1ctl/r1ctl/internal/suggest"
)

// Frozen reads the recipe of a run as it is now, amendments included.
func Frozen(run *r1.Run) (*Recipe, error) {
	return Parse(run.RecipeYAML, "the recipe of run "+run.ID, run.RecipeDir, Options{Profile: run.Profile, Set: FrozenSet(run)})
}

// FrozenSet are the KEY=VALUE pairs that a run was given, oldest first.
func FrozenSet(run *r1.Run) []string {
	set := slices.Clone(run.Set)
	for _, a := range run.Amendments {
		set = append(set, a.Set...)
	}
	return set
}

// ForkOptions say how a run is forked.
type ForkOptions struct {
	Stage string   // from which it is made anew
	Set   []string // values given for the fork itself: none may change a stage before it
	// Committed says whether the run has committed a job.
	Committed func(stage, job string) bool
}

// Fork plans a recipe from a stage of a run on. Stages before it are those of the run,
// as it planned and committed them; the stage and what depends on it is made anew. Of
// what stands beside, a stage is taken that the run has committed and the recipe has not
// changed; the others are planned like any. The fields of stages before the fork that the
// recipe has otherwise are returned: they are not in effect.
//
// Errors are those of Plan, and the r1.Errors unknown-stage, fork-incomplete and
// fork-before-stage.
func Fork(run *r1.Run, r *Recipe, f ForkOptions, opts PlanOptions) (*r1.Plan, []r1.Change, error) {
	if r.stage(f.Stage) == nil {
		return nil, nil, unknownStage(r, f.Stage)
	}
	old, err := Frozen(run)
	if err != nil {
		return nil, nil, err
	}
	changed, err := Differences(old.Fields(), r.Fields())
	if err != nil {
		return nil, nil, err
	}
	before := r.reach(f.Stage, func(s *Stage) []string { return needs(*s) })
	after := r.reach(f.Stage, func(s *Stage) []string { return r.dependants(s.Name) })
	after[f.Stage] = true
	if err := beforeFork(f, before); err != nil {
		return nil, nil, err
	}
	opts.taken = map[string]r1.PlannedStage{}
	var differs []r1.Change
	for _, s := range r.Stages {
		if after[s.Name] {
			continue
		}
		mine := fieldsOf(changed, s.Name)
		taken, missing := taken(run, s.Name, f.Committed)
		switch {
		case before[s.Name] && missing != "":
			return nil, nil, &r1.Error{
				Name: "fork-incomplete", Detail: fmt.Sprintf("run %s cannot be forked at %s: it has not committed %s", run.ID, f.Stage, missing),
				Remedy: "let it get there with: r1ctl resume " + run.ID + "; or fork it at an earlier stage",
			}
		case missing == "" && (before[s.Name] || len(mine) == 0):
			opts.taken[s.Name] = *taken
			differs = append(differs, mine...)
		}
	}
	differs = append(differs, fieldsOf(changed, "seed")...)
	plan, err := Plan(r, opts)
	if err != nil {
		return nil, nil, err
	}
	for i := range plan.Stages {
		if after[plan.Stages[i].Name] {
			makeAnew(&plan.Stages[i], r1.AnewRebuild)
		}
	}
	return plan, differs, nil
}

// beforeFork refuses values that would change what is taken as it is.
func beforeFork(f ForkOptions, before map[string]bool) error {
	for _, set := range f.Set {
		path, _, _ := strings.Cut(set, "=")
		name, _, _ := strings.Cut(path, ".")
		for _, stage := range slices.Sorted(maps.Keys(before)) {
			if stands(name, stage) {
				return &r1.Error{
					Name:   "fork-before-stage",
					Detail: fmt.Sprintf("--set %s changes %s, which comes before %s and is taken as it is", set, stage, f.Stage),
					Remedy: fmt.Sprintf("fork at %s, or leave the value out", stage),
				}
			}
		}
	}
	return nil
}

// taken is a stage as a run planned it, with the commits to take. missing is what the run
// lacks of it.
func taken(run *r1.Run, name string, committed func(stage, job string) bool) (stage *r1.PlannedStage, missing string) {
	was := run.Plan.Stage(name)
	if was == nil {
		return nil, name
	}
	out := *was
	out.Gate = nil // its question was answered
	out.Jobs = slices.Clone(was.Jobs)
	for i := range out.Jobs {
		j := &out.Jobs[i]
		if !committed(name, j.Name) {
			return nil, name + "/" + j.Name
		}
		j.Anew = ""
		j.Take = &r1.Taken{Recipe: run.Recipe, JobKey: r1.JobKey{Run: run.ID, Stage: name, Job: j.Name}}
	}
	return &out, ""
}

// Rebuild marks stages to be made anew. A name that the plan does not have is the r1.Error
// unknown-stage; a stage that is taken from another run as it is, fork-before-stage.
func Rebuild(plan *r1.Plan, stages []string, how r1.Anew) error {
	for _, name := range stages {
		stage := plan.Stage(name)
		if stage == nil {
			return unknownIn(plan.Recipe, name, planStages(plan))
		}
		if stage.Jobs[0].Take != nil {
			return &r1.Error{
				Name: "fork-before-stage", Detail: fmt.Sprintf("%s is taken from run %s as it is, and cannot be made anew", name, stage.Jobs[0].Take.Run),
				Remedy: "fork at " + name,
			}
		}
		makeAnew(stage, how)
	}
	return nil
}

func makeAnew(stage *r1.PlannedStage, how r1.Anew) {
	for i := range stage.Jobs {
		stage.Jobs[i].Anew = how
	}
}

// carry are the options by which a run's plan is made again: with what it takes from others.
func carry(run *r1.Run, opts PlanOptions) PlanOptions {
	opts.taken = map[string]r1.PlannedStage{}
	for _, s := range run.Plan.Stages {
		if s.Jobs[0].Take != nil {
			opts.taken[s.Name] = s
		}
	}
	return opts
}

// carryAnew marks in a plan what the run's own has to be made anew.
func carryAnew(run *r1.Run, plan *r1.Plan) {
	for i := range plan.Stages {
		was := run.Plan.Stage(plan.Stages[i].Name)
		for k := range plan.Stages[i].Jobs {
			j := &plan.Stages[i].Jobs[k]
			if was != nil && was.Job(j.Name) != nil {
				j.Anew = was.Job(j.Name).Anew
			} else if was != nil {
				j.Anew = was.Jobs[0].Anew // a phase that an amendment adds
			}
		}
	}
}

func (r *Recipe) stage(name string) *Stage {
	for i := range r.Stages {
		if r.Stages[i].Name == name {
			return &r.Stages[i]
		}
	}
	return nil
}

// dependants are the stages that wait for one.
func (r *Recipe) dependants(name string) []string {
	var out []string
	for _, s := range r.Stages {
		if slices.Contains(needs(s), name) {
			out = append(out, s.Name)
		}
	}
	return out
}

// reach collects the stages that next leads to from one.
func (r *Recipe) reach(from string, next func(*Stage) []string) map[string]bool {
	out := map[string]bool{}
	var walk func(name string)
	walk = func(name string) {
		for _, n := range next(r.stage(name)) {
			if !out[n] {
				out[n] = true
				walk(n)
			}
		}
	}
	walk(from)
	return out
}

// fieldsOf are the changes of one stage, or of a field at the top.
func fieldsOf(changed []r1.Change, name string) []r1.Change {
	var out []r1.Change
	for _, c := range changed {
		if c.Field == name || strings.HasPrefix(c.Field, name+".") {
			out = append(out, c)
		}
	}
	return out
}

func unknownStage(r *Recipe, name string) error {
	var known []string
	for _, s := range r.Stages {
		known = append(known, s.Name)
	}
	return unknownIn(r.Name, name, known)
}

func planStages(plan *r1.Plan) []string {
	var out []string
	for _, s := range plan.Stages {
		out = append(out, s.Name)
	}
	return out
}

func unknownIn(recipe, name string, known []string) error {
	e := &r1.Error{Name: "unknown-stage", Detail: fmt.Sprintf("%s has no stage %q", recipe, name), Remedy: "list its stages with: r1ctl plan " + recipe}
	if near := suggest.Nearest(name, known); near != "" {
		e.Detail += fmt.Sprintf("; did you mean %q?", near)
	}
	return e
}
