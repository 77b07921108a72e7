package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/r1ctl/r1ctl/internal/artifact"
	"github.com/r1ctl/r1ctl/internal/config"
	"github.com/r1ctl/r1ctl/internal/doctor"
	"github.com/r1ctl/r1ctl/internal/estimate"
	"github.com/r1ctl/r1ctl/internal/r1"
	"github.com/r1ctl/r1ctl/internal/reuse"
	"github.com/r1ctl/r1ctl/internal/runs"
	"github.com/r1ctl/r1ctl/recipes"
)

// lookUpTime bounds how long plan looks for earlier results.
const lookUpTime = 10 * time.Second

// lookedUp says whether earlier results were looked for.
type lookedUp struct {
	LookedUp bool   `json:"looked_up"`
	Why      string `json:"why,omitempty"`     // why not
	Against  string `json:"against,omitempty"` // the run that differences are told from
}

// peek connects to storage without starting anything; why says why there is none.
func (a *app) peek(ctx context.Context, cfg config.Config) (store *artifact.Store, why string) {
	if err := cfg.CheckEngine(); err != nil {
		return nil, errorLine(err)
	}
	if cfg.Embedded() {
		up, err := a.engineDeps(&cfg, &doctor.Deps{})
		if err != nil {
			return nil, errorLine(err)
		}
		if !up {
			return nil, "the embedded engine is not running, and this command does not start it"
		}
	}
	store, err := artifact.New(ctx, storeConfig(cfg))
	if err != nil {
		return nil, errorLine(err)
	}
	return store, ""
}

// planStore is what plan needs of the artifact store.
type planStore interface {
	runs.Store
	FindEqual(ctx context.Context, fingerprint string, accept func(r1.Commit) bool) (r1.Commit, error)
}

// A lookup is what the store says of the jobs of a plan.
type lookup struct {
	plan    *r1.Plan
	store   planStore
	commits map[r1.JobKey]r1.Commit    // of equal jobs, or those that are taken; the keys have no run
	found   map[r1.JobKey]reuse.Found  // what is taken of these
	before  *r1.Run                    // the newest run of the recipe, or nil
	took    map[r1.JobKey]r1.Commit    // of the jobs of that run
	anew    func(r1.PlannedJob) string // why a job is made anew that need not be
	today   *r1.Plan                   // of a fork: what the recipe would plan by itself
}

// newLookup asks for an equal commit of every job, and for the newest run of the recipe:
// one of the same profile where there is any.
func newLookup(ctx context.Context, store planStore, plan *r1.Plan) (*lookup, error) {
	l := &lookup{plan: plan, store: store, anew: func(r1.PlannedJob) string { return "it is to be made anew" }}
	var err error
	l.commits, err = commits(ctx, plan, func(ctx context.Context, j r1.PlannedJob) (r1.Commit, error) {
		if t := j.Take; t != nil {
			return store.FindCommit(ctx, r1.Layout{Recipe: t.Recipe, Run: t.Run}, t.JobKey)
		}
		return store.FindEqual(ctx, j.Fingerprint, func(r1.Commit) bool { return true })
	})
	if err != nil {
		return nil, err
	}
	if err := l.decide(ctx); err != nil {
		return nil, err
	}
	return l, l.newest(ctx, store)
}

// sideBySide bounds the requests that plan makes at a time.
const sideBySide = 16

// commits asks for a commit of every job of a plan; those that are not found are left out.
func commits(ctx context.Context, plan *r1.Plan, find func(context.Context, r1.PlannedJob) (r1.Commit, error)) (map[r1.JobKey]r1.Commit, error) {
	out := map[r1.JobKey]r1.Commit{}
	var mu sync.Mutex
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(sideBySide)
	for _, s := range plan.Stages {
		for _, j := range s.Jobs {
			g.Go(func() error {
				c, err := find(ctx, j)
				if errors.Is(err, r1.ErrNotFound) {
					return nil
				}
				if err != nil {
					return err
				}
				mu.Lock()
				defer mu.Unlock()
				out[r1.JobKey{Stage: s.Name, Job: j.Name}] = c
				return nil
			})
		}
	}
	return out, g.Wait()
}

