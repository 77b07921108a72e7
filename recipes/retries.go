package recipes

import (
	"encoding/json"
	"fmt"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/r1ctl/r1ctl/internal/r1"
)

// retriesKey is the key of a recipe, or of a profile, that overrides the site's
// budgets. No fingerprint holds it.
const retriesKey = "retries"

func retriesShape() shape {
	return object{fields: []field{
		{name: "program", shape: whole{0}, doc: "further attempts after the trainer failed by itself"},
		{name: "infrastructure", shape: whole{0}, doc: "further attempts after a lost agent, machine or store"},
		{name: "preempted", shape: duration{}, doc: "how long a job may go on being preempted"},
	}}
}

// duration is a time such as 72h, from 0s. It is decoded to text.
type duration struct{}

func (duration) want() string { return "a duration such as 72h or 30m" }

func (s duration) decode(d *decoder, n *yaml.Node, path string) (any, bool) {
	if n.Kind != yaml.ScalarNode {
		return d.mismatch(n, path, s)
	}
	v, err := time.ParseDuration(n.Value)
	if err != nil || v < 0 || n.ShortTag() != "!!str" {
		return d.mismatch(n, path, s)
	}
	return v.String(), true
}

// retriesOf gives decoded retries; nil where there are none.
func retriesOf(v any) *r1.Retries {
	m, _ := v.(map[string]any)
	if len(m) == 0 {
		return nil
	}
	out := &r1.Retries{}
	number := func(name string) *int {
		n, ok := m[name].(int64)
		if !ok {
			return nil
		}
		i := int(n)
		return &i
	}
	out.Program, out.Infrastructure = number("program"), number("infrastructure")
	if text, ok := m["preempted"].(string); ok {
		if v, err := time.ParseDuration(text); err == nil { // it was written by duration.decode
			d := r1.Duration(v)
			out.Preempted = &d
		}
	}
	return out
}

// budget is one of the recipe's own budgets, as JSON; null where it has none.
func (r *Recipe) budget(name string) (json.RawMessage, error) {
	raw, err := json.Marshal(r.Retries)
	if err != nil {
		return nil, fmt.Errorf("read the value of %s.%s: %w", retriesKey, name, err)
	}
	var values map[string]json.RawMessage
	if err := json.Unmarshal(raw, &values); err != nil {
		return nil, fmt.Errorf("read the value of %s.%s: %w", retriesKey, name, err)
	}
	if v, ok := values[name]; ok {
		return v, nil
	}
	return json.RawMessage("null"), nil
}
