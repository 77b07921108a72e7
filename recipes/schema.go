package recipes

import (
	"fmt"
	"math"
	"regexp"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/r1ctl/r1ctl/internal/suggest"
)

// A field is one key of a map in a recipe.
type field struct {
	name     string
	shape    shape
	required bool
	value    any // the default, in decoded form; nil leaves the key out
	doc      string
	// inert marks a parameter that does not bear on the result: it stays out of
	// the job's fingerprint, so changing it repeats nothing.
	inert bool
	// bears is the part of an inert parameter that bears on the result after all;
	// nil where there is none.
	bears func(v any) any
	// planOnly marks a parameter that shapes the jobs and is not given to them.
	planOnly bool
}

// A shape is a type of value: it decodes a node, or reports what it expected.
// Decoded values are string, int64, float64, bool, []any and map[string]any.
type shape interface {
	want() string // completes "expected …"
	decode(d *decoder, n *yaml.Node, path string) (any, bool)
}

// A decoder carries what decoding needs besides the node.
type decoder struct {
	*problems
	dir       string         // local sources are relative to it
	templates map[string]any // by name, decoded
	declared  []string       // names of all templates, also those that did not decode
	partial   bool           // required keys and defaults are another's matter
}

func (d *decoder) mismatch(n *yaml.Node, path string, s shape) (any, bool) {
	d.breaks("value-shape", n, path, "expected %s, found %s", s.want(), describe(n))
	return nil, false
}

// text is a non-empty string, of a pattern where one is given.
type text struct {
	what    string
	pattern *regexp.Regexp
}

func (s text) want() string {
	if s.what == "" {
		return "text"
	}
	return s.what
}

func (s text) decode(d *decoder, n *yaml.Node, path string) (any, bool) {
	if n.Kind != yaml.ScalarNode {
		return d.mismatch(n, path, s)
	}
	tag := n.ShortTag()
	if (tag != "!!str" && tag != "!!timestamp") || n.Value == "" || (s.pattern != nil && !s.pattern.MatchString(n.Value)) {
		return d.mismatch(n, path, s)
	}
	return n.Value, true
}

// whole is an integer from min to maxWhole, so that products of two fit 64 bits.
type whole struct{ min int64 }

const maxWhole = math.MaxInt32

func (s whole) want() string { return fmt.Sprintf("a whole number from %d", s.min) }

func (s whole) decode(d *decoder, n *yaml.Node, path string) (any, bool) {
	var v int64
	if n.Kind != yaml.ScalarNode || n.ShortTag() != "!!int" || n.Decode(&v) != nil || v < s.min {
		return d.mismatch(n, path, s)
	}
	if v > maxWhole {
		d.breaks("value-shape", n, path, "expected %s to %d, found %s", s.want(), maxWhole, describe(n))
		return nil, false
	}
	return v, true
}

// number is a float between min and max; above leaves min itself out.
type number struct {
	min, max float64 // max 0 is no bound
	above    bool
}

func (s number) want() string {
	from := "from"
	if s.above {
		from = "above"
	}
	if s.max == 0 {
		return fmt.Sprintf("a number %s %g", from, s.min)
	}
	return fmt.Sprintf("a number %s %g to %g", from, s.min, s.max)
}

func (s number) decode(d *decoder, n *yaml.Node, path string) (any, bool) {
	var v float64
	tag := n.ShortTag()
	if n.Kind != yaml.ScalarNode || (tag != "!!int" && tag != "!!float") || n.Decode(&v) != nil {
		return d.mismatch(n, path, s)
	}
	if math.IsNaN(v) || math.IsInf(v, 0) || v < s.min || (s.above && v == s.min) || (s.max != 0 && v > s.max) {
		return d.mismatch(n, path, s)
	}
	return v, true
}

// boolean is true or false.
type boolean struct{}

func (boolean) want() string { return "true or false" }

func (s boolean) decode(d *decoder, n *yaml.Node, path string) (any, bool) {
	var v bool
	if n.Kind != yaml.ScalarNode || n.ShortTag() != "!!bool" || n.Decode(&v) != nil {
		return d.mismatch(n, path, s)
	}
	return v, true
}

// enum is one of a few words.
type enum []string

func (s enum) want() string { return "one of " + strings.Join(s, ", ") }

func (s enum) decode(d *decoder, n *yaml.Node, path string) (any, bool) {
	if n.Kind != yaml.ScalarNode || n.ShortTag() != "!!str" {
		return d.mismatch(n, path, s)
	}
	for _, v := range s {
		if n.Value == v {
			return v, true
		}
	}
	if near := suggest.Nearest(n.Value, s); near != "" {
		d.breaks("value-shape", n, path, "expected %s, found %s; did you mean %q?", s.want(), describe(n), near)
		return nil, false
	}
	return d.mismatch(n, path, s)
}

