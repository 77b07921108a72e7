package lint

import (
	"fmt"
	"slices"
	"strings"

	"github.com/r1ctl/r1ctl/internal/estimate"
	"github.com/r1ctl/r1ctl/internal/prompts"
	"github.com/r1ctl/r1ctl/internal/r1"
	"github.com/r1ctl/r1ctl/recipes"
)

// A part is a stage, or a student of one: what has parameters.
type part struct {
	stage   *recipes.Stage
	student string // "" of a stage
	inputs  map[string]recipes.Ref
	params  map[string]any
}

func (p part) kind() r1.Kind { return p.stage.Kind }

// output is the reference to what the part makes.
func (p part) output(name string) recipes.Ref {
	if p.student != "" {
		name = p.student
	}
	return recipes.Ref{Stage: p.stage.Name, Output: name}
}

func (p part) whole(key string) int64    { v, _ := p.params[key].(int64); return v }
func (p part) number(key string) float64 { v, _ := p.params[key].(float64); return v }

// maps are the entries of a list of maps, such as rewards and steps.
func (p part) maps(key string) []map[string]any {
	list, _ := p.params[key].([]any)
	out := make([]map[string]any, 0, len(list))
	for _, e := range list {
		if m, ok := e.(map[string]any); ok {
			out = append(out, m)
		}
	}
	return out
}

// is says whether the part is of one of these kinds.
func (p part) is(kinds ...r1.Kind) bool { return slices.Contains(kinds, p.kind()) }

// template is how prompts are rendered: its text (of a conversation that of all turns)
// and its prefill, or chat.
func (p part) template() (text, prefill string, chat bool) {
	t, _ := p.params["template"].(map[string]any)
	text, _ = t["text"].(string)
	prefill, _ = t["prefill"].(string)
	chat, _ = t["chat"].(bool)
	turns, _ := t["messages"].([]any)
	for _, turn := range turns {
		content, _ := turn.(map[string]any)["content"].(string)
		text += content + "\n"
	}
	return text, prefill, chat
}

// asked is the input whose rows a template shows a model with all their fields.
func (p part) asked() (ref recipes.Ref, keys []string, ok bool) {
	for _, name := range []string{"prompts", "problems"} {
		if ref, ok = p.inputs[name]; ok && p.is(r1.KindSample, r1.KindEvaluate) {
			return ref, []string{"inputs", name}, true
		}
	}
	return ref, nil, false
}

// fields are those, besides the prompt, that a template reads of a row; of a field of
// fields the outer one.
func (p part) fields() []string {
	text, _, _ := p.template()
	var out []string
	for _, name := range (prompts.Template{Text: text}).Fields() {
		if name, _, _ = strings.Cut(name, "."); name != "prompt" && !slices.Contains(out, name) {
			out = append(out, name)
		}
	}
	return out
}

// most is the longest response that max_tokens ever allows.
func (p part) most() int64 {
	most := p.whole("max_tokens")
	for _, e := range p.maps("max_tokens") {
		n, _ := e["tokens"].(int64)
		most = max(most, n)
	}
	return most
}

// A checker applies the rules to one recipe.
type checker struct {
	recipe   *recipes.Recipe
	facts    Facts
	parts    []part
	sources  map[string]source
	rule     Rule
	findings []Finding
}

func newChecker(r *recipes.Recipe, facts Facts) *checker {
	c := &checker{recipe: r, facts: facts, sources: map[string]source{}}
	for i := range r.Stages {
		s := &r.Stages[i]
		if len(s.Students) == 0 {
			c.parts = append(c.parts, part{stage: s, inputs: s.Inputs, params: s.Params})
		}
		for _, student := range s.Students {
			c.parts = append(c.parts, part{stage: s, student: student.Name, inputs: student.Inputs, params: student.Params})
		}
	}
	return c
}

// found records that the rule does not hold at keys below a part, such as params, steps.
func (c *checker) found(p part, keys []string, format string, args ...any) {
	path := []string{p.stage.Name}
	if p.student != "" {
		path = append(path, "students", p.student)
	}
	place := c.recipe.Place(append(path, keys...)...)
	f := Finding{Rule: c.rule.ID, Severity: c.rule.Severity, Place: place, Stage: p.stage.Name, Text: fmt.Sprintf(format, args...), Remedy: c.rule.Remedy}
	for _, other := range c.findings { // one line of a file that several stages share says it once
		same := other.Rule == f.Rule && other.Text == f.Text && other.Place.Line == f.Place.Line && other.Place.Set == f.Place.Set
		if same && other.Place.Col == f.Place.Col {
			return
		}
	}
	c.findings = append(c.findings, f)
}

func at(keys ...string) []string { return append([]string{"params"}, keys...) }

// maker is the part that makes an output; nil for one that is not there.
func (c *checker) maker(ref recipes.Ref) *part {
	for i := range c.parts {
		p := &c.parts[i]
		if p.stage.Name == ref.Stage && (p.student == "" || p.student == ref.Output) {
			return p
		}
	}
	return nil
}

