package recipes

import (
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/r1ctl/r1ctl/internal/gate"
)

// A graph checks what stages say about each other.
type graph struct {
	*decoder
	stages  []*rawStage
	written []string // the stages of the file, also those a profile leaves out
}

func (g *graph) stage(name string) *rawStage {
	for _, s := range g.stages {
		if s.name == name {
			return s
		}
	}
	return nil
}

// outputs lists what a stage makes.
func (s *rawStage) outputs() []string {
	switch {
	case s.kind == nil:
		return nil
	case !s.distills():
		return []string{s.kind.output}
	}
	var out []string
	for _, student := range s.students {
		out = append(out, strings.TrimPrefix(student.name, s.name+".students."))
	}
	return out
}

// connect resolves the inputs and the order of a stage.
func (g *graph) connect(s *rawStage) {
	if s.kind == nil {
		return
	}
	g.inputs(s, s)
	for _, in := range s.kind.inputs {
		if in.required && lookup(lookup(s.node, "inputs"), in.name) == nil {
			g.breaks("key-missing", at(s.node, "inputs"), s.name+".inputs", "%s is missing: expected a %s as STAGE.OUTPUT", in.name, in.role)
		}
	}
	for _, student := range s.students {
		g.inputs(s, student)
		for in, ref := range s.inputs {
			_, own := student.inputs[in]
			// The tokenizer is for those that start from random weights.
			if !own && (in != "tokenizer" || student.params["architecture"] != nil) {
				student.inputs[in] = ref
			}
		}
	}
	after := lookup(s.node, "after")
	if after != nil && after.Kind != yaml.SequenceNode {
		g.add(after, s.name+".after", "expected a list of stages, found %s", describe(after))
	}
	for _, n := range items(after) {
		if g.stage(n.Value) == nil {
			g.missing(n, s.name+".after", n.Value, "stage", n.Value, g.names())
			continue
		}
		s.after = append(s.after, n.Value)
		s.edges = append(s.edges, edge{n.Value, n, s.name + ".after"})
	}
	g.conditions(s)
}

// conditions makes a stage wait for those whose numbers its gate compares.
func (g *graph) conditions(s *rawStage) {
	if s.gate == nil {
		return
	}
	list := items(lookup(lookup(s.node, "gate"), "conditions"))
	for i, text := range s.gate.Conditions {
		c, err := gate.Parse(text)
		if err != nil || i >= len(list) {
			continue // told where it was decoded
		}
		path := s.name + ".gate.conditions"
		for _, name := range c.Stages() {
			if g.stage(name) == nil {
				g.missing(list[i], path, name, "stage", name, g.names())
				continue
			}
			s.edges = append(s.edges, edge{name, list[i], path})
			if !slices.Contains(s.after, name) {
				s.after = append(s.after, name)
			}
		}
		for _, t := range c.Terms() {
			from := g.stage(t.Stage)
			if from == nil || from.kind == nil {
				continue
			}
			if ok, names := gate.Metric(from.kind.name, t.Metric); !ok {
				g.breaks("unknown-name", list[i], path, "%s stages report no number %q%s", from.kind.name, t.Metric, hint(t.Metric, names))
			}
		}
	}
}

// inputs resolves the inputs of to, which is the stage s or a student of it.
func (g *graph) inputs(s, to *rawStage) {
	n := lookup(to.node, "inputs")
	if n == nil {
		return
	}
	path := to.name + ".inputs"
	if n.Kind != yaml.MappingNode {
		g.add(n, path, "expected a map of inputs, found %s", describe(n))
		return
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		in := s.kind.input(key.Value)
		if in == nil {
			var known []string
			for _, k := range s.kind.inputs {
				known = append(known, k.name)
			}
			g.breaks("unknown-key", key, path+"."+key.Value, "a %s stage has no input %q%s", s.kind.name, key.Value, hint(key.Value, known))
			continue
		}
		if s.kind.anyInput != "" {
			if _, ok := (name{}).decode(g.decoder, key, path+"."+key.Value); !ok {
				continue
			}
		}
		if ref, ok := g.ref(value, path+"."+key.Value, in.role); ok {
			to.inputs[key.Value] = ref
			s.edges = append(s.edges, edge{ref.Stage, value, path + "." + key.Value})
		}
	}
}

// ref resolves STAGE.OUTPUT.
func (g *graph) ref(n *yaml.Node, path string, want role) (Ref, bool) {
	stageName, output, _ := strings.Cut(n.Value, ".")
	from := g.stage(stageName)
	switch {
	case n.Kind != yaml.ScalarNode || n.Value == "":
		g.add(n, path, "expected a %s as STAGE.OUTPUT, found %s", want, describe(n))
	case from == nil:
		g.missing(n, path, stageName, "output", n.Value, g.refs(nil, want))
	case from.kind == nil: // told at the stage itself
	case !slices.Contains(from.outputs(), output):
		g.breaks("reference", n, path, "there is no output %q%s", n.Value, hint(n.Value, g.refs(from, want)))
	case from.kind.makes != want:
		g.breaks("reference-role", n, path, "expected a %s, found %s, which is a %s", want, n.Value, from.kind.makes)
	default:
		return Ref{Stage: stageName, Output: output}, true
	}
	return Ref{}, false
}

// missing reports a reference to a stage that is not there.
func (g *graph) missing(n *yaml.Node, path, stage, what, written string, known []string) {
	if slices.Contains(g.written, stage) {
		g.breaks("reference", n, path, "the stage %q is left out", stage)
		return
	}
	g.breaks("reference", n, path, "there is no %s %q%s", what, written, hint(written, known))
}

// refs lists references that would do: those of one stage where it is known,
// else all of the role.
func (g *graph) refs(from *rawStage, want role) []string {
	var out []string
	for _, s := range g.stages {
		if s.kind == nil || (from != nil && s != from) || (from == nil && s.kind.makes != want) {
			continue
		}
		for _, o := range s.outputs() {
			out = append(out, s.name+"."+o)
		}
	}
	return out
}

func (g *graph) names() []string {
	var out []string
	for _, s := range g.stages {
		out = append(out, s.name)
	}
	return out
}

// cycles reports each cycle where the walk in the file's order closes it.
func (g *graph) cycles() {
	const walking, done = 1, 2
	state := map[string]int{}
	var trail []string
	var walk func(s *rawStage)
	walk = func(s *rawStage) {
		state[s.name] = walking
		trail = append(trail, s.name)
		for _, e := range s.edges {
			switch state[e.to] {
			case walking:
				round := append(slices.Clone(trail[slices.Index(trail, e.to):]), e.to)
				g.breaks("cycle", e.node, e.path, "stages wait for each other: %s", strings.Join(round, " <- "))
			case 0:
				walk(g.stage(e.to))
			}
		}
		trail = trail[:len(trail)-1]
		state[s.name] = done
	}
	for _, s := range g.stages {
		if state[s.name] == 0 {
			walk(s)
		}
	}
}
