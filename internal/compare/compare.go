package compare

import (
	"fmt"
	"slices"
	"strings"

	"github.com/r1ctl/r1ctl/internal/lineage"
	"github.com/r1ctl/r1ctl/internal/r1"
)

// Run is a run with the numbers of its evaluate stages, by stage.
type Run struct {
	Run     *r1.Run
	Metrics map[string]map[string]float64
}

// Comparison is what the runs say together.
type Comparison struct {
	Recipe  string       `json:"recipe"`
	Profile string       `json:"profile"`
	Runs    []string     `json:"runs"`
	Seeds   []int64      `json:"seeds"`
	Models  []Model      `json:"models"`            // in the plan's order
	Against []Difference `json:"against,omitempty"` // pairs that were asked for
}

// Model is a measured model.
type Model struct {
	Evaluate string   `json:"evaluate"`
	Title    string   `json:"title"`
	Before   string   `json:"before,omitempty"` // the evaluate stage of the model it started from
	Domains  []Domain `json:"domains"`          // the whole is the domain ""
}

// Domain is a model's numbers on the problems of one domain.
type Domain struct {
	Name   string            `json:"name"`
	Values map[string]*Value `json:"values"` // by the names in Metrics
}

// Value is a number with what it changed since Before, run by run.
type Value struct {
	Estimate
	Change *Estimate `json:"change,omitempty"` // difference; of tokens, the ratio
}

// Difference is how far the pass@1 of one evaluate stage lies above another's, run by run.
type Difference struct {
	Stage   string    `json:"stage"`
	Other   string    `json:"other"`
	Domain  string    `json:"domain"`
	Value   *Estimate `json:"value"`
	OtherIs *Estimate `json:"other_is"`
	Above   *Estimate `json:"above"` // Value less OtherIs
}

// PassAt1 and Tokens are the numbers that the paper's figures show.
const (
	PassAt1 = "pass@1"
	Tokens  = "tokens"
)

// Metrics are the numbers compared, in the order they are shown.
func Metrics() []string { return []string{PassAt1, "format", "language", Tokens, "preference"} }

// New compares runs. They must be of one recipe with the same evaluate stages;
// against are pairs STAGE=OTHER of evaluate stages. Runs that do not fit are the
// r1.Error runs-differ, a pair that names no such stage is unknown-stage.
func New(runs []Run, against []string) (*Comparison, error) {
	if len(runs) == 0 {
		return nil, &r1.Error{Name: "runs-differ", Detail: "there is no run to compare", Remedy: "name one run or more"}
	}
	first := runs[0].Run
	c := &Comparison{Recipe: first.Recipe, Profile: first.Profile}
	measured := lineage.Models(&first.Plan)
	for _, r := range runs {
		if err := alike(first, r.Run, measured); err != nil {
			return nil, err
		}
		c.Runs, c.Seeds = append(c.Runs, r.Run.ID), append(c.Seeds, r.Run.Plan.Seed)
	}
	domains := domainsOf(runs, measured)
	for _, m := range measured {
		model := Model{Evaluate: m.Evaluate, Title: m.Title, Before: m.Before}
		for _, domain := range domains {
			d := Domain{Name: domain, Values: map[string]*Value{}}
			for _, metric := range Metrics() {
				own := across(runs, m.Evaluate, metric, domain)
				if e := estimate(own.present()); e != nil {
					d.Values[metric] = &Value{*e, estimate(own.since(across(runs, m.Before, metric, domain), metric == Tokens))}
				}
			}
			if len(d.Values) > 0 {
				model.Domains = append(model.Domains, d)
			}
		}
		c.Models = append(c.Models, model)
	}
	for _, pair := range against {
		if err := c.addPair(pair, runs, measured, domains); err != nil {
			return nil, err
		}
	}
	return c, nil
}

func alike(a, b *r1.Run, measured []lineage.Measured) error {
	if a.Recipe == b.Recipe && slices.Equal(measured, lineage.Models(&b.Plan)) {
		return nil
	}
	return &r1.Error{
		Name:   "runs-differ",
		Detail: fmt.Sprintf("run %s (%s, %s) and run %s (%s, %s) do not measure the same models", a.ID, a.Recipe, a.Profile, b.ID, b.Recipe, b.Profile),
		Remedy: "compare runs of the same recipe and profile, such as runs that differ by --set seed=N",
	}
}

func (c *Comparison) addPair(pair string, runs []Run, measured []lineage.Measured, domains []string) error {
	stage, other, ok := strings.Cut(pair, "=")
	for _, name := range []string{stage, other} {
		if !ok || !slices.ContainsFunc(measured, func(m lineage.Measured) bool { return m.Evaluate == name }) {
			names := make([]string, len(measured))
			for i, m := range measured {
				names[i] = m.Evaluate
			}
			return &r1.Error{
				Name:   "unknown-stage",
				Detail: fmt.Sprintf("--against %s does not name two evaluate stages of the runs", pair),
				Remedy: "write STAGE=OTHER with two of: " + strings.Join(names, ", "),
			}
		}
	}
	for _, domain := range domains {
		a, b := across(runs, stage, PassAt1, domain), across(runs, other, PassAt1, domain)
		if above := estimate(a.since(b, false)); above != nil {
			c.Against = append(c.Against, Difference{stage, other, domain, estimate(a.present()), estimate(b.present()), above})
		}
	}
	return nil
}

// domainsOf lists "" for the whole, and then every domain of the metrics' names.
func domainsOf(runs []Run, measured []lineage.Measured) []string {
	var domains []string
	for _, r := range runs {
		for _, m := range measured {
			for name := range r.Metrics[m.Evaluate] {
				for _, metric := range Metrics() {
					domain, ok := strings.CutPrefix(name, metric+"_")
					if ok && domain != "low" && domain != "high" && !strings.Contains(domain, "_") && isDomain(r.Metrics[m.Evaluate], domain) {
						domains = append(domains, domain)
					}
				}
			}
		}
	}
	slices.Sort(domains)
	return append([]string{""}, slices.Compact(domains)...)
}

// isDomain tells a domain from another suffix, such as that of tokens_correct:
// every domain has its own tokens and format.
func isDomain(metrics map[string]float64, domain string) bool {
	_, tokens := metrics[Tokens+"_"+domain]
	_, format := metrics["format_"+domain]
	return tokens && format
}

// series is a number in each run, nil where a run lacks it.
type series []*float64

func across(runs []Run, evaluate, metric, domain string) series {
	name := metric
	if domain != "" {
		name += "_" + domain
	}
	out := make(series, len(runs))
	for i, r := range runs {
		if v, ok := r.Metrics[evaluate][name]; ok {
			out[i] = &v
		}
	}
	return out
}

func (s series) present() []float64 {
	var out []float64
	for _, v := range s {
		if v != nil {
			out = append(out, *v)
		}
	}
	return out
}

// since is the difference to another series, or the ratio, in the runs that have both.
func (s series) since(before series, ratio bool) []float64 {
	var out []float64
	for i, v := range s {
		switch b := before[i]; {
		case v == nil || b == nil:
		case !ratio:
			out = append(out, *v-*b)
		case *b != 0:
			out = append(out, *v / *b)
		}
	}
	return out
}
