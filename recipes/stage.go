package recipes

import (
	"fmt"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/r1ctl/r1ctl/internal/gate"
	"github.com/r1ctl/r1ctl/internal/r1"
)

// A rawStage is a stage, or a student of one, while it is checked.
type rawStage struct {
	node     *yaml.Node
	name     string
	title    string
	kind     *kind
	inputs   map[string]Ref
	after    []string
	gate     *r1.Gate
	params   map[string]any
	students []*rawStage
	// good says that params decoded, so that keys may be looked at together.
	good bool
	// edges are the stages it waits for, with the node that says so.
	edges []edge
}

type edge struct {
	to   string
	node *yaml.Node
	path string
}

// compile checks a view and makes the recipe's stages of it. The result means
// something only where v.found stays empty.
func (v *view) compile(dir string) *Recipe {
	d := &decoder{problems: v.found, dir: dir}
	fields := []field{
		{name: "recipe", shape: name{}, required: true},
		{name: "description", shape: text{}},
		{name: "default_profile", shape: text{}},
		{name: "seed", shape: whole{0}, value: int64(0)},
		{name: retriesKey, shape: retriesShape()},
		{name: "templates", shape: anything{}},
		{name: "stages", shape: anything{}, required: true},
		{name: "profiles", shape: anything{}},
	}
	decoded, _ := object{fields: fields}.decode(d, v.root, "")
	root, _ := decoded.(map[string]any)
	r := &Recipe{Profile: v.profile, root: v.root}
	r.Name, _ = root["recipe"].(string)
	r.Description, _ = root["description"].(string)
	r.Seed, _ = root["seed"].(int64)
	r.Retries = retriesOf(root[retriesKey])

	d.decodeTemplates(lookup(v.root, "templates"))
	stages := d.stages(lookup(v.root, "stages"))
	c := &graph{decoder: d, stages: stages, written: v.stages}
	for _, s := range stages {
		c.connect(s)
	}
	c.cycles()
	d.places(stages)
	for _, s := range stages {
		d.checkStage(s)
		r.Stages = append(r.Stages, s.stage())
	}
	return r
}

// anything is a value that is checked elsewhere.
type anything struct{}

func (anything) want() string { return "a value" }

func (anything) decode(_ *decoder, _ *yaml.Node, _ string) (any, bool) { return true, true }

func (d *decoder) decodeTemplates(n *yaml.Node) {
	d.templates = map[string]any{}
	if n == nil {
		return
	}
	if n.Kind != yaml.MappingNode {
		d.add(n, "templates", "expected a map of templates, found %s", describe(n))
		return
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key := n.Content[i]
		if _, ok := (name{}).decode(d, key, "templates"); !ok {
			continue
		}
		v, ok := templateObject.decode(d, n.Content[i+1], "templates."+key.Value)
		if !ok {
			v = nil
		}
		d.templates[key.Value] = v
		d.declared = append(d.declared, key.Value)
	}
}

// stages decodes the list of stages, without what refers to other stages.
func (d *decoder) stages(n *yaml.Node) []*rawStage {
	if n == nil {
		return nil
	}
	if n.Kind != yaml.SequenceNode || len(n.Content) == 0 {
		d.add(n, "stages", "expected a list of stages, found %s", describe(n))
		return nil
	}
	all := kinds()
	first := map[string]*yaml.Node{}
	var out []*rawStage
	for i, c := range n.Content {
		s := d.stage(all, c, fmt.Sprintf("stages[%d]", i))
		if s == nil {
			continue
		}
		if before, ok := first[s.name]; ok {
			d.breaks("defined-twice", at(c, "name"), s.name, "the stage %q is defined twice; first in line %d", s.name, before.Line)
			continue
		}
		first[s.name] = at(c, "name")
		out = append(out, s)
	}
	return out
}

