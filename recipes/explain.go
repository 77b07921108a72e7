package recipes

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/r1ctl/r1ctl/internal/r1"
)

// An Explanation is all that went into the fingerprint of a job.
type Explanation struct {
	Stage       string               `json:"stage"`
	Job         string               `json:"job"`
	Fingerprint string               `json:"fingerprint"`
	Inputs      r1.FingerprintInputs `json:"inputs"`
	// Producers names what each input comes from, as STAGE/JOB#OUTPUT.
	Producers map[string]string `json:"producers"`
	// Matches says that these inputs give the fingerprint that the plan holds. They do
	// not where a local source has changed since, or another version of r1ctl planned it.
	Matches bool `json:"matches"`
}

// Explain takes the fingerprint of a planned job apart. It reads local sources anew.
func Explain(plan *r1.Plan, job r1.PlannedJob, opts PlanOptions) (*Explanation, error) {
	p := &planner{
		kinds: kinds(), sources: digester{tiny: opts.SourceDigest, known: map[string]string{}}, fingerprints: map[r1.JobKey]string{},
	}
	for _, s := range plan.Stages {
		for _, j := range s.Jobs {
			p.fingerprints[r1.JobKey{Stage: s.Name, Job: j.Name}] = j.Fingerprint
		}
	}
	var params map[string]any
	dec := json.NewDecoder(bytes.NewReader(job.Params))
	dec.UseNumber() // numbers stay as they are written
	if err := dec.Decode(&params); err != nil {
		return nil, fmt.Errorf("read the parameters of %s/%s: %w", job.Stage, job.Name, err)
	}
	if kindOf(p.kinds, string(job.Kind)) == nil {
		return nil, fmt.Errorf("explain %s/%s: no kind %q in this version", job.Stage, job.Name, job.Kind)
	}
	in, err := p.identity(job, p.bearing(job.Kind, params))
	if err != nil {
		return nil, fmt.Errorf("explain %s/%s: %w", job.Stage, job.Name, err)
	}
	if in.Params, err = r1.CanonicalJSON(in.Params); err != nil {
		return nil, fmt.Errorf("explain %s/%s: %w", job.Stage, job.Name, err)
	}
	again, err := r1.Fingerprint(in)
	if err != nil {
		return nil, fmt.Errorf("explain %s/%s: %w", job.Stage, job.Name, err)
	}
	out := &Explanation{
		Stage: job.Stage, Job: job.Name, Fingerprint: job.Fingerprint, Inputs: in, Producers: map[string]string{}, Matches: again == job.Fingerprint,
	}
	for name := range in.Inputs {
		ref := job.Inputs[name]
		out.Producers[name] = ref.Stage + "/" + ref.Job + "#" + ref.Output
	}
	return out, nil
}

// Changed lists the fields in which two explanations differ: what is set at the job
// itself first, then what it takes from others.
func Changed(old, now *Explanation) ([]r1.Change, error) {
	all, err := Differences(old.Inputs, now.Inputs)
	if err != nil {
		return nil, err
	}
	rank := func(c r1.Change) int {
		if strings.HasPrefix(c.Field, "inputs.") {
			return 1
		}
		return 0
	}
	slices.SortStableFunc(all, func(a, b r1.Change) int { return rank(a) - rank(b) })
	return all, nil
}

// Differences compares two values field by field, as canonical JSON. Entries of lists go by
// their index, or by their name (rewards, sources, students) or what they do (steps).
func Differences(old, now any) ([]r1.Change, error) {
	a, err := flatten(old)
	if err != nil {
		return nil, err
	}
	b, err := flatten(now)
	if err != nil {
		return nil, err
	}
	fields := map[string]bool{}
	for f := range a {
		fields[f] = true
	}
	for f := range b {
		fields[f] = true
	}
	var out []r1.Change
	for f := range fields {
		if from, to := a[f], b[f]; !bytes.Equal(from, to) {
			out = append(out, r1.Change{Field: f, From: orNull(from), To: orNull(to)})
		}
	}
	slices.SortFunc(out, func(x, y r1.Change) int { return strings.Compare(x.Field, y.Field) })
	return out, nil
}

func orNull(raw json.RawMessage) json.RawMessage {
	if raw == nil {
		return json.RawMessage("null")
	}
	return raw
}

// flatten gives the leaves of a value by their paths.
func flatten(v any) (map[string]json.RawMessage, error) {
	raw, err := json.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("compare: %w", err)
	}
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber()
	var tree any
	if err := dec.Decode(&tree); err != nil {
		return nil, fmt.Errorf("compare: %w", err)
	}
	out := map[string]json.RawMessage{}
	return out, flattenInto(out, "", tree)
}

func flattenInto(out map[string]json.RawMessage, path string, v any) error {
	switch t := v.(type) {
	case map[string]any:
		for k, e := range t {
			if err := flattenInto(out, join(path, k), e); err != nil {
				return err
			}
		}
		if len(t) > 0 {
			return nil
		}
	case []any:
		for i, e := range t {
			if err := flattenInto(out, join(path, label(t, i)), e); err != nil {
				return err
			}
		}
		if len(t) > 0 {
			return nil
		}
	}
	raw, err := encodeAny(v)
	if err == nil {
		raw, err = r1.CanonicalJSON(raw)
	}
	out[path] = raw
	return err
}

// label is how an entry of a list is called: by its name where that is its own.
func label(list []any, i int) string {
	of := func(v any) string {
		m, _ := v.(map[string]any)
		for _, key := range []string{"name", "do"} {
			if s, ok := m[key].(string); ok {
				return s
			}
		}
		return ""
	}
	mine := of(list[i])
	for j, other := range list {
		if mine == "" || (j != i && of(other) == mine) {
			return fmt.Sprint(i)
		}
	}
	return mine
}

func encodeAny(v any) (json.RawMessage, error) {
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, fmt.Errorf("compare: %w", err)
	}
	return bytes.TrimSpace(buf.Bytes()), nil
}

// Fields is a recipe as it is compared field by field: what is resolved, by stage, without the
// text that it was written as.
func (r *Recipe) Fields() map[string]any {
	inputs := func(refs map[string]Ref) map[string]string {
		out := map[string]string{}
		for name, ref := range refs {
			out[name] = ref.String()
		}
		return out
	}
	out := map[string]any{"recipe": r.Name, "seed": r.Seed}
	if r.Retries != nil {
		out["retries"] = r.Retries
	}
	for _, s := range r.Stages {
		stage := map[string]any{"kind": s.Kind}
		for key, value := range map[string]any{"after": s.After, "gate": s.Gate} {
			if !bytes.Equal(mustJSON(value), []byte("null")) {
				stage[key] = value
			}
		}
		if len(s.Students) == 0 {
			stage["params"], stage["inputs"] = s.Params, inputs(s.Inputs)
		}
		students := map[string]any{}
		for _, student := range s.Students {
			students[student.Name] = map[string]any{"params": student.Params, "inputs": inputs(student.Inputs)}
		}
		if len(students) > 0 {
			stage["students"] = students
		}
		out[s.Name] = stage
	}
	return out
}

// mustJSON encodes what is known to encode: lists of names and gates.
func mustJSON(v any) []byte {
	raw, err := json.Marshal(v)
	if err != nil {
		return nil
	}
	return raw
}
