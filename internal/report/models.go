package report

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"

	"github.com/r1ctl/r1ctl/internal/lineage"
	"github.com/r1ctl/r1ctl/internal/r1"
)

// maxReport bounds the read of a metrics.json.
const maxReport = 4 << 20

// evaluation is the outcome of an evaluate job.
type evaluation struct {
	job     *r1.PlannedJob
	domains map[string]Measure // by domain; "" holds all problems
	order   []string           // of the domains
}

// models sets every model against the one it was trained from.
func (c *collector) models(ctx context.Context, r *Report) ([]Model, error) {
	measured := map[r1.OutputRef]*evaluation{}
	refs := c.plan.models()
	for _, ref := range refs {
		for _, job := range c.plan.evaluations(ref) {
			e, err := c.evaluation(ctx, r, job)
			if err != nil {
				return nil, err
			}
			if e != nil && measured[ref] == nil {
				measured[ref] = e
			}
		}
	}
	var out []Model
	for _, ref := range refs {
		s := r.stage(ref.Stage)
		m := Model{Name: c.plan.name(ref), Title: s.Label(), Stage: ref.Stage, Job: ref.Job, Kind: s.Kind, State: s.State}
		c.cost(&m, s)
		parent, ok := lineage.Parent(c.plan.plan, ref)
		if ok {
			m.Parent = c.plan.name(parent)
		}
		c.score(&m, measured[ref], measured[parent], len(c.plan.evaluations(ref)) > 0)
		out = append(out, m)
	}
	return out, nil
}

// cost adds up what making the model took, failed attempts with it. A student
// costs what its job does, any other model what its stage does.
func (c *collector) cost(m *Model, s *Stage) {
	reused := 0
	counted := 0
	for i := range s.Jobs {
		j := &s.Jobs[i]
		if s.Kind == r1.KindDistill && j.Name != m.Job {
			continue
		}
		counted++
		if j.ReusedFrom != nil {
			reused++
		}
		if s.Kind == r1.KindDistill {
			m.State = j.State
		}
		for _, a := range j.Attempts {
			if !a.Started.IsZero() {
				m.Seconds += a.last().Sub(a.Started).Seconds()
			}
			if a.Usage != nil {
				m.CPUSeconds += a.Usage.CPUSeconds
			}
			if a.Outcome != "" && a.Outcome != r1.Succeeded {
				m.Notes = append(m.Notes, fmt.Sprintf("attempt %d of %s ended %s", a.Number, JobName{s.Name, j.Name}, a.Outcome))
			}
		}
		if dropped := j.Metrics["rows_dropped_too_long"]; dropped > 0 {
			m.Notes = append(m.Notes, fmt.Sprintf("%.0f rows were longer than max_tokens and left out", dropped))
		}
	}
	switch {
	case reused == counted && counted > 0:
		m.Notes = append(m.Notes, "reused from an earlier run; nothing was run")
	case reused > 0:
		m.Notes = append(m.Notes, fmt.Sprintf("%d of %d jobs reused from an earlier run", reused, counted))
	}
}

// score compares two evaluations where they measured the same problems.
func (c *collector) score(m *Model, after, before *evaluation, planned bool) {
	if after == nil {
		if planned {
			m.Notes = append(m.Notes, "not measured yet")
		} else {
			m.Notes = append(m.Notes, "the recipe does not measure this model")
		}
		return
	}
	m.Evaluation, m.problems = after.job.Stage, after.job.Inputs["problems"]
	if before != nil {
		switch {
		case before.job.Inputs["problems"] != m.problems:
			m.Notes = append(m.Notes, fmt.Sprintf("%s was measured on other problems, so there is no comparison", m.Parent))
			before = nil
		default:
			if differ := differing(before.job.Params, after.job.Params); len(differ) > 0 {
				m.Notes = append(m.Notes, fmt.Sprintf("%s was measured with another %s", m.Parent, list(differ)))
			}
		}
	}
	for _, d := range after.order {
		score := Score{Domain: d, After: after.domains[d]}
		if before != nil {
			score.Before = before.domains[d]
		}
		m.Scores = append(m.Scores, score)
	}
}

// differing names the parameters that bear on a comparison and are not equal.
func differing(a, b json.RawMessage) []string {
	var pa, pb map[string]json.RawMessage
	if json.Unmarshal(a, &pa) != nil || json.Unmarshal(b, &pb) != nil {
		return nil
	}
	var out []string
	for _, name := range []string{"template", "samples_per_prompt", "temperature", "top_p", "max_tokens"} {
		ca, erra := r1.CanonicalJSON(orNull(pa[name]))
		cb, errb := r1.CanonicalJSON(orNull(pb[name]))
		if erra == nil && errb == nil && string(ca) != string(cb) {
			out = append(out, name)
		}
	}
	return out
}

func orNull(raw json.RawMessage) json.RawMessage {
	if len(raw) == 0 {
		return json.RawMessage("null")
	}
	return raw
}

// evaluation reads the numbers of an evaluate job; nil when there are none yet.
func (c *collector) evaluation(ctx context.Context, r *Report, job *r1.PlannedJob) (*evaluation, error) {
	j := r.job(job.Stage, job.Name)
	if j == nil || j.commit == nil {
		return nil, nil
	}
	for _, o := range job.Outputs {
		if o.Type != r1.TypeReport {
			continue
		}
		var file struct {
			Values  Measure            `json:"values"`
			Domains map[string]Measure `json:"domains"`
		}
		err := c.readReport(ctx, j.commit.Outputs[o.Name], &file)
		if absent(err) {
			c.lack("the numbers of "+job.Stage, err)
			break
		}
		if err != nil {
			return nil, err
		}
		e := &evaluation{job: job, domains: map[string]Measure{"": file.Values}, order: []string{""}}
		maps.Copy(e.domains, file.Domains)
		e.order = append(e.order, slices.Sorted(maps.Keys(file.Domains))...)
		return e, nil
	}
	// The commit keeps the overall numbers.
	return &evaluation{job: job, domains: map[string]Measure{"": j.commit.Metrics}, order: []string{""}}, nil
}

func (c *collector) readReport(ctx context.Context, a r1.Artifact, v any) error {
	f, err := c.store.OpenFile(ctx, a, "metrics.json")
	if err != nil {
		return fmt.Errorf("open metrics.json of %s: %w", a.Name, err)
	}
	defer f.Close()
	raw, err := io.ReadAll(io.LimitReader(f, maxReport))
	if err != nil {
		return fmt.Errorf("read metrics.json of %s: %w", a.Name, err)
	}
	if err := json.Unmarshal(raw, v); err != nil {
		return fmt.Errorf("decode metrics.json of %s: %w (%w)", a.Name, err, r1.ErrNotFound)
	}
	return nil
}
