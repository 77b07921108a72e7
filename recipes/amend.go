package recipes

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/r1ctl/r1ctl/internal/r1"
)

// Amend plans a run anew with some parameters changed: set holds values such as
// zero.params.learning_rate=1e-6, which are laid over all that were given before.
// It says which fields that changes; values that are as they were change nothing.
// Whether a change comes too late is not known here.
//
// Errors are those of Load and Plan, and the r1.Errors set-not-amendable and
// plan-not-repeatable.
func Amend(run *r1.Run, set []string, opts PlanOptions) (*r1.Plan, []r1.Change, error) {
	for _, s := range set {
		if err := amendable(s); err != nil {
			return nil, nil, err
		}
	}
	for _, s := range set {
		path, _, _ := strings.Cut(s, "=")
		name, _, _ := strings.Cut(path, ".")
		for _, stage := range run.Plan.Stages {
			if stands(name, stage.Name) && stage.Jobs[0].Take != nil {
				return nil, nil, &r1.Error{
					Name: "set-not-amendable", Detail: fmt.Sprintf("--set %s: %s is taken from run %s as it is", s, stage.Name, stage.Jobs[0].Take.Run),
					Remedy: "fork that run at " + stage.Name,
				}
			}
		}
	}
	before := FrozenSet(run)
	opts = carry(run, opts)
	read := func(values []string) (*Recipe, *r1.Plan, error) {
		r, err := Parse(run.RecipeYAML, "the recipe of run "+run.ID, run.RecipeDir, Options{Profile: run.Profile, Set: values})
		if err != nil {
			return nil, nil, err
		}
		plan, err := Plan(r, opts)
		if err == nil {
			carryAnew(run, plan)
		}
		return r, plan, err
	}
	old, same, err := read(before)
	if err != nil {
		return nil, nil, err
	}
	if err := repeats(run, same); err != nil {
		return nil, nil, err
	}
	amended, plan, err := read(append(before, set...))
	if err != nil {
		return nil, nil, err
	}
	changes, err := differences(old, amended, set)
	return plan, changes, err
}

// amendable says whether a value is one that a run under way may change: a
// parameter of a stage, or of a student, or a budget.
func amendable(set string) error {
	path, _, ok := strings.Cut(set, "=")
	keys := strings.Split(path, ".")
	if ok && len(keys) == 2 && keys[0] == retriesKey {
		return nil
	}
	if ok && len(keys) > 2 && keys[1] == "params" || ok && len(keys) > 3 && keys[1] == "students" {
		return nil
	}
	return &r1.Error{
		Name:   "set-not-amendable",
		Detail: fmt.Sprintf("--set %s: of a run that has begun only parameters of stages, and retries, can change", set),
		Remedy: "write STAGE.params.KEY=VALUE, or start another run with: r1ctl start RECIPE --set " + set,
	}
}

// repeats makes sure that this binary plans the run as the one that started it:
// else a change would bring others with it that nobody asked for.
func repeats(run *r1.Run, plan *r1.Plan) error {
	for _, stage := range run.Plan.Stages {
		now := plan.Stage(stage.Name)
		for _, job := range stage.Jobs {
			if now != nil {
				if j := now.Job(job.Name); j != nil && j.Fingerprint == job.Fingerprint {
					continue
				}
			}
			return &r1.Error{
				Name:   "plan-not-repeatable",
				Detail: fmt.Sprintf("read again, the recipe of run %s gives another plan from %s/%s on: a local source has changed, or this is another version of r1ctl than %s", run.ID, stage.Name, job.Name, run.R1ctl),
				Remedy: "use that version and restore the source; or start another run with the same --set: it reuses what is equal",
			}
		}
	}
	return nil
}

// differences lists the fields that values have changed, in their order.
func differences(old, amended *Recipe, set []string) ([]r1.Change, error) {
	var out []r1.Change
	seen := map[string]bool{}
	for _, s := range set {
		path, _, _ := strings.Cut(s, "=")
		if seen[path] {
			continue
		}
		seen[path] = true
		from, err := old.value(path)
		if err != nil {
			return nil, err
		}
		to, err := amended.value(path)
		if err != nil {
			return nil, err
		}
		if !bytes.Equal(from, to) {
			out = append(out, r1.Change{Field: path, From: from, To: to})
		}
	}
	return out, nil
}

// value is what a path such as zero.params.rewards.format.weight leads to, as
// canonical JSON; null where there is nothing. One that several stages or
// students share gives a map.
func (r *Recipe) value(path string) (json.RawMessage, error) {
	keys := strings.Split(path, ".")
	if keys[0] == retriesKey && len(keys) == 2 {
		return r.budget(keys[1])
	}
	found := map[string]any{}
	note := func(name string, params map[string]any, keys []string) {
		if v := descend(params, keys); v != nil {
			found[name] = v
		}
	}
	for _, s := range r.Stages {
		switch {
		case !stands(keys[0], s.Name):
		case len(s.Students) == 0:
			note(s.Name, s.Params, keys[2:])
		default:
			for _, student := range s.Students {
				if keys[1] == "params" {
					note(student.Name, student.Params, keys[2:])
				} else if keys[2] == student.Name {
					note(student.Name, student.Params, slices.DeleteFunc(slices.Clone(keys[3:]), func(k string) bool { return k == "params" }))
				}
			}
		}
	}
	var v any
	switch len(found) {
	case 0:
	case 1:
		for _, v = range found {
		}
	default:
		v = found
	}
	raw, err := json.Marshal(v)
	if err == nil {
		raw, err = r1.CanonicalJSON(raw)
	}
	if err != nil {
		return nil, fmt.Errorf("read the value of %s: %w", path, err)
	}
	return raw, nil
}

// stands says whether a stage goes by a name, or by one with a star, which
// stands for each student.
func stands(name, stage string) bool {
	before, after, star := strings.Cut(name, "*")
	return name == stage || star && len(stage) >= len(before)+len(after) && strings.HasPrefix(stage, before) && strings.HasSuffix(stage, after)
}

// descend follows keys into decoded values; maps in lists are reached by their
// name, curate steps by what they do.
func descend(v any, keys []string) any {
	for _, key := range keys {
		switch t := v.(type) {
		case map[string]any:
			v = t[key]
		case []any:
			v = nil
			for _, e := range t {
				if m, ok := e.(map[string]any); ok && (m["name"] == key || m["do"] == key) {
					v = m
					break
				}
			}
		default:
			return nil
		}
	}
	return v
}