func (d *decoder) stage(all []kind, n *yaml.Node, path string) *rawStage {
	if n.Kind != yaml.MappingNode {
		d.add(n, path, "expected a map with name and kind, found %s", describe(n))
		return nil
	}
	nameNode := lookup(n, "name")
	if nameNode == nil {
		d.add(n, path, "name is missing: expected the name of the stage")
		return nil
	}
	if _, ok := (name{}).decode(d, nameNode, path+".name"); !ok {
		return nil
	}
	s := &rawStage{node: n, name: nameNode.Value, inputs: map[string]Ref{}, params: map[string]any{}}
	kindNode := lookup(n, "kind")
	if kindNode == nil {
		d.add(n, s.name, "kind is missing: expected the kind of the stage%s", hint("", kindNames(all)))
		return s
	}
	if s.kind = kindOf(all, kindNode.Value); s.kind == nil {
		d.breaks("unknown-name", kindNode, s.name+".kind", "unknown kind %s%s", quote(kindNode), hint(kindNode.Value, kindNames(all)))
		return s
	}
	d.stageKeys(s)
	if t := lookup(n, "title"); t != nil {
		v, _ := text{}.decode(d, t, s.name+".title")
		s.title, _ = v.(string)
	}
	if g := lookup(n, "gate"); g != nil {
		s.gate = d.gate(g, s.name+".gate")
	}
	params := at(n, "params")
	if params == n {
		params = &yaml.Node{Kind: yaml.MappingNode, Line: n.Line, Column: n.Column}
	}
	if s.distills() {
		d.students(s, params)
		return s
	}
	s.good = d.params(s, params, s.kind.params, s.name+".params")
	return s
}

// gate decodes what a stage waits for besides its inputs.
func (d *decoder) gate(n *yaml.Node, path string) *r1.Gate {
	v, ok := gateShape().decode(d, n, path)
	if !ok {
		return nil
	}
	m := v.(map[string]any)
	g := &r1.Gate{}
	g.Approval, _ = m["approval"].(string)
	otherwise, _ := m["otherwise"].(string)
	g.Otherwise = r1.Otherwise(otherwise)
	conditions, _ := m["conditions"].([]any)
	for _, c := range conditions {
		g.Conditions = append(g.Conditions, c.(string))
	}
	switch {
	case g.Approval == "" && len(g.Conditions) == 0:
		d.breaks("key-missing", n, path, "expected approval, a question to a person, or conditions")
	case g.Otherwise != "" && len(g.Conditions) == 0:
		d.breaks("value-shape", at(n, "otherwise"), path+".otherwise", "there are no conditions that could fail to hold")
	case len(g.Conditions) > 0 && g.Otherwise == "":
		g.Otherwise = r1.OtherwiseAsk
	}
	return g
}

func gateShape() object {
	return object{what: "a map such as {approval: \"question to a person\"}", fields: []field{
		{name: "approval", shape: text{what: "a question to a person"}, doc: "a question to a person, who opens the gate"},
		{name: "conditions", shape: list{what: "conditions", filled: true, elem: condition{}}, doc: "what must hold, such as `" + gateExample + "`"},
		{name: "otherwise", shape: enum{string(r1.OtherwiseAsk), string(r1.OtherwiseFail)}, doc: "what happens where one does not hold"},
	}}
}

const gateExample = "eval-zero.pass@1 >= eval-base.pass@1 + 0.05"

// condition is one condition of a gate, as text.
type condition struct{}

func (condition) want() string { return "a condition such as " + gateExample }

func (s condition) decode(d *decoder, n *yaml.Node, path string) (any, bool) {
	if n.Kind != yaml.ScalarNode || n.ShortTag() != "!!str" {
		return d.mismatch(n, path, s)
	}
	c, err := gate.Parse(n.Value)
	if err != nil {
		d.breaks("value-shape", n, path, "cannot read the condition %q: %v", n.Value, err)
		return nil, false
	}
	return c.Text, true
}

func kindNames(all []kind) []string {
	out := make([]string, len(all))
	for i, k := range all {
		out[i] = string(k.name)
	}
	return out
}

func (s *rawStage) distills() bool { return s.kind != nil && s.kind.output == "" }

// stageKeys refuses keys that a stage does not have, and says where a misplaced
// parameter belongs.
func (d *decoder) stageKeys(s *rawStage) {
	known := []string{"name", "kind", "title", "inputs", "after", "gate", "params"}
	if s.distills() {
		known = append(known, "students")
	}
	params := object{fields: s.kind.params}
	for i := 0; i+1 < len(s.node.Content); i += 2 {
		key := s.node.Content[i]
		switch {
		case slices.Contains(known, key.Value):
		case params.field(key.Value) != nil:
			d.breaks("unknown-key", key, s.name+"."+key.Value, "unknown key %q; it belongs under params", key.Value)
		default:
			d.breaks("unknown-key", key, s.name+"."+key.Value, "unknown key %q%s", key.Value, hint(key.Value, known))
		}
	}
}