// start is the input that a model is made from.
func (p part) start() (recipes.Ref, bool) {
	for _, name := range []string{"policy", "model", "student"} {
		if ref, ok := p.inputs[name]; ok {
			return ref, true
		}
	}
	return recipes.Ref{}, false
}

// model is the size of the model that a part makes or reads.
func (c *checker) model(p part) (estimate.Model, bool) {
	for range len(c.parts) + 1 {
		if address, ok := p.params["source"].(string); ok {
			if c.facts.Model == nil {
				return estimate.Model{}, false
			}
			return c.facts.Model(address)
		}
		ref, ok := p.start()
		if !ok {
			return estimate.Model{}, false
		}
		next := c.maker(ref)
		if next == nil {
			return estimate.Model{}, false
		}
		p = *next
	}
	return estimate.Model{}, false
}

// against are the inputs of a curate stage whose rows are only compared with.
func (p part) against() []string {
	var out []string
	for _, s := range p.maps("steps") {
		if name, ok := s["against"].(string); ok {
			out = append(out, name)
		}
	}
	return out
}

// a flow is rows of one kind that reach an output.
type flow struct {
	from   string // the source, or the sample stage, that they come from
	source source
	sample *part    // of responses that a model gave
	made   []string // fields that steps have added
}

// has says whether rows have a field; known is false where that cannot be told.
func (f flow) has(field string) (has, known bool) {
	if slices.Contains(f.made, field) {
		return true, true
	}
	if f.sample != nil {
		return slices.Contains([]string{
			"id", "domain", "prompt", "gold", "verifier", "sample", "response", "tokens", "thinking_tokens", "finish", "verdict", "rewards", "origin",
		}, field), true
	}
	if f.source.fields == nil {
		return false, false
	}
	if field == "id" || field == "domain" { // filled in
		return true, true
	}
	_, has = f.source.fields[field]
	return has, true
}

// flows are the rows that reach an output. Of samples there is one flow, whatever
// prompts they answer.
func (c *checker) flows(ref recipes.Ref) []flow {
	p := c.maker(ref)
	switch {
	case p == nil:
		return nil
	case p.is(r1.KindSample):
		return []flow{{from: "stage " + p.stage.Name, sample: p}}
	case p.is(r1.KindCurate):
		return c.flowsOut(*p)
	}
	return nil
}

// flowsOut are the rows that leave a curate stage. Steps that read what a model
// says of responses give back the rows it was shown.
func (c *checker) flowsOut(p part) []flow {
	out := c.flowsInto(p)
	for _, step := range p.maps("steps") {
		var made []string
		switch step["do"] {
		case "nearest", "similar":
			if step["keep"] == "far" {
				continue
			}
			for i := range out {
				out[i].made = append(slices.Clone(out[i].made), "other")
			}
			continue
		case "judged", "same-problem":
		case "safety":
			made = []string{"safe"}
		case "preference":
			if step["make"] == "pairs" {
				made = []string{"chosen", "rejected"}
			}
		default:
			continue
		}
		var before []flow
		for _, f := range out {
			of := []flow{f}
			if f.sample != nil {
				of = c.flows(f.sample.inputs["prompts"])
			}
			for _, f := range of {
				f.made = append(slices.Clone(f.made), made...)
				before = append(before, f)
			}
		}
		out = before
	}
	return out
}

// flowsInto are the rows that enter a curate stage.
func (c *checker) flowsInto(p part) []flow {
	var out []flow
	for _, s := range p.maps("sources") {
		address, _ := s["address"].(string)
		out = append(out, flow{from: "source " + s["name"].(string), source: c.look(address).shaped(s)})
	}
	skip := p.against()
	for _, name := range sortedKeys(p.inputs) {
		if !slices.Contains(skip, name) {
			out = append(out, c.flows(p.inputs[name])...)
		}
	}
	return out
}

func (c *checker) look(address string) source {
	s, ok := c.sources[address]
	if !ok {
		s = look(address)
		c.sources[address] = s
	}
	return s
}

// addresses are the sources whose rows, or whose prompts, reach an output.
func (c *checker) addresses(ref recipes.Ref) []string {
	var out []string
	for _, f := range c.flows(ref) {
		if f.sample != nil {
			out = append(out, c.addresses(f.sample.inputs["prompts"])...)
		} else {
			out = append(out, f.source.address)
		}
	}
	return out
}

// domains are those of the rows that reach an output; known is false where a
// source does not say.
func (c *checker) domains(ref recipes.Ref) (names []string, known bool) {
	for _, f := range c.flows(ref) {
		if f.sample != nil {
			inner, ok := c.domains(f.sample.inputs["prompts"])
			if !ok {
				return nil, false
			}
			names = append(names, inner...)
			continue
		}
		if f.source.domain == "" {
			return nil, false
		}
		names = append(names, f.source.domain)
	}
	return names, len(names) > 0
}

func sortedKeys[V any](m map[string]V) []string {
	out := make([]string, 0, len(m))
	for k := range m {
		out = append(out, k)
	}
	slices.Sort(out)
	return out
}
