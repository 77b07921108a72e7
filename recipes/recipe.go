package recipes

import (
	"encoding/json"
	"slices"

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
// without a revision, and s3:// to which the recipe gives none. No fingerprint
// would show such a change.
func (r *Recipe) Unpinned() []string {
	var out []string
	note := func(address, revision string) {
		if !Pinned(address, revision) && !slices.Contains(out, address) {
			out = append(out, address)
		}
	}
	for _, s := range r.Stages {
		eachSource(s.Params, note)
		for _, student := range s.Students {
			eachSource(student.Params, note)
		}
	}
	return out
}

// eachSource tells the addresses that parameters name, with their revisions.
func eachSource(params map[string]any, tell func(address, revision string)) {
	if s, ok := params["source"].(string); ok {
		tell(s, "")
	}
	sources, _ := params["sources"].([]any)
	for _, s := range sources {
		source := s.(map[string]any)
		revision, _ := source["revision"].(string)
		tell(source["address"].(string), revision)
	}
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
