package recipes

import (
	"errors"
	"io"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// setValues lays --set values over a view: stage.params.key=value, or a key of
// the recipe itself. A problem in the i-th points to it by the line -i-1.
func (v *view) setValues(values []string) {
	for i, s := range values {
		v.setValue(-i-1, s)
	}
}

func (v *view) setValue(line int, s string) {
	here := &yaml.Node{Line: line}
	path, value, ok := strings.Cut(s, "=")
	keys := strings.Split(path, ".")
	if !ok || len(keys) == 0 || strings.Contains("."+path+".", "..") {
		v.found.add(here, "", "expected KEY=VALUE, such as zero.params.steps=80 or seed=3")
		return
	}
	var doc yaml.Node
	if err := yaml.NewDecoder(strings.NewReader(value)).Decode(&doc); err != nil && !errors.Is(err, io.EOF) {
		v.found.add(here, path, "the value is not valid YAML: %s", strings.TrimPrefix(err.Error(), "yaml: "))
		return
	}
	leaf := &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!null"}
	if len(doc.Content) == 1 {
		if leaf = expandAliases(doc.Content[0], v.found); leaf == nil {
			return
		}
	}
	stamp(leaf, line)

	own := []string{"seed", retriesKey, "description", "templates"}
	parent, rest := v.root, keys
	if stage := named(lookup(v.root, "stages"), keys[0]); stage != nil {
		if len(keys) == 1 {
			v.found.add(here, path, "%s is a stage: expected a key of it, such as %s.params.KEY", path, path)
			return
		}
		parent, rest = stage, keys[1:]
	} else if !slices.Contains(own, keys[0]) {
		for _, s := range items(lookup(v.root, "stages")) {
			own = append(own, scalar(s, "name"))
		}
		v.found.add(here, path, "there is no stage %q%s", keys[0], hint(keys[0], own))
		return
	}
	for _, key := range rest[:len(rest)-1] {
		next := lookup(parent, key)
		if next == nil {
			next = named(parent, key)
		}
		if next == nil && parent.Kind == yaml.MappingNode {
			next = &yaml.Node{Kind: yaml.MappingNode, Line: line}
			set(parent, &yaml.Node{Kind: yaml.ScalarNode, Value: key, Line: line}, next)
		}
		if next == nil {
			v.found.add(here, path, "there is no %q in %s", key, describe(parent))
			return
		}
		parent = next
	}
	key := &yaml.Node{Kind: yaml.ScalarNode, Value: rest[len(rest)-1], Line: line}
	switch {
	case parent.Kind != yaml.MappingNode:
		v.found.add(here, path, "there is no %q in %s", key.Value, describe(parent))
	case isNull(leaf):
		*parent = *without(parent, key.Value)
	default:
		set(parent, key, leaf)
	}
}

func stamp(n *yaml.Node, line int) {
	n.Line, n.Column = line, 0
	for _, c := range n.Content {
		stamp(c, line)
	}
}

// expandStudents replaces each stage named "…*", which reads an output "X.*", by
// one stage for each student of the distill stage X.
func (v *view) expandStudents() {
	stages := lookup(v.root, "stages")
	if stages == nil || stages.Kind != yaml.SequenceNode {
		return
	}
	var out []*yaml.Node
	for _, s := range stages.Content {
		stage := scalar(s, "name")
		if !strings.HasSuffix(stage, "*") {
			out = append(out, s)
			continue
		}
		matrix := ""
		if inputs := lookup(s, "inputs"); inputs != nil && inputs.Kind == yaml.MappingNode {
			for i := 1; i < len(inputs.Content); i += 2 {
				if from, ok := strings.CutSuffix(inputs.Content[i].Value, ".*"); ok {
					matrix = from
				}
			}
		}
		from := named(stages, matrix)
		if from == nil || scalar(from, "kind") != "distill" {
			v.found.add(at(s, "name"), stage, "a stage for each student needs an input of all students of a distill stage, such as distill.*")
			continue
		}
		for _, student := range items(lookup(from, "students")) {
			if n := scalar(student, "name"); n != "" {
				out = append(out, forStudent(s, n))
			}
		}
	}
	stages.Content = out
}

func forStudent(stage *yaml.Node, student string) *yaml.Node {
	out := clone(stage)
	for _, key := range []string{"name", "title"} {
		if n := lookup(out, key); n != nil {
			n.Value = strings.Replace(n.Value, "*", student, 1)
		}
	}
	if to := lookup(lookup(out, "params"), "to"); to != nil { // of kind publish: each student has a place of its own
		to.Value = strings.Replace(to.Value, "*", student, 1)
	}
	if inputs := lookup(out, "inputs"); inputs != nil && inputs.Kind == yaml.MappingNode {
		for i := 1; i < len(inputs.Content); i += 2 {
			if from, ok := strings.CutSuffix(inputs.Content[i].Value, ".*"); ok {
				inputs.Content[i].Value = from + "." + student
			}
		}
	}
	return out
}
