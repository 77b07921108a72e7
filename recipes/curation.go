package recipes

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"go.yaml.in/yaml/v3"

	"github.com/r1ctl/r1ctl/internal/r1"
)

// A Curation is what `r1ctl curate` is told to do with rows: the steps of a
// curate stage, without a recipe around them.
type Curation struct {
	Description string              `json:"description"`
	Seed        int64               `json:"seed"`
	MaxBad      float64             `json:"max_bad"` // share of malformed rows above which it fails
	Columns     map[string]string   `json:"columns"` // field: its name in the rows
	Datasets    map[string]Datasets `json:"datasets"`
	// Steps are as curate.ParseParams takes them.
	Steps json.RawMessage `json:"steps"`
}

// Datasets are the files of something that rows are compared with.
type Datasets struct {
	Paths   []string          `json:"paths"`
	Columns map[string]string `json:"columns"`
}

// columnNames are names that the fields of rows have in a file.
type columnNames struct{ fields enum }

func (columnNames) want() string { return "a map of field: name in the rows" }

func (s columnNames) decode(d *decoder, n *yaml.Node, path string) (any, bool) {
	v, ok := table{what: "field: name in the rows", elem: text{}}.decode(d, n, path)
	if n.Kind != yaml.MappingNode {
		return v, ok
	}
	from := map[string]string{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1].Value
		if other, taken := from[value]; taken {
			d.add(n.Content[i+1], path+"."+key.Value, "the column %q is the field %s already", value, other)
			ok = false
		}
		from[value] = key.Value
		if _, known := s.fields.decode(&decoder{problems: &problems{}}, key, path); !known {
			d.add(key, path+"."+key.Value, "unknown field %q%s", key.Value, hint(key.Value, s.fields))
			ok = false
		}
	}
	return v, ok
}

// comparedWith is a path, a list of paths, or a map of both and columns.
type comparedWith struct{ columns shape }

func (comparedWith) want() string { return "a path, a list of paths, or a map of paths and columns" }

func (s comparedWith) decode(d *decoder, n *yaml.Node, path string) (any, bool) {
	paths := list{what: "paths", elem: anyPath{}, filled: true}
	switch n.Kind {
	case yaml.ScalarNode:
		v, ok := anyPath{}.decode(d, n, path)
		return map[string]any{"paths": []any{v}}, ok
	case yaml.SequenceNode:
		v, ok := paths.decode(d, n, path)
		return map[string]any{"paths": v}, ok
	case yaml.MappingNode:
		return object{fields: []field{{name: "paths", shape: paths, required: true}, {name: "columns", shape: s.columns}}}.decode(d, n, path)
	}
	return d.mismatch(n, path, s)
}

// anyPath is a file or folder, which becomes absolute, or another address of data.
type anyPath struct{}

func (anyPath) want() string { return "a path" }

func (s anyPath) decode(d *decoder, n *yaml.Node, path string) (any, bool) {
	if n.Kind != yaml.ScalarNode || n.ShortTag() != "!!str" || n.Value == "" {
		return d.mismatch(n, path, s)
	}
	return dataAddress.decode(d, n, path)
}

// ParseCuration reads the config of `r1ctl curate`, strictly. Steps are named by
// the key filter, or do as in recipes. fields are those that columns may name.
// label names the file in errors; paths are relative to dir. Errors are
// config-invalid with one line for each mistake.
func ParseCuration(file []byte, label, dir string, fields []string) (Curation, error) {
	found := &problems{}
	var v any
	ok := false
	if root := parseYAML(file, found); root != nil {
		filtersToSteps(root, found)
		checkComparisons(root, found)
		columns := columnNames{fields: fields}
		v, ok = object{what: "a map with steps", fields: []field{
			{name: "description", shape: text{}},
			{name: "seed", shape: whole{0}, value: int64(0)},
			{name: "max_bad", shape: share, value: 0.01},
			{name: "columns", shape: columns},
			{name: "datasets", shape: table{what: "name: path", elem: comparedWith{columns}}},
			{name: "steps", required: true, shape: list{what: "steps", elem: filterSteps}},
		}}.decode(&decoder{problems: found, dir: dir}, root, "")
	}
	if err := found.err(label, nil); err != nil {
		var e *r1.Error
		if errors.As(err, &e) {
			return Curation{}, &r1.Error{Name: "config-invalid", Detail: e.Detail, Remedy: "correct the lines named above; docs/curate.md lists every key"}
		}
		return Curation{}, err
	}
	var c Curation
	raw, err := json.Marshal(v)
	if err == nil && ok {
		err = json.Unmarshal(raw, &c)
	}
	if err != nil {
		return Curation{}, fmt.Errorf("read %s: %w", label, err)
	}
	return c, nil
}

// filterSteps are the steps, where a mistake speaks of filter.
var filterSteps = tagged{key: "filter", what: "filter", variants: curateSteps.variants}

// filtersToSteps makes filter of the key do, and refuses a step with both.
func filtersToSteps(root *yaml.Node, found *problems) {
	for i, s := range items(lookup(root, "steps")) {
		do := lookup(s, "do")
		if do == nil {
			continue
		}
		if lookup(s, "filter") != nil {
			found.add(do, fmt.Sprintf("steps[%d]", i), "filter and do are two names for one thing: leave one out")
		}
		for j := 0; j+1 < len(s.Content); j += 2 {
			if s.Content[j].Value == "do" {
				s.Content[j].Value = "filter"
			}
		}
	}
}

// checkComparisons looks for steps and datasets that do not find each other.
func checkComparisons(root *yaml.Node, found *problems) {
	used := map[string]bool{}
	sets := lookup(root, "datasets")
	var names []string
	if sets != nil && sets.Kind == yaml.MappingNode {
		for i := 0; i+1 < len(sets.Content); i += 2 {
			names = append(names, sets.Content[i].Value)
		}
	}
	for i, s := range items(lookup(root, "steps")) {
		against := lookup(s, "against")
		if against == nil {
			if scalar(s, "filter") == "review" {
				found.add(s, fmt.Sprintf("steps[%d]", i), "against is missing: expected the dataset of the reviewed rows")
			}
			continue
		}
		used[against.Value] = true
		if !slices.Contains(names, against.Value) {
			found.add(against, fmt.Sprintf("steps[%d].against", i), "there is no dataset %q under datasets%s", against.Value, hint(against.Value, names))
		}
	}
	for i, name := range names {
		if !used[name] {
			found.add(sets.Content[2*i], "datasets."+name, "no step compares with it")
		}
	}
}
