package recipes

import (
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// A document is a recipe file before its profiles are applied.
type document struct {
	root     *yaml.Node
	stages   []string  // names, in the file's order
	profiles []profile // in the file's order
}

type profile struct {
	name        string
	description string
	extends     string
	node        *yaml.Node
}

// A view is the recipe as one profile makes it.
type view struct {
	profile string
	root    *yaml.Node
	stages  []string // all of the file, also those the profile leaves out
	found   *problems
}

var rootKeys = []string{"recipe", "description", "default_profile", "seed", retriesKey, "templates", "stages", "profiles"}

// readDocument checks what belongs to no single view: the keys of the file and
// of its profiles.
func readDocument(root *yaml.Node, found *problems) *document {
	if root.Kind != yaml.MappingNode {
		found.add(root, "", "expected a map with %s; found %s", strings.Join(rootKeys, ", "), describe(root))
		return nil
	}
	doc := &document{root: root}
	for _, s := range items(lookup(root, "stages")) {
		doc.stages = append(doc.stages, scalar(s, "name"))
	}
	profiles := lookup(root, "profiles")
	if profiles == nil {
		return doc
	}
	if profiles.Kind != yaml.MappingNode {
		found.add(profiles, "profiles", "expected a map of profiles, found %s", describe(profiles))
		return doc
	}
	d := &decoder{problems: found}
	for i := 0; i+1 < len(profiles.Content); i += 2 {
		key, node := profiles.Content[i], profiles.Content[i+1]
		if _, ok := (name{}).decode(d, key, "profiles"); !ok {
			continue
		}
		p := profile{name: key.Value, description: scalar(node, "description"), extends: scalar(node, "extends"), node: node}
		doc.profiles = append(doc.profiles, p)
	}
	for _, p := range doc.profiles {
		doc.checkExtends(p, found)
		checkProfile(d, p, doc.stagesBelow(p))
	}
	if node := lookup(root, "default_profile"); node != nil && doc.profile(node.Value) == nil {
		found.add(node, "default_profile", "there is no profile %s%s", quote(node), hint(node.Value, doc.names()))
	}
	return doc
}

func checkProfile(d *decoder, p profile, stages []string) {
	path := "profiles." + p.name
	if p.node.Kind != yaml.MappingNode {
		d.add(p.node, path, "expected a map, found %s", describe(p.node))
		return
	}
	known := []string{"description", "extends", "seed", retriesKey, "templates", "stages"}
	for i := 0; i+1 < len(p.node.Content); i += 2 {
		if key := p.node.Content[i]; !slices.Contains(known, key.Value) {
			d.add(key, path+"."+key.Value, "unknown key %q%s", key.Value, hint(key.Value, known))
		}
	}
	for _, key := range []string{"description", "extends"} {
		if v := lookup(p.node, key); v != nil {
			text{}.decode(d, v, path+"."+key)
		}
	}
	list := lookup(p.node, "stages")
	if list != nil && list.Kind != yaml.SequenceNode {
		d.add(list, path+".stages", "expected a list of stages, found %s", describe(list))
	}
	seen := map[string]bool{}
	for _, s := range items(list) {
		stage := scalar(s, "name")
		added := scalar(s, "add") == "true"
		switch {
		case stage == "":
			d.add(s, path+".stages", "expected a map with the name of a stage, found %s", describe(s))
		case added && slices.Contains(stages, stage):
			d.add(at(s, "name"), path+".stages", "there is a stage %q already: leave out `add` to change it", stage)
		case !added && !slices.Contains(stages, stage):
			d.add(at(s, "name"), path+".stages", "there is no stage %q to change (a new one needs `add: true`)%s", stage, hint(stage, stages))
		case seen[stage]:
			d.add(at(s, "name"), path+".stages", "the stage %q is changed twice", stage)
		}
		seen[stage] = true
		for _, key := range []string{"add", "omit"} {
			if v := lookup(s, key); v != nil {
				boolean{}.decode(d, v, path+".stages."+stage+"."+key)
			}
		}
	}
}

func (doc *document) checkExtends(p profile, found *problems) {
	if p.extends == "" {
		return
	}
	node, path := lookup(p.node, "extends"), "profiles."+p.name+".extends"
	if doc.profile(p.extends) == nil {
		found.add(node, path, "there is no profile %q%s", p.extends, hint(p.extends, doc.names()))
		return
	}
	trail := []string{p.name}
	for next := doc.profile(p.extends); next != nil; next = doc.profile(next.extends) {
		trail = append(trail, next.name)
		if next.name == p.name {
			found.add(node, path, "profiles extend each other: %s", strings.Join(trail, " -> "))
			return
		}
		if len(trail) > len(doc.profiles) {
			return // another profile's cycle, told there
		}
	}
}

// stagesBelow lists the stages that a profile finds: those of the file, and those
// that the profiles it extends have added.
func (doc *document) stagesBelow(p profile) []string {
	stages := slices.Clone(doc.stages)
	for next, n := doc.profile(p.extends), 0; next != nil && n < len(doc.profiles); next, n = doc.profile(next.extends), n+1 {
		for _, s := range items(lookup(next.node, "stages")) {
			if scalar(s, "add") == "true" {
				stages = append(stages, scalar(s, "name"))
			}
		}
	}
	return stages
}

func (doc *document) profile(name string) *profile {
	for i := range doc.profiles {
		if doc.profiles[i].name == name {
			return &doc.profiles[i]
		}
	}
	return nil
}

func (doc *document) names() []string {
	out := make([]string, len(doc.profiles))
	for i, p := range doc.profiles {
		out[i] = p.name
	}
	return out
}

// view lays a profile, and those it extends, over the stages. The profile ""
// leaves them as they are written.
func (doc *document) view(name string) view {
	var chain []*profile
	for p := doc.profile(name); p != nil && len(chain) <= len(doc.profiles); p = doc.profile(p.extends) {
		chain = append(chain, p)
	}
	root := doc.root
	for _, p := range slices.Backward(chain) {
		root = applyProfile(root, p.node)
	}
	// Views share nothing, so that --set values change only one of them.
	v := view{profile: name, root: prune(clone(root)), stages: slices.Clone(doc.stages), found: &problems{}}
	for _, s := range items(lookup(v.root, "stages")) {
		if stage := scalar(s, "name"); !slices.Contains(v.stages, stage) {
			v.stages = append(v.stages, stage)
		}
	}
	return v
}

func applyProfile(root, p *yaml.Node) *yaml.Node {
	if p.Kind != yaml.MappingNode {
		return root
	}
	over := &yaml.Node{Kind: yaml.MappingNode}
	for i := 0; i+1 < len(p.Content); i += 2 {
		if key := p.Content[i]; key.Value == "seed" || key.Value == retriesKey || key.Value == "templates" {
			over.Content = append(over.Content, key, p.Content[i+1])
		}
	}
	root = merge(root, over)
	stages := lookup(root, "stages")
	if stages == nil || stages.Kind != yaml.SequenceNode {
		return root
	}
	var kept []*yaml.Node
	for _, s := range stages.Content {
		if change := named(lookup(p, "stages"), scalar(s, "name")); change != nil {
			if scalar(change, "omit") == "true" {
				continue
			}
			s = without(merge(s, change), "omit")
		}
		kept = append(kept, s)
	}
	for _, s := range items(lookup(p, "stages")) {
		if scalar(s, "add") == "true" {
			kept = append(kept, without(s, "add"))
		}
	}
	changed := *stages
	changed.Content = kept
	set(root, &yaml.Node{Kind: yaml.ScalarNode, Value: "stages", Line: stages.Line, Column: stages.Column}, &changed)
	return root
}

// merge lays one value over another: maps merge, all else is replaced, and
// nothing (null) takes a key away. Every node keeps the position it came from.
func merge(base, over *yaml.Node) *yaml.Node {
	if base.Kind != yaml.MappingNode || over.Kind != yaml.MappingNode {
		return over
	}
	out := *base
	out.Content = slices.Clone(base.Content)
	for i := 0; i+1 < len(over.Content); i += 2 {
		key, value := over.Content[i], over.Content[i+1]
		if isNull(value) {
			out = *without(&out, key.Value)
			continue
		}
		if old := lookup(&out, key.Value); old != nil {
			value = merge(old, value)
		}
		set(&out, key, value)
	}
	return &out
}

// prune takes out keys without a value: they count as absent, which lets a map
// that begins with another's anchor leave something out.
func prune(n *yaml.Node) *yaml.Node {
	for i := len(n.Content) - 2; n.Kind == yaml.MappingNode && i >= 0; i -= 2 {
		if isNull(n.Content[i+1]) {
			n.Content = slices.Delete(n.Content, i, i+2)
		}
	}
	for _, c := range n.Content {
		prune(c)
	}
	return n
}

// set gives a key of m a value.
func set(m, key, value *yaml.Node) {
	for i := 0; i+1 < len(m.Content); i += 2 {
		if m.Content[i].Value == key.Value {
			m.Content[i], m.Content[i+1] = key, value
			return
		}
	}
	m.Content = append(m.Content, key, value)
}

// without is m less a key.
func without(m *yaml.Node, key string) *yaml.Node {
	out := *m
	out.Content = nil
	for i := 0; i+1 < len(m.Content); i += 2 {
		if m.Content[i].Value != key {
			out.Content = append(out.Content, m.Content[i], m.Content[i+1])
		}
	}
	return &out
}

// named finds the map of a list that carries a name: stages, students and
// rewards by `name`, curate steps by `do`.
func named(list *yaml.Node, name string) *yaml.Node {
	for _, n := range items(list) {
		if name != "" && (scalar(n, "name") == name || scalar(n, "do") == name) {
			return n
		}
	}
	return nil
}