// list is a list of one shape.
type list struct {
	what   string
	elem   shape
	filled bool // refuses an empty list
}

func (s list) want() string { return "a list of " + s.what }

func (s list) decode(d *decoder, n *yaml.Node, path string) (any, bool) {
	if n.Kind != yaml.SequenceNode {
		return d.mismatch(n, path, s)
	}
	if s.filled && len(n.Content) == 0 {
		d.breaks("value-shape", n, path, "expected %s that is not empty", s.want())
		return nil, false
	}
	out, good := make([]any, 0, len(n.Content)), true
	for i, c := range n.Content {
		v, ok := s.elem.decode(d, c, fmt.Sprintf("%s[%d]", path, i))
		good = good && ok
		out = append(out, v)
	}
	return out, good
}

// table is a map from free names to one shape.
type table struct {
	what string
	elem shape
}

func (s table) want() string { return "a map of " + s.what }

func (s table) decode(d *decoder, n *yaml.Node, path string) (any, bool) {
	if n.Kind != yaml.MappingNode {
		return d.mismatch(n, path, s)
	}
	out, good := map[string]any{}, true
	for i := 0; i+1 < len(n.Content); i += 2 {
		key := n.Content[i].Value
		v, ok := s.elem.decode(d, n.Content[i+1], path+"."+key)
		good = good && ok
		out[key] = v
	}
	return out, good
}

// object is a map with known keys.
type object struct {
	what   string
	fields []field
	// check looks at keys together; it is called when each alone is right.
	check func(d *decoder, n *yaml.Node, path string, v map[string]any) bool
}

func (s object) want() string {
	if s.what == "" {
		return "a map"
	}
	return s.what
}

func (s object) decode(d *decoder, n *yaml.Node, path string) (any, bool) {
	if n.Kind != yaml.MappingNode {
		return d.mismatch(n, path, s)
	}
	out, good := map[string]any{}, true
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		f := s.field(key.Value)
		if f == nil {
			d.breaks("unknown-key", key, join(path, key.Value), "unknown key %q%s", key.Value, hint(key.Value, s.names()))
			good = false
			continue
		}
		v, ok := f.shape.decode(d, value, join(path, key.Value))
		if !ok {
			good = false
			continue
		}
		out[f.name] = v
	}
	if d.partial {
		return out, good
	}
	for _, f := range s.fields {
		if _, ok := out[f.name]; ok || lookup(n, f.name) != nil {
			continue
		}
		if f.required {
			d.breaks("key-missing", n, path, "%s is missing: expected %s", f.name, f.shape.want())
			good = false
		} else if f.value != nil {
			out[f.name] = f.value
		}
	}
	if good && s.check != nil {
		good = s.check(d, n, path, out)
	}
	return out, good
}

func (s object) field(name string) *field {
	for i := range s.fields {
		if s.fields[i].name == name {
			return &s.fields[i]
		}
	}
	return nil
}

func (s object) names() []string {
	out := make([]string, len(s.fields))
	for i, f := range s.fields {
		out[i] = f.name
	}
	return out
}

// tagged is a map whose key `key` names which further keys it has.
type tagged struct {
	key      string
	what     string
	variants []variant
}

type variant struct {
	name   string
	doc    string
	fields []field
	check  func(d *decoder, n *yaml.Node, path string, v map[string]any) bool
}

func (s tagged) want() string { return fmt.Sprintf("a map with the key %q", s.key) }

func (s tagged) names() enum {
	out := make(enum, len(s.variants))
	for i, v := range s.variants {
		out[i] = v.name
	}
	return out
}

func (s tagged) decode(d *decoder, n *yaml.Node, path string) (any, bool) {
	if n.Kind != yaml.MappingNode {
		return d.mismatch(n, path, s)
	}
	if lookup(n, s.key) == nil {
		for i := 0; i < len(n.Content); i += 2 {
			if key := n.Content[i]; suggest.Nearest(key.Value, []string{s.key}) != "" {
				d.breaks("unknown-key", key, join(path, key.Value), "unknown key %q%s", key.Value, hint(key.Value, enum{s.key}))
				return nil, false
			}
		}
		d.breaks("key-missing", n, path, "%s is missing: expected %s", s.key, s.names().want())
		return nil, false
	}
	name := scalar(n, s.key)
	for _, v := range s.variants {
		if v.name == name {
			fields := append([]field{{name: s.key, shape: text{}}}, v.fields...)
			return object{what: s.what, fields: fields, check: v.check}.decode(d, n, path)
		}
	}
	d.breaks("unknown-name", lookup(n, s.key), path+"."+s.key, "unknown %s %q%s", s.what, name, hint(name, s.names()))
	return nil, false
}

func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}
