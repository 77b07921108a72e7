package report

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/r1ctl/r1ctl/internal/r1"
	"github.com/r1ctl/r1ctl/internal/runs"
)

// Collect reads a run from the store, whatever state it is in. The status says
// which state that is: the store alone cannot tell a run that goes on from one
// whose engine was lost.
func Collect(ctx context.Context, s Store, run *r1.Run, st *runs.Status) (*Report, error) {
	return collect(ctx, s, run, st, time.Now())
}

func collect(ctx context.Context, s Store, run *r1.Run, st *runs.Status, now time.Time) (*Report, error) {
	c := &collector{store: s, run: run, layout: r1.Layout{Recipe: run.Recipe, Run: run.ID}, plan: origins{&run.Plan}}
	r := &Report{
		Version: Version, Generated: now.UTC(),
		Run: run.ID, Recipe: run.Recipe, Profile: run.Profile, Description: run.Plan.Description, About: run.Plan.ProfileDescription, Owner: run.Owner,
		R1ctl: run.R1ctl, Seed: run.Plan.Seed, RecipeYAML: run.RecipeYAML,
		Fork: run.Fork, Rebuild: run.Rebuild, Drift: run.Drift, Against: st.Against,
		State: st.State, Error: st.Error, Created: run.Created, Started: st.Started, Ended: st.Ended,
	}
	var err error
	if r.Stages, err = c.stages(ctx, st); err != nil {
		return nil, err
	}
	c.links(r)
	if r.Models, err = c.models(ctx, r); err != nil {
		return nil, err
	}
	r.Classes = c.classes()
	if r.RL, r.Training, err = c.histories(ctx, r); err != nil {
		return nil, err
	}
	if r.Problems, err = c.problems(ctx, r); err != nil {
		return nil, err
	}
	r.Funnels = funnels(r)
	r.Timeline = timeline(c.plan, r)
	r.Failures = failures(r)
	r.Warnings, r.Rollbacks = warnings(st), rollbacks(st)
	r.Unreadable = c.unreadable
	slices.SortFunc(r.Unreadable, func(a, b Unreadable) int { return strings.Compare(a.What, b.What) })
	r.Summary = summarize(r)
	return r, nil
}

func warnings(st *runs.Status) []Warning {
	var out []Warning
	for _, stage := range st.Stages {
		for _, job := range stage.Jobs {
			for _, w := range job.Warnings {
				out = append(out, Warning{stage.Name, w})
			}
		}
	}
	return out
}

// rollbacks are those of each job itself: a phase of RL also knows those before it.
func rollbacks(st *runs.Status) []Rollback {
	var out []Rollback
	for _, stage := range st.Stages {
		for _, job := range stage.Jobs {
			for _, back := range job.Rollbacks {
				if back.Job == job.Name {
					out = append(out, Rollback{stage.Name, back})
				}
			}
		}
	}
	return out
}

type collector struct {
	store  Store
	run    *r1.Run
	layout r1.Layout
	plan   origins

	mu         sync.Mutex
	unreadable []Unreadable
	recipes    map[string]string // of other runs, whose jobs were reused
}

// lack notes a part that is gone. The rest of the report does not suffer.
func (c *collector) lack(what string, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.unreadable = append(c.unreadable, Unreadable{What: what, Why: err.Error()})
}

// links says where the inputs of each job come from.
func (c *collector) links(r *Report) {
	for i := range r.Stages {
		for k := range r.Stages[i].Jobs {
			j := &r.Stages[i].Jobs[k]
			for _, name := range sortedKeys(j.plan.Inputs) {
				ref := j.plan.Inputs[name]
				link := Link{Name: name, From: c.plan.producer(ref)}
				if p := r.job(ref.Stage, ref.Job); p != nil && p.commit != nil {
					a := p.commit.Outputs[ref.Output]
					link.Type, link.URI, link.SHA256, link.Bytes = a.Type, a.URI, a.SHA256, a.Bytes
				}
				j.Inputs = append(j.Inputs, link)
			}
		}
	}
}

func (r *Report) job(stage, job string) *Job {
	s := r.stage(stage)
	if s == nil {
		return nil
	}
	for i := range s.Jobs {
		if s.Jobs[i].Name == job {
			return &s.Jobs[i]
		}
	}
	return nil
}