func (d *decoder) params(s *rawStage, n *yaml.Node, fields []field, path string) bool {
	v, ok := object{what: "a map of parameters", fields: fields}.decode(d, n, path)
	if !ok || d.partial {
		return false
	}
	s.params = v.(map[string]any)
	if s.kind.derive != nil {
		s.kind.derive(s.params)
	}
	d.checkRollbacks(n, path, fields, s.params)
	return true
}

// students decodes the matrix of a distill stage: each student has the stage's
// parameters with its own laid over them.
func (d *decoder) students(s *rawStage, shared *yaml.Node) {
	const own = 2 // source and architecture, the last two parameters, belong to a student
	fields := s.kind.params
	common := *d
	common.partial = true
	common.params(s, shared, fields[:len(fields)-own], s.name+".params")

	list := lookup(s.node, "students")
	if list == nil || list.Kind != yaml.SequenceNode || len(list.Content) == 0 {
		d.add(at(s.node, "students"), s.name+".students", "expected a list of at least one student")
		return
	}
	seen := map[string]bool{}
	for i, n := range list.Content {
		path := fmt.Sprintf("%s.students[%d]", s.name, i)
		if n.Kind != yaml.MappingNode {
			d.add(n, path, "expected a map with the name of a student, found %s", describe(n))
			continue
		}
		student := &rawStage{node: n, kind: s.kind, params: map[string]any{}, inputs: map[string]Ref{}}
		if key := at(n, "name"); key == n {
			d.add(n, path, "name is missing: expected the name of the student")
			continue
		} else if _, ok := (name{}).decode(d, key, path+".name"); !ok {
			continue
		} else if seen[key.Value] {
			d.breaks("defined-twice", key, path+".name", "the student %q is defined twice", key.Value)
			continue
		} else {
			seen[key.Value] = true
			student.name = s.name + ".students." + key.Value
		}
		known := append([]string{"name", "inputs", "params"}, object{fields: fields[len(fields)-own:]}.names()...)
		params := shared
		if p := lookup(n, "params"); p != nil {
			params = merge(shared, p)
		}
		for j := 0; j+1 < len(n.Content); j += 2 {
			switch key := n.Content[j]; {
			case !slices.Contains(known, key.Value):
				d.breaks("unknown-key", key, student.name+"."+key.Value, "unknown key %q%s", key.Value, hint(key.Value, known))
			case slices.Contains(known[3:], key.Value):
				params = merge(params, &yaml.Node{Kind: yaml.MappingNode, Content: []*yaml.Node{key, n.Content[j+1]}})
			}
		}
		student.good = d.params(student, params, fields, student.name+".params")
		s.students = append(s.students, student)
	}
}

// checkStage applies the checks of a kind that look at several keys.
func (d *decoder) checkStage(s *rawStage) {
	if s.kind == nil {
		return
	}
	if s.good {
		d.checkTemplate(s)
	}
	for _, student := range s.students {
		if student.good {
			d.checkTemplate(student)
			break // they share it
		}
	}
	if s.kind.check == nil {
		return
	}
	if !s.distills() {
		if s.good {
			s.kind.check(d, s)
		}
		return
	}
	fromScratch := false
	for _, student := range s.students {
		fromScratch = fromScratch || student.params["architecture"] != nil
		if student.good {
			s.kind.check(d, student)
		}
	}
	if _, ok := s.inputs["tokenizer"]; ok && !fromScratch && len(s.students) > 0 {
		d.add(at(lookup(s.node, "inputs"), "tokenizer"), s.name+".inputs.tokenizer", "no student uses it; one with an architecture would")
	}
}

func (s *rawStage) stage() Stage {
	out := Stage{Name: s.name, Title: s.title, Inputs: s.inputs, After: s.after, Gate: s.gate, Params: s.params}
	if s.kind != nil {
		out.Kind = s.kind.name
	}
	for _, student := range s.students {
		out.Students = append(out.Students, Student{
			Name: strings.TrimPrefix(student.name, s.name+".students."), Inputs: student.inputs, Params: student.params,
		})
	}
	return out
}