func (l *lookup) newest(ctx context.Context, store planStore) error {
	all, err := runs.List(ctx, store)
	if err != nil {
		return err
	}
	id := ""
	for _, e := range all {
		if e.Recipe != l.plan.Recipe {
			continue
		}
		if e.Profile == l.plan.Profile {
			id = e.Run
			break
		}
		if id == "" {
			id = e.Run
		}
	}
	if id == "" {
		return nil
	}
	if l.before, err = runs.Load(ctx, store, id); err != nil {
		return err
	}
	layout := r1.Layout{Recipe: l.before.Recipe, Run: l.before.ID}
	l.took, err = commits(ctx, &l.before.Plan, func(ctx context.Context, j r1.PlannedJob) (r1.Commit, error) {
		return store.FindCommit(ctx, layout, r1.JobKey{Run: id, Stage: j.Stage, Job: j.Name})
	})
	return err
}

func (l *lookup) against() string {
	if l.before == nil {
		return ""
	}
	return l.before.ID
}

// why tells what differs from the same job of the newest run.
func (l *lookup) why(j r1.PlannedJob) (string, []r1.Change) {
	if l.before == nil {
		return "no run of this recipe yet", nil
	}
	var old *r1.PlannedJob
	if s := l.before.Plan.Stage(j.Stage); s != nil {
		old = s.Job(j.Name)
	}
	switch {
	case old == nil:
		return "run " + l.before.ID + " has no such job", nil
	case old.Fingerprint == j.Fingerprint && l.took[r1.JobKey{Stage: j.Stage, Job: j.Name}].Fingerprint != "":
		return "what run " + l.before.ID + " has of it is not there any more, or was taken back", nil
	case old.Fingerprint == j.Fingerprint:
		return "run " + l.before.ID + " has not finished it", nil
	}
	was, err := recipes.Explain(&l.before.Plan, *old, planOptions())
	if err != nil {
		return "it differs from run " + l.before.ID + ", which cannot be taken apart: " + errorLine(err), nil
	}
	now, err := recipes.Explain(l.plan, j, planOptions())
	if err != nil {
		return errorLine(err), nil
	}
	changes, err := recipes.Changed(was, now)
	switch {
	case err != nil:
		return errorLine(err), nil
	case len(changes) == 0:
		return fmt.Sprintf("run %s was planned by %s, and a local source or what the kind means has changed since", l.before.ID, l.before.R1ctl), nil
	}
	return l.first(changes, now), changes
}

// first is the first field that differs, in a line.
func (l *lookup) first(changes []r1.Change, now *recipes.Explanation) string {
	c := changes[0]
	more := ""
	if n := len(changes) - 1; n > 0 {
		more = fmt.Sprintf(" (and %d more)", n)
	}
	if name, upstream := strings.CutPrefix(c.Field, "inputs."); upstream {
		stage, job, _ := strings.Cut(now.Producers[name], "/")
		job, _, _ = strings.Cut(job, "#")
		if l.found[r1.JobKey{Stage: stage, Job: job}].Commit != nil {
			return fmt.Sprintf("its input %s is another than then: that of %s%s", name, now.Producers[name], more)
		}
		return fmt.Sprintf("its input %s is made anew by %s%s", name, now.Producers[name], more)
	}
	return fmt.Sprintf("%s: %s, was %s%s", c.Field, short(c.To), short(c.From), more)
}

// short is a value that fits into a line.
func short(raw json.RawMessage) string {
	s := []rune(strings.NewReplacer(`\u0026`, "&", `\u003c`, "<", `\u003e`, ">").Replace(string(raw)))
	const most = 60
	if len(s) > most {
		return string(s[:most]) + "…"
	}
	if string(raw) == "null" {
		return "nothing"
	}
	return string(s)
}

// past is what the jobs of the newest run took, beside what would have been said of them.
func (l *lookup) past(o estimate.Options) []estimate.Past {
	if l.before == nil {
		return nil
	}
	said, err := estimate.Of(&l.before.Plan, o)
	if err != nil {
		return nil // a plan of another version: the estimate goes without it
	}
	var out []estimate.Past
	all := maps.Clone(l.took)
	for key, c := range l.commits { // what that run reused itself, where it was made
		if t, ok := all[key]; !ok || t.ReusedFrom != nil {
			all[key] = c
		}
	}
	for key, c := range all {
		j := said.Job(key.Stage, key.Job)
		if j == nil || c.ReusedFrom != nil {
			continue
		}
		p := estimate.Past{Run: l.before.ID, Stage: key.Stage, Job: key.Job, Kind: c.Kind, Estimated: *j, Seconds: c.Ended.Sub(c.Started).Seconds()}
		if c.Funnel != nil {
			p.In, p.Kept = float64(c.Funnel.In), float64(c.Funnel.Kept)
		}
		out = append(out, p)
	}
	return out
}
