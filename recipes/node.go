package recipes

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Bounds of a recipe. A hand-written file is far below them; they keep a
// hostile one from eating the machine.
const (
	maxBytes = 1 << 20
	maxNodes = 50_000 // after aliases are expanded
	maxDepth = 64
)

// parseYAML reads the one document of a recipe into a tree without aliases and
// merge keys. It gives nil where there is nothing to check further.
func parseYAML(text []byte, found *problems) *yaml.Node {
	top := &yaml.Node{Line: 1, Column: 1}
	if len(text) > maxBytes {
		found.add(top, "", "the file is larger than %d bytes", maxBytes)
		return nil
	}
	dec := yaml.NewDecoder(bytes.NewReader(text))
	var doc yaml.Node
	switch err := dec.Decode(&doc); {
	case errors.Is(err, io.EOF):
		found.add(top, "", "the file is empty")
		return nil
	case err != nil:
		addSyntaxError(found, err)
		return nil
	}
	var second yaml.Node
	switch err := dec.Decode(&second); {
	case err == nil:
		found.add(&second, "", "a second document begins here; a recipe is one document")
		return nil
	case !errors.Is(err, io.EOF):
		addSyntaxError(found, err)
		return nil
	}
	if len(doc.Content) != 1 {
		found.add(top, "", "the file is empty")
		return nil
	}
	return expandAliases(doc.Content[0], found)
}

var yamlErrorLine = regexp.MustCompile(`line (\d+): `)

// addSyntaxError takes the line out of the YAML library's message.
func addSyntaxError(found *problems, err error) {
	at := &yaml.Node{Line: 1, Column: 1}
	text := strings.TrimPrefix(err.Error(), "yaml: ")
	if m := yamlErrorLine.FindStringSubmatch(text); m != nil {
		if line, err := strconv.Atoi(m[1]); err == nil {
			at.Line = line
		}
		text = strings.Replace(text, m[0], "", 1)
	}
	found.add(at, "", "not valid YAML here or below: %s", text)
}

// expandAliases copies a tree, with the anchored value in place of each alias
// and each merge key (<<). Copies keep the position of the anchored value.
func expandAliases(root *yaml.Node, found *problems) *yaml.Node {
	e := expander{found: found, open: map[*yaml.Node]bool{}}
	out := e.expand(root, 0)
	if e.failed {
		return nil
	}
	return out
}

type expander struct {
	found  *problems
	open   map[*yaml.Node]bool // anchors being expanded
	nodes  int
	failed bool
}

func (e *expander) fail(n *yaml.Node, format string, args ...any) *yaml.Node {
	if !e.failed {
		e.found.add(n, "", format, args...)
	}
	e.failed = true
	return nil
}

func (e *expander) expand(n *yaml.Node, depth int) *yaml.Node {
	if e.nodes++; e.nodes > maxNodes {
		return e.fail(n, "the file has more than %d values once its aliases are expanded", maxNodes)
	}
	if depth > maxDepth {
		return e.fail(n, "values are nested more than %d deep", maxDepth)
	}
	switch n.Kind {
	case yaml.AliasNode:
		if e.open[n.Alias] {
			return e.fail(n, "the anchor %q contains itself", n.Value)
		}
		e.open[n.Alias] = true
		defer delete(e.open, n.Alias)
		return e.expand(n.Alias, depth+1)
	case yaml.MappingNode:
		return e.mapping(n, depth)
	}
	out := *n
	out.Content = nil
	for _, c := range n.Content {
		x := e.expand(c, depth+1)
		if x == nil {
			return nil
		}
		out.Content = append(out.Content, x)
	}
	return &out
}

func (e *expander) mapping(n *yaml.Node, depth int) *yaml.Node {
	out := *n
	out.Content = nil
	first := map[string]int{}
	var merged []*yaml.Node
	for i := 0; i+1 < len(n.Content); i += 2 {
		key := n.Content[i]
		if key.Kind != yaml.ScalarNode {
			return e.fail(key, "a key must be a plain name, found %s", describe(key))
		}
		value := e.expand(n.Content[i+1], depth+1)
		if value == nil {
			return nil
		}
		if key.Tag == "!!merge" {
			merged = append(merged, value)
			continue
		}
		if line, ok := first[key.Value]; ok {
			e.found.add(key, key.Value, "the key is set twice; it was first set in line %d", line)
			continue
		}
		first[key.Value] = key.Line
		out.Content = append(out.Content, key, value)
	}
	for _, m := range merged {
		sources := []*yaml.Node{m}
		if m.Kind == yaml.SequenceNode {
			sources = m.Content
		}
		for _, s := range sources {
			if s.Kind != yaml.MappingNode {
				return e.fail(s, "<< takes a map, found %s", describe(s))
			}
			for i := 0; i+1 < len(s.Content); i += 2 {
				if lookup(&out, s.Content[i].Value) == nil {
					out.Content = append(out.Content, s.Content[i], s.Content[i+1])
				}
			}
		}
	}
	return &out
}

// lookup gives the value of a key, or nil where m has no such key or is no map.
func lookup(m *yaml.Node, key string) *yaml.Node {
	if m == nil || m.Kind != yaml.MappingNode {
		return nil
	}
	for i := 0; i+1 < len(m.Content); i += 2 {
		if m.Content[i].Value == key {
			return m.Content[i+1]
		}
	}
	return nil
}

// keys lists the keys of a map in its order.
func keys(m *yaml.Node) []string {
	var out []string
	if m != nil && m.Kind == yaml.MappingNode {
		for i := 0; i < len(m.Content); i += 2 {
			out = append(out, m.Content[i].Value)
		}
	}
	return out
}

// at is the node to point to for a key of m: its value, or m where it is absent.
func at(m *yaml.Node, key string) *yaml.Node {
	if v := lookup(m, key); v != nil {
		return v
	}
	return m
}

// scalar gives the text of a key's value where it has one.
func scalar(m *yaml.Node, key string) string {
	if v := lookup(m, key); v != nil && v.Kind == yaml.ScalarNode && !isNull(v) {
		return v.Value
	}
	return ""
}

// items gives the elements of a list, or none.
func items(n *yaml.Node) []*yaml.Node {
	if n == nil || n.Kind != yaml.SequenceNode {
		return nil
	}
	return n.Content
}

func isNull(n *yaml.Node) bool { return n.Kind == yaml.ScalarNode && n.ShortTag() == "!!null" }

// describe says what was found where something else was expected.
func describe(n *yaml.Node) string {
	switch n.Kind {
	case yaml.MappingNode:
		return "a map"
	case yaml.SequenceNode:
		return "a list"
	case yaml.AliasNode:
		return "an alias"
	}
	value := n.Value
	if len(value) > 60 {
		value = strings.ToValidUTF8(value[:60], "") + "…"
	}
	switch n.ShortTag() {
	case "!!null":
		return "nothing"
	case "!!int", "!!float":
		return "the number " + value
	case "!!bool":
		return value
	case "!!str", "!!timestamp":
		return fmt.Sprintf("the text %q", value)
	default:
		return fmt.Sprintf("a value with the tag %s", n.Tag)
	}
}

// quote shows a plain value as it is written, and describes any other.
func quote(n *yaml.Node) string {
	if n.Kind == yaml.ScalarNode && !isNull(n) {
		return strconv.Quote(n.Value)
	}
	return describe(n)
}

// clone copies a tree.
func clone(n *yaml.Node) *yaml.Node {
	out := *n
	out.Content = make([]*yaml.Node, len(n.Content))
	for i, c := range n.Content {
		out.Content[i] = clone(c)
	}
	return &out
}
