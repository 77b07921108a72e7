package recipes

import (
	"fmt"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/r1ctl/r1ctl/internal/destination"
	"github.com/r1ctl/r1ctl/internal/r1"
	"github.com/r1ctl/r1ctl/internal/suggest"
)

// publishKind brings a result out. What the card and the place look like bears on the
// result; what is said beside them, and what may be replaced, does not.
var publishKind = kind{
	name: r1.KindPublish, doc: "bring a model or a data set out: to a folder, S3 or the Hub", output: "publication", makes: rolePublic,
	derive: derivePublish, check: checkPublish,
	inputs: []input{
		{name: "model", role: roleModel, doc: "goes out"},
		{name: "reward", role: roleReward, doc: "goes out, instead of a model"},
		{name: "data", role: roleData, doc: "goes out, instead of a model"},
	},
	params: []field{
		{name: "to", shape: place{}, required: true, doc: "`hf://org/name[@branch]`, `s3://bucket/prefix` or a folder; [publish.md](publish.md)"},
		{name: "licence", shape: text{what: "a licence by its short name, such as mit or apache-2.0"}, doc: "of what goes out, for the card"},
		{name: "title", shape: text{}, doc: "of the card; default the recipe's and the stage's names"},
		{name: "notes", shape: text{}, doc: "Markdown below the card's title: what it is for, what it is not"},
		{name: "private", shape: boolean{}, doc: "on the Hub: who may see a repo that is made; default true. true never goes to a public one"},
		{name: "message", shape: text{}, inert: true, doc: "on the Hub: of the commit"},
		{name: "replace", shape: boolean{}, value: false, inert: true, doc: "of other content that is there: replace it, instead of failing"},
	},
}

// place is where something is published to. A folder becomes absolute.
type place struct{}

func (place) want() string { return "where to publish: " + destination.Forms }

func (s place) decode(d *decoder, n *yaml.Node, path string) (any, bool) {
	if n.Kind != yaml.ScalarNode || n.ShortTag() != "!!str" {
		return d.mismatch(n, path, s)
	}
	to, err := destination.Parse(n.Value, d.dir)
	if err == nil {
		return to.String(), true
	}
	near := ""
	if scheme := schemeOf(n.Value); len(scheme) > 2 && scheme != "hf" && scheme != "s3" {
		if scheme = suggest.Nearest(scheme, []string{"hf", "s3"}); scheme != "" {
			near = "; did you mean " + scheme + "://?"
		}
	}
	d.breaks("value-shape", n, path, "cannot publish to %q: %v%s", n.Value, err, near)
	return nil, false
}

// derivePublish makes a repo on the Hub private unless the recipe says otherwise: what
// was public once cannot be taken back.
func derivePublish(p map[string]any) {
	if _, said := p["private"]; !said && onHub(p) {
		p["private"] = true
	}
}

func schemeOf(address string) string {
	scheme, _, found := strings.Cut(address, "://")
	if !found {
		return ""
	}
	return scheme
}

func onHub(p map[string]any) bool {
	to, _ := p["to"].(string)
	return schemeOf(to) == "hf"
}

func checkPublish(d *decoder, s *rawStage) {
	inputs, params, path := lookup(s.node, "inputs"), lookup(s.node, "params"), s.name+".params"
	switch given := keys(inputs); {
	case len(given) == 0:
		d.breaks("key-missing", at(s.node, "inputs"), s.name+".inputs", "expected what is published as STAGE.OUTPUT: one of model, reward and data")
	case len(given) > 1:
		d.add(inputs, s.name+".inputs", "a publish stage brings one thing out, found %d inputs", len(given))
	}
	for _, key := range []string{"private", "message"} {
		if lookup(params, key) != nil && !onHub(s.params) {
			d.add(at(params, key), path+"."+key, "it goes with a repo on the Hub, and the stage publishes to %s", s.params["to"])
		}
	}
}

// places refuses two stages that publish to one place, or one within that of the other: each
// would undo the other.
func (d *decoder) places(stages []*rawStage) {
	type place struct{ to, stage string }
	var taken []place
	for _, s := range stages {
		to, _ := s.params["to"].(string)
		if to == "" || s.kind == nil || s.kind.name != r1.KindPublish {
			continue
		}
		for _, p := range taken {
			if to == p.to || strings.HasPrefix(to, p.to+"/") || strings.HasPrefix(p.to, to+"/") {
				d.breaks("defined-twice", at(lookup(s.node, "params"), "to"), fmt.Sprintf("%s.params.to", s.name), "stage %s publishes to %s", p.stage, p.to)
				break
			}
		}
		taken = append(taken, place{to, s.name})
	}
}