// histories reads the metrics of every job that trains.
func (c *collector) histories(ctx context.Context, r *Report) ([]RL, []Training, error) {
	var rl []RL
	var training []Training
	for i := range r.Stages {
		s := &r.Stages[i]
		switch s.Kind {
		case r1.KindGRPO:
			one, err := c.rl(ctx, s, c.run.Plan.Stage(s.Name))
			if err != nil {
				return nil, nil, err
			}
			rl = append(rl, one)
		case r1.KindSFT, r1.KindDistill, r1.KindRewardModel, r1.KindBase:
			for k := range s.Jobs {
				h := newHistory()
				if _, err := c.history(ctx, h, s.Name, &s.Jobs[k]); err != nil {
					return nil, nil, err
				}
				if s.Kind == r1.KindBase && len(h.names) == 0 {
					continue // obtained, not trained
				}
				t := Training{Stage: s.Name, Job: s.Jobs[k].Name, Title: s.Label(), Kind: s.Kind, ToStep: s.Jobs[k].ToStep, Curves: h.list()}
				training = append(training, t)
			}
		}
	}
	return rl, training, nil
}

func (c *collector) rl(ctx context.Context, s *Stage, p *r1.PlannedStage) (RL, error) {
	out := RL{Stage: s.Name, Title: s.Label(), FromBase: c.plan.fromBase(p)}
	h := newHistory()
	for i := range s.Jobs {
		j := &s.Jobs[i]
		if i > 0 {
			out.Phases = append(out.Phases, j.FromStep)
		}
		out.ToStep = max(out.ToStep, j.ToStep)
		restarts, err := c.history(ctx, h, s.Name, j)
		if err != nil {
			return out, err
		}
		out.Restarts = append(out.Restarts, restarts...)
	}
	out.Curves, out.Evals, out.Texts = h.list(), h.evals, h.examples()
	return out, nil
}

// history adds a job's metrics; those of a reused job lie in the run that made it.
func (c *collector) history(ctx context.Context, h *history, stage string, j *Job) ([]int, error) {
	layout, key := c.layout, r1.JobKey{Run: c.run.ID, Stage: stage, Job: j.Name}
	var attempts []int
	for _, a := range j.Attempts {
		attempts = append(attempts, a.Number)
	}
	if j.adopted() != nil {
		return nil, nil // nobody here trained it
	}
	if j.ReusedFrom != nil {
		recipe, err := c.recipeOf(ctx, j.ReusedFrom.Run)
		if absent(err) {
			c.lack(fmt.Sprintf("the metrics of %s, reused from %s", key, j.ReusedFrom), err)
			return nil, nil
		}
		if err != nil {
			return nil, err
		}
		layout, key = r1.Layout{Recipe: recipe, Run: j.ReusedFrom.Run}, *j.ReusedFrom
		if attempts, err = attemptNumbers(ctx, c.store, layout, key); err != nil {
			return nil, err
		}
	}
	return h.read(ctx, c.store, layout, key, attempts)
}

func (c *collector) recipeOf(ctx context.Context, run string) (string, error) {
	if recipe, ok := c.recipes[run]; ok {
		return recipe, nil
	}
	var e runs.Entry
	if err := c.store.GetJSON(ctx, r1.RunIndex(run), &e); err != nil {
		return "", fmt.Errorf("find run %s: %w", run, err)
	}
	if c.recipes == nil {
		c.recipes = map[string]string{}
	}
	c.recipes[run] = e.Recipe
	return e.Recipe, nil
}

// classes lists the distill stages with whose samples their students learnt from.
func (c *collector) classes() []Class {
	var out []Class
	for i := range c.run.Plan.Stages {
		s := &c.run.Plan.Stages[i]
		if s.Kind != r1.KindDistill {
			continue
		}
		class := Class{Stage: s.Name}
		for k := range s.Jobs {
			class.Students = append(class.Students, s.Jobs[k].Name)
			for _, t := range c.plan.teachers(&s.Jobs[k]) {
				if name := c.plan.name(t); !slices.Contains(class.Teachers, name) {
					class.Teachers = append(class.Teachers, name)
				}
			}
		}
		out = append(out, class)
	}
	return out
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
