package recipes

import (
	"fmt"
	"path/filepath"
	"regexp"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/r1ctl/r1ctl/internal/hub"
	"github.com/r1ctl/r1ctl/internal/puzzles"
	"github.com/r1ctl/r1ctl/internal/suggest"
)

var (
	namePattern = regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*$`)
	hfPattern   = regexp.MustCompile(`^hf://[A-Za-z0-9._-]+/[A-Za-z0-9._-]+(@[A-Za-z0-9._/-]+)?$`)
	s3Pattern   = regexp.MustCompile(`^s3://[a-z0-9][a-z0-9.-]+/.+$`)
	tinyPattern = regexp.MustCompile(`^tiny://[a-z0-9-]+(\?.+)?$`)
)

const maxName = 40

// name is the name of a recipe, stage, profile, student or template. Names
// become S3 prefixes, job names and Temporal ids, so they are narrow.
type name struct{}

func (name) want() string {
	return fmt.Sprintf("a name of lower case letters, digits and single dashes, at most %d long", maxName)
}

func (s name) decode(d *decoder, n *yaml.Node, path string) (any, bool) {
	if n.Kind != yaml.ScalarNode || isNull(n) || len(n.Value) > maxName || !namePattern.MatchString(n.Value) {
		return d.mismatch(n, path, s)
	}
	return n.Value, true
}

// address is where something outside the run comes from: one of the schemes,
// or a local path, which becomes absolute.
type address struct {
	what    string
	schemes []*regexp.Regexp
	checked []dialect
	names   string
}

// dialect is a scheme whose addresses are a language of their own.
type dialect struct {
	scheme, what string
	check        func(address string) string // what is wrong with it
}

var (
	modelAddress = address{
		what: "a model", schemes: []*regexp.Regexp{tinyPattern, hfPattern},
		names: "tiny://name, hf://org/name@revision or a local directory",
	}
	dataAddress = address{
		what: "a data set", schemes: []*regexp.Regexp{tinyPattern, s3Pattern},
		checked: []dialect{{puzzles.Scheme, "an address of puzzles", puzzles.Check}, {hub.Scheme, "a data set of the Hub", hub.Check}},
		names:   "tiny://name, rg://family, hf://org/name@revision, s3://bucket/key or a local path",
	}
)

func (s address) want() string { return s.what + " as " + s.names }

func (s address) decode(d *decoder, n *yaml.Node, path string) (any, bool) {
	if n.Kind != yaml.ScalarNode || n.ShortTag() != "!!str" || n.Value == "" {
		return d.mismatch(n, path, s)
	}
	if !strings.Contains(n.Value, "://") {
		if filepath.IsAbs(n.Value) {
			return filepath.Clean(n.Value), true
		}
		return filepath.Join(d.dir, n.Value), true
	}
	for _, l := range s.checked {
		if !strings.HasPrefix(n.Value, l.scheme) {
			continue
		}
		if why := l.check(n.Value); why != "" {
			d.breaks("value-shape", n, path, "expected %s: %s", l.what, why)
			return nil, false
		}
		return n.Value, true
	}
	for _, scheme := range s.schemes {
		if scheme.MatchString(n.Value) {
			return n.Value, true
		}
	}
	scheme, _, _ := strings.Cut(n.Value, "://")
	// Of two letters, every other two are near.
	near := suggest.Nearest(scheme, s.known())
	if near != scheme && near != "" && (len(scheme) > 3 || strings.EqualFold(scheme, near)) {
		d.breaks("value-shape", n, path, "expected %s, found %s; did you mean %s://?", s.want(), describe(n), near)
		return nil, false
	}
	return d.mismatch(n, path, s)
}

// known are the schemes that can be named.
func (s address) known() []string {
	var out []string
	for _, part := range strings.Split(s.names, ", ") {
		if scheme, _, ok := strings.Cut(part, "://"); ok {
			out = append(out, scheme)
		}
	}
	return out
}

// template is a map that renders prompts, or the name of one under templates.
type template struct{}

func (template) want() string { return "the name of a template, or a template itself" }

func (s template) decode(d *decoder, n *yaml.Node, path string) (any, bool) {
	if n.Kind == yaml.MappingNode {
		whole := *d
		whole.partial = false
		return templateObject.decode(&whole, n, path)
	}
	if n.Kind != yaml.ScalarNode || n.ShortTag() != "!!str" {
		return d.mismatch(n, path, s)
	}
	if v, ok := d.templates[n.Value]; ok {
		return v, v != nil
	}
	d.breaks("unknown-name", n, path, "there is no template %q%s", n.Value, hint(n.Value, d.declared))
	return nil, false
}

// changing is a value, or a list of values that hold until a step each.
type changing struct {
	value   shape
	entries list
}

func inTime(key string, value shape) changing {
	return changing{value, list{what: "{until_step, " + key + "}", filled: true, elem: object{fields: []field{
		{name: "until_step", shape: whole{1}}, {name: key, shape: value, required: true},
	}}}}
}

var (
	tokenLimit = inTime("tokens", whole{1})
	domainMix  = inTime("shares", domainShares)
)

func (s changing) want() string { return s.value.want() + ", or " + s.entries.want() }

func (s changing) decode(d *decoder, n *yaml.Node, path string) (any, bool) {
	if n.Kind == yaml.SequenceNode {
		return s.entries.decode(d, n, path)
	}
	return s.value.decode(d, n, path)
}
