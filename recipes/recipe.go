package recipes

import (
	"encoding/json"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/r1ctl/r1ctl/internal/r1"
)

// A Recipe is a checked recipe with a profile applied.
type Recipe struct {
	Name        string
	Description string
	// ProfileDescription is the description of the profile that is applied.
	ProfileDescription string
	Profile            string // "" where the recipe has no profiles
	File               string // where it was read, for people
	Dir                string // what local sources are relative to
	Seed               int64
	Retries            *r1.Retries // budgets of its own; nil: the site's
	Stages             []Stage     // in the file's order

	text string
	root *yaml.Node // the view it was compiled from, for places
	set  []string   // the --set values, for places
}

// YAML is the text of the file the recipe was read from.
func (r *Recipe) YAML() string { return r.text }

// A Stage is a node of the recipe. Params are decoded, with defaults filled in
// and templates in place of their names.
type Stage struct {
	Name     string
	Kind     r1.Kind
	Title    string
	Inputs   map[string]Ref
	After    []string
	Gate     *r1.Gate       // nil: it starts as soon as what it needs is there
	Params   map[string]any // string, int64, float64, bool, []any, map[string]any
	Students []Student      // of a distill stage; empty otherwise
}

// A Student is one column of a distill stage's matrix, with what it shares with
// the others filled in.
type Student struct {
	Name   string
	Inputs map[string]Ref
	Params map[string]any
}

// A Ref names an output of a stage.
type Ref struct {
	Stage  string
	Output string
}

func (r Ref) String() string { return r.Stage + "." + r.Output }

// Unpinned lists the sources whose content can change under their address: hf://
// without a revision, and s3://. No fingerprint would show such a change.
func (r *Recipe) Unpinned() []string {
	var out []string
	note := func(params map[string]any) {
		for _, address := range sourcesOf(params) {
			loose := strings.HasPrefix(address, "hf://") && !strings.Contains(address, "@")
			if (loose || strings.HasPrefix(address, "s3://")) && !slices.Contains(out, address) {
				out = append(out, address)
			}
		}
	}
	for _, s := range r.Stages {
		note(s.Params)
		for _, student := range s.Students {
			note(student.Params)
		}
	}
	return out
}

// sourcesOf lists the addresses that parameters name.
func sourcesOf(params map[string]any) []string {
	var out []string
	if s, ok := params["source"].(string); ok {
		out = append(out, s)
	}
	sources, _ := params["sources"].([]any)
	for _, s := range sources {
		out = append(out, s.(map[string]any)["address"].(string))
	}
	return out
}

// ModelSources lists the addresses of the models that a plan starts from.
func ModelSources(plan *r1.Plan) []string {
	var out []string
	for _, s := range plan.Stages {
		for _, j := range s.Jobs {
			var params struct {
				Source string `json:"source"`
			}
			if json.Unmarshal(j.Params, &params) == nil && params.Source != "" && !slices.Contains(out, params.Source) {
				out = append(out, params.Source)
			}
		}
	}
	return out
}
