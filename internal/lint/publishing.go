package lint

import (
	"slices"
	"strings"

	"github.com/r1ctl/r1ctl/internal/r1"
)

// publishRules are about what goes out.
func publishRules() []Rule {
	return []Rule{
		{
			ID: "publish-licence", Severity: Warning, Title: "what goes to the Hub has a licence", check: publishLicence,
			Reason: "without one nobody may use it, and nobody can tell later under which terms it was meant to go out",
			Remedy: "add licence to the stage's params, such as licence: apache-2.0",
		},
		{
			ID: "publish-unmeasured", Severity: Warning, Title: "a model goes out after it was measured", check: publishUnmeasured,
			Reason: "the card has the evaluations that are there when the stage begins, and no others",
			Remedy: "make the publish stage wait: after: [the evaluate stage], or a gate on its numbers",
		},
	}
}

func publishLicence(c *checker) {
	for _, p := range c.parts {
		to, _ := p.params["to"].(string)
		if p.is(r1.KindPublish) && strings.HasPrefix(to, "hf://") && p.params["licence"] == nil {
			c.found(p, at("to"), "%s would have no licence", to)
		}
	}
}

// publishUnmeasured looks for evaluations that a publication does not wait for.
func publishUnmeasured(c *checker) {
	for _, p := range c.parts {
		if !p.is(r1.KindPublish) {
			continue
		}
		for _, other := range c.parts {
			if other.is(r1.KindEvaluate) && other.inputs["model"] == p.inputs["model"] && !c.waits(p, other.stage.Name) {
				c.found(p, []string{"inputs", "model"}, "%s measures %s, and %s does not wait for it", other.stage.Name, p.inputs["model"], p.stage.Name)
			}
		}
	}
}

// waits says whether a stage begins only after another one, at however many removes.
func (c *checker) waits(p part, name string) bool {
	seen := map[string]bool{}
	var walk func(stage string) bool
	walk = func(stage string) bool {
		if seen[stage] {
			return false
		}
		seen[stage] = true
		for _, q := range c.parts {
			if q.stage.Name != stage {
				continue
			}
			before := slices.Clone(q.stage.After)
			for _, ref := range q.inputs {
				before = append(before, ref.Stage)
			}
			if slices.Contains(before, name) || slices.ContainsFunc(before, walk) {
				return true
			}
		}
		return false
	}
	return walk(p.stage.Name)
}
