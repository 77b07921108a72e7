package main

import (
	"context"
	"fmt"
	"slices"

	"github.com/r1ctl/r1ctl/internal/r1"
	"github.com/r1ctl/r1ctl/internal/reuse"
)

// decide says of each job what is taken for it, as the engine will.
func (l *lookup) decide(ctx context.Context) error {
	l.found = map[r1.JobKey]reuse.Found{}
	known := known{l.store, map[string]r1.Commit{}}
	for _, c := range l.commits {
		known.newest[c.Fingerprint] = c
	}
	for _, s := range l.plan.Stages {
		for _, j := range s.Jobs {
			key := r1.JobKey{Stage: s.Name, Job: j.Name}
			c, there := l.commits[key]
			var f reuse.Found
			var err error
			switch {
			case j.Take != nil && there:
				f.Commit = &c
			case j.Take != nil || j.Anew != "":
			default:
				if f, err = reuse.Find(ctx, known, &j, l.inputs(&j)); err == nil && f.Commit == nil {
					var later reuse.Found
					if later, err = reuse.Unneeded(ctx, known, l.plan, &j, l.inputs); later.Commit != nil {
						f = later
					} else if whole := wholeOf(&s, j.Name); err == nil && whole != nil {
						if later, err = reuse.Find(ctx, known, whole, l.inputs(whole)); later.Commit != nil {
							f = reuse.Found{Commit: later.Commit, Unneeded: true}
						}
					}
				}
			}
			if err != nil {
				return err
			}
			l.found[key] = f
		}
	}
	return nil
}

// wholeOf is the job that joins a shard with the others, if an equal one may be taken; nil for a
// job that is no shard.
func wholeOf(s *r1.PlannedStage, shard string) *r1.PlannedJob {
	for i := range s.Jobs {
		if j := &s.Jobs[i]; slices.Contains(j.Join, shard) && j.Anew == "" && j.Take == nil {
			return j
		}
	}
	return nil
}

// inputs is what is known of a job's inputs: of jobs that were decided.
func (l *lookup) inputs(j *r1.PlannedJob) map[string]reuse.Input {
	out := map[string]reuse.Input{}
	for name, ref := range j.Inputs {
		f, decided := l.found[r1.JobKey{Stage: ref.Stage, Job: ref.Job}]
		in := reuse.Input{Made: decided && f.Commit == nil}
		if f.Commit != nil && !f.Unneeded {
			in.SHA256 = f.Commit.Outputs[ref.Output].SHA256
		}
		out[name] = in
	}
	return out
}

// known answers from what was asked before, as far as that goes.
type known struct {
	store  planStore
	newest map[string]r1.Commit // by fingerprint
}

// FindEqual implements reuse.Store.
func (k known) FindEqual(ctx context.Context, fingerprint string, accept func(r1.Commit) bool) (r1.Commit, error) {
	c, there := k.newest[fingerprint]
	switch {
	case !there:
		return c, r1.ErrNotFound
	case accept(c):
		return c, nil
	}
	return k.store.FindEqual(ctx, fingerprint, accept)
}

// jobs says what is done about each job, and why.
func (l *lookup) jobs() []plannedJob {
	var out []plannedJob
	for _, s := range l.plan.Stages {
		for _, j := range s.Jobs {
			f := l.found[r1.JobKey{Stage: s.Name, Job: j.Name}]
			p := toRun(s, j, "")
			switch {
			case f.Commit != nil:
				l.take(&p, j, f)
			case j.Anew != "":
				p.Reason = l.anew(j)
			case f.Open != "":
				p.Reason = fmt.Sprintf("its input %s is made anew; if that comes out as the same bytes, it is reused after all", f.Open)
			case f.Differs != "":
				p.Reason = fmt.Sprintf("its input %s is other bytes than those that the earlier result was made of", f.Differs)
			default:
				p.Reason, p.Changes = l.why(j)
			}
			out = append(out, p)
		}
	}
	return out
}

// take says what is reused.
func (l *lookup) take(p *plannedJob, j r1.PlannedJob, f reuse.Found) {
	from := f.Commit.Origin()
	p.Do, p.From, p.Reason = "reuse", from.String(), "equal to "+from.String()
	if m := f.Commit.Made; m != nil && m.Adopted != nil {
		p.Adopted, p.Reason = m.Adopted.From, "adopted from "+m.Adopted.From
	}
	switch {
	case f.Unneeded:
		p.Reason = "nothing needs it: " + from.Stage + " is " + p.Reason
	case j.Take != nil:
		p.Reason = "taken from run " + j.Take.Run + " as it is"
		if l.today != nil && fingerprintIn(l.today, j.Stage, j.Name) != j.Fingerprint {
			p.Reason += ", though the recipe would make another today"
		}
	}
}

func fingerprintIn(plan *r1.Plan, stage, job string) string {
	if s := plan.Stage(stage); s != nil {
		if j := s.Job(job); j != nil {
			return j.Fingerprint
		}
	}
	return ""
}
