package recipes

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"github.com/r1ctl/r1ctl/internal/r1"
)

// PlanOptions are what a plan needs from outside.
type PlanOptions struct {
	// SourceDigest identifies the content of a tiny:// address. Without it the
	// address stands for its content.
	SourceDigest func(address string) (string, error)

	taken map[string]r1.PlannedStage // stages of another run, as they are
}

// Plan resolves a recipe into stages and jobs. Every job has its parameters, its
// seed and a fingerprint; stages come in an order in which they can run, the
// file's where that is one.
//
// It reads local sources to digest them; a missing one is the r1.Error
// source-missing.
func Plan(r *Recipe, opts PlanOptions) (*r1.Plan, error) {
	p := &planner{
		seed: r.Seed, kinds: kinds(), sources: digester{tiny: opts.SourceDigest, known: map[string]string{}},
		outputs: map[Ref]r1.OutputRef{}, fingerprints: map[r1.JobKey]string{},
	}
	plan := &r1.Plan{Recipe: r.Name, Profile: r.Profile, Description: r.Description, ProfileDescription: r.ProfileDescription, Seed: r.Seed, Retries: r.Retries}
	for _, s := range inOrder(r.Stages) {
		stage := r1.PlannedStage{Name: s.Name, Kind: s.Kind, Title: s.Title, Gate: gateOf(s), Outputs: map[string]r1.OutputRef{}}
		was, taken := opts.taken[s.Name]
		if taken {
			stage.Gate = was.Gate
		}
		for _, before := range plan.Stages {
			if slices.Contains(needs(s), before.Name) {
				stage.Needs = append(stage.Needs, before.Name)
			}
		}
		if taken {
			p.take(&stage, was)
			plan.Stages = append(plan.Stages, stage)
			continue
		}
		for _, u := range p.units(s) {
			job, err := p.job(s, u)
			if err != nil {
				return nil, fmt.Errorf("plan stage %s: %w", s.Name, err)
			}
			stage.Jobs = append(stage.Jobs, job)
			if u.output != "" {
				ref := r1.OutputRef{Stage: s.Name, Job: u.name, Output: u.decls[0].Name}
				stage.Outputs[u.output], p.outputs[Ref{s.Name, u.output}] = ref, ref
			}
		}
		plan.Stages = append(plan.Stages, stage)
	}
	return plan, nil
}

// take fills a stage with the jobs of another run.
func (p *planner) take(stage *r1.PlannedStage, was r1.PlannedStage) {
	stage.Kind, stage.Title, stage.Jobs, stage.Outputs = was.Kind, was.Title, was.Jobs, was.Outputs
	for _, j := range was.Jobs {
		p.fingerprints[r1.JobKey{Stage: j.Stage, Job: j.Name}] = j.Fingerprint
	}
	for name, ref := range was.Outputs {
		p.outputs[Ref{stage.Name, name}] = ref
	}
}

// inOrder sorts stages so that each comes after what it waits for, and as early
// in the file's order as that allows.
func inOrder(stages []Stage) []Stage {
	out := make([]Stage, 0, len(stages))
	placed := map[string]bool{}
	for range stages {
		i := slices.IndexFunc(stages, func(s Stage) bool {
			return !placed[s.Name] && !slices.ContainsFunc(needs(s), func(n string) bool { return !placed[n] })
		})
		if i < 0 {
			break // a cycle, which Load refuses
		}
		out = append(out, stages[i])
		placed[stages[i].Name] = true
	}
	return out
}

