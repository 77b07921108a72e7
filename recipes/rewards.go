package recipes

import (
	"regexp"

	"go.yaml.in/yaml/v3"

	"github.com/r1ctl/r1ctl/internal/verify/reward"
)

// The keys that every reward of a list may carry: of grpo, and of kinds that
// only compute and store rewards.
var (
	rewardDomains = field{name: "domains", shape: list{what: "domains", elem: text{}, filled: true}, doc: "default all"}
	rewardWeights = []field{
		{name: "weight", shape: number{}, value: 1.0, doc: "in the sum"},
		rewardDomains,
		{name: "from_step", shape: whole{0}, value: int64(0), doc: "global step from which it counts"},
	}
)

// rewards is the list of rewards; common are the keys that each may carry.
func rewards(common []field, preference bool) shape {
	known := tagged{key: "name", what: "reward"}
	own := map[string]*reward.Definition{}
	for _, d := range reward.Definitions() {
		if d.Name == reward.Python || d.Name == reward.URL {
			own[d.Name] = d
		}
		if d.Name != reward.Preference || preference {
			known.variants = append(known.variants, rewardVariant(d, common))
		}
	}
	return list{what: "rewards", filled: true, elem: rewardShape{known, own, common}}
}

// rewardShape is one reward: of a known name, or of a name of its own where it
// says which function or endpoint computes it.
type rewardShape struct {
	tagged
	own    map[string]*reward.Definition // by the key that says so
	common []field
}

var ownName = text{
	what:    "a name of lower case letters, digits, _ and -, at most 40 long",
	pattern: regexp.MustCompile(`^[a-z][a-z0-9_-]{0,39}$`),
}

func (s rewardShape) decode(d *decoder, n *yaml.Node, path string) (any, bool) {
	for _, key := range []string{reward.Python, reward.URL} {
		name := lookup(n, "name")
		if lookup(n, key) == nil || name == nil {
			continue
		}
		for _, known := range s.names() {
			if name.Value == known {
				return s.tagged.decode(d, n, path) // a key too many, unless it is this one's own
			}
		}
		if _, ok := ownName.decode(d, name, join(path, "name")); !ok {
			return nil, false
		}
		v := rewardVariant(s.own[key], s.common)
		fields := append([]field{{name: "name", shape: text{}}}, v.fields...)
		return object{what: s.what, fields: fields, check: v.check}.decode(d, n, path)
	}
	return s.tagged.decode(d, n, path)
}

// rewardVariant says of a reward what a recipe may say of it. Defaults come
// from the check, as they can depend on other parameters.
func rewardVariant(def *reward.Definition, common []field) variant {
	v := variant{name: def.Name, doc: def.Doc}
	for _, p := range def.Params {
		for _, name := range append([]string{p.Name}, p.Aliases...) {
			f := field{name: name, shape: paramShape{p}, required: p.Required, doc: p.Doc}
			if p.Choices != nil {
				f.shape = enum(p.Choices)
			}
			v.fields = append(v.fields, f)
		}
	}
	own := len(v.fields)
	v.fields = append(v.fields, common...)
	v.check = func(d *decoder, n *yaml.Node, path string, values map[string]any) bool {
		given := map[string]any{}
		for _, f := range v.fields[:own] {
			if value, ok := values[f.name]; ok {
				given[f.name] = value
				delete(values, f.name) // by another name, perhaps
			}
		}
		params, problems := def.Decode(given)
		for _, p := range problems {
			where := path
			if p.Param != "" {
				where = join(path, p.Param)
			}
			d.add(at(n, p.Param), where, "%s", p.Text)
		}
		for name, value := range params {
			values[name] = value
		}
		return len(problems) == 0
	}
	return v
}

// paramShape is the type of a reward's parameter.
type paramShape struct{ reward.Param }

func (s paramShape) want() string { return s.Wanted() }

func (s paramShape) decode(d *decoder, n *yaml.Node, path string) (any, bool) {
	var given any
	if n.Kind != yaml.ScalarNode || n.Decode(&given) != nil {
		return d.mismatch(n, path, s)
	}
	value, ok := s.Convert(given)
	if !ok {
		return d.mismatch(n, path, s)
	}
	return value, true
}