// needs lists the stages that a stage waits for.
func needs(s Stage) []string {
	out := slices.Clone(s.After)
	for _, ref := range s.Inputs {
		out = append(out, ref.Stage)
	}
	for _, student := range s.Students {
		for _, ref := range student.Inputs {
			out = append(out, ref.Stage)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// A planner makes jobs in the order of the stages.
type planner struct {
	seed         int64
	kinds        []kind
	sources      digester
	outputs      map[Ref]r1.OutputRef // of the stages so far
	fingerprints map[r1.JobKey]string // of the jobs so far; the keys have no run
}

// A unit is a job before its parameters are rendered.
type unit struct {
	name     string
	after    []string
	inputs   map[string]Ref          // outputs of other stages
	own      map[string]r1.OutputRef // outputs of jobs before it in the stage
	params   map[string]any
	decls    []r1.OutputDecl
	output   string // the stage output that decls[0] is, or ""
	seedOf   string
	from, to int
	join     []string // jobs before it whose outputs make up its own
}

// units splits a stage into jobs.
func (p *planner) units(s Stage) []unit {
	k := kindOf(p.kinds, string(s.Kind))
	switch s.Kind {
	case r1.KindGRPO:
		return phases(s)
	case r1.KindDistill:
		var out []unit
		for _, student := range s.Students {
			out = append(out, unit{
				name: student.Name, inputs: student.Inputs, params: student.Params, output: student.Name, seedOf: s.Name + "/" + student.Name,
				decls: []r1.OutputDecl{{Name: "model", Type: r1.TypeModel, Path: s.Name + "/" + student.Name}},
			})
		}
		return out
	}
	u := unit{name: r1.MainJob, inputs: s.Inputs, params: s.Params, output: k.output, seedOf: s.Name}
	u.decls = []r1.OutputDecl{{Name: k.output, Type: k.makes.artifactType(), Path: s.Name + "/" + k.output}}
	if pretrain, ok := s.Params["pretrain"].(map[string]any); ok {
		u.to = int(pretrain["steps"].(int64))
	}
	if n, _ := s.Params["shards"].(int64); n > 1 {
		return sharded(s, u, int(n))
	}
	return []unit{u}
}

// phases splits an RL stage at the refreshes of its reference. Each phase takes
// the policy of the one before as policy and reference, and its state, so that
// the schedule and the order of the data go on; they share a seed for the same
// reason.
func phases(s Stage) []unit {
	steps := int(s.Params["steps"].(int64))
	length := steps
	refresh, split := s.Params["reference_refresh_steps"].(int64)
	if split {
		length = min(steps, int(refresh))
	}
	var out []unit
	for from := 0; from < steps; from += length {
		u := unit{name: r1.MainJob, inputs: s.Inputs, params: s.Params, seedOf: s.Name, from: from, to: min(from+length, steps)}
		if split {
			u.name = fmt.Sprintf("phase-%02d", len(out)+1)
		}
		if n := len(out); n > 0 {
			before := out[n-1].name
			u.after = []string{before}
			u.inputs = maps.Clone(s.Inputs)
			delete(u.inputs, "policy")
			u.own = map[string]r1.OutputRef{
				"policy": {Stage: s.Name, Job: before, Output: "model"},
				"state":  {Stage: s.Name, Job: before, Output: "state"},
			}
		}
		u.decls = []r1.OutputDecl{{Name: "model", Type: r1.TypeModel, Path: s.Name + "/model"}}
		if u.to == steps {
			u.output = "model"
		} else {
			folder := s.Name + "/" + u.name
			u.decls[0].Path = folder + "/model"
			u.decls = append(u.decls, r1.OutputDecl{Name: "state", Type: r1.TypeState, Path: folder + "/state"})
		}
		out = append(out, u)
	}
	return out
}

// job renders a unit.
func (p *planner) job(s Stage, u unit) (r1.PlannedJob, error) {
	job := r1.PlannedJob{
		Stage: s.Name, Name: u.name, Kind: s.Kind, After: u.after, Outputs: u.decls,
		Seed: deriveSeed(p.seed, u.seedOf), FromStep: u.from, ToStep: u.to,
		Inputs: map[string]r1.OutputRef{}, Join: u.join,
	}
	for in, ref := range u.inputs {
		from, ok := p.outputs[ref]
		if !ok { // the recipe has it, and the run that the stage is taken from has not
			return job, &r1.Error{
				Name: "fork-incomplete", Detail: fmt.Sprintf("%s needs %s, which the run that is forked does not make", s.Name, ref),
				Remedy: "fork at " + ref.Stage,
			}
		}
		job.Inputs[in] = from
	}
	maps.Copy(job.Inputs, u.own)

	given, bearing := maps.Clone(u.params), p.bearing(s.Kind, u.params)
	for _, f := range kindOf(p.kinds, string(s.Kind)).params {
		if f.planOnly {
			delete(given, f.name)
		}
	}
	var err error
	if job.Params, err = encode(given); err != nil {
		return job, fmt.Errorf("job %s: %w", u.name, err)
	}
	if job.Fingerprint, err = p.fingerprint(job, bearing); err != nil {
		return job, fmt.Errorf("job %s: %w", u.name, err)
	}
	p.fingerprints[r1.JobKey{Stage: s.Name, Job: u.name}] = job.Fingerprint
	return job, nil
}

// bearing are the parameters of a job that bear on its result.
func (p *planner) bearing(k r1.Kind, params map[string]any) map[string]any {
	out := map[string]any{}
	for _, f := range kindOf(p.kinds, string(k)).params {
		switch v, ok := params[f.name]; {
		case !ok || f.planOnly:
		case !f.inert:
			out[f.name] = bearingPart(f.shape, v)
		case f.bears != nil:
			if part := f.bears(v); part != nil {
				out[f.name] = part
			}
		}
	}
	if part, ok := params[shardKey]; ok {
		out[shardKey] = part
	}
	return out
}

// bearingPart is a value without what does not bear on the result: inert fields of
// the maps of a list.
func bearingPart(s shape, v any) any {
	l, isList := s.(list)
	values, ok := v.([]any)
	t, isTagged := l.elem.(tagged)
	if !isList || !isTagged || !ok {
		return v
	}
	out := slices.Clone(values)
	for i, one := range values {
		m, _ := one.(map[string]any)
		for _, way := range t.variants {
			for _, f := range way.fields {
				if f.inert && m[t.key] == way.name && m[f.name] != nil {
					m = maps.Clone(m)
					delete(m, f.name)
					out[i] = m
				}
			}
		}
	}
	return out
}

// fingerprint identifies the result of a job. params are those that bear on it.
func (p *planner) fingerprint(job r1.PlannedJob, params map[string]any) (string, error) {
	in, err := p.identity(job, params)
	if err != nil {
		return "", err
	}
	return r1.Fingerprint(in)
}

// identity is all that a fingerprint is made of.
func (p *planner) identity(job r1.PlannedJob, params map[string]any) (r1.FingerprintInputs, error) {
	params, sources, err := p.sources.identify(params)
	if err != nil {
		return r1.FingerprintInputs{}, err
	}
	raw, err := encode(params)
	if err != nil {
		return r1.FingerprintInputs{}, err
	}
	in := r1.FingerprintInputs{
		Kind: job.Kind, Semantics: r1.SemanticsVersion(job.Kind), Params: raw, Seed: job.Seed,
		FromStep: job.FromStep, ToStep: job.ToStep, Inputs: map[string]string{}, Sources: sources,
	}
	k := kindOf(p.kinds, string(job.Kind))
	for name, ref := range job.Inputs {
		if declared := k.input(name); declared != nil && declared.inert {
			continue
		}
		in.Inputs[name] = p.fingerprints[r1.JobKey{Stage: ref.Stage, Job: ref.Job}] + "#" + ref.Output
	}
	for _, o := range job.Outputs {
		in.Outputs = append(in.Outputs, o.Name)
	}
	return in, nil
}

// encode renders parameters. Keys are sorted, and tags such as <think> stay
// readable.
func encode(v map[string]any) (json.RawMessage, error) {
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, fmt.Errorf("encode parameters: %w", err)
	}
	return bytes.TrimSpace(buf.Bytes()), nil
}

// deriveSeed gives each part of a recipe a seed of its own, which fits the 32
// bits that NumPy takes.
func deriveSeed(seed int64, part string) int64 {
	sum := sha256.Sum256(fmt.Appendf(nil, "%d/%s", seed, part))
	return int64(binary.BigEndian.Uint32(sum[:]) >> 1)
}
