package lint

import (
	"slices"
	"strconv"
	"strings"

	"github.com/r1ctl/r1ctl/internal/r1"
)

// textRules are about templates, responses and what judges them.
func textRules() []Rule {
	return []Rule{
		{
			ID: "format-not-asked", Severity: Error, Title: "a template asks for the tags that a format reward or step wants", check: formatNotAsked,
			Reason: "a model that was never told of <answer> does not write it: the reward is constant, and nothing is learnt from it",
			Remedy: "say in the template what form the response has, or take the style that it asks for (answer, boxed, think)",
		},
		{
			ID: "prefill-breaks-format", Severity: Error, Title: "a pre-filled response can still have the format that is rewarded", check: prefillBreaksFormat,
			Reason: "a response starts with its prefill and is judged as a whole; a format needs one <think> at its beginning and one </think>",
			Remedy: "let the prefill begin with <think>, or leave it out",
		},
		{
			ID: "prefilled-twice", Severity: Error, Title: "no reward adds a <think> that the response has already", check: prefilledTwice,
			Reason: "in a run a response includes its prefill; prefilled: true adds another <think>, and a response with two has no format",
			Remedy: "leave prefilled out: it is for r1ctl score, on completions without their prefill",
		},
		{
			ID: "style-disagrees", Severity: Warning, Title: "a model is measured, sampled and trained in one format", check: styleDisagrees,
			Reason: "answer tags and a box exclude each other: a model trained for one gets 0 for the other, whatever it can",
			Remedy: "use the style of the stage that trained the model",
		},
		{
			ID: "template-changes", Severity: Warning, Title: "a model meets the template that it was trained with", check: templateChanges,
			Reason: "with another prompt around the question a model gives other, mostly worse, answers; scores say little of the training",
			Remedy: "use the template of the stage that made the model",
		},
		{
			ID: "format-after-refine", Severity: Error, Title: "no step asks for a form that an earlier step took away", check: formatAfterRefine,
			Reason: "refine writes a reply with a box, and may drop the thinking: a format step behind it drops every row",
			Remedy: "put the format step before refine, or ask for style boxed",
		},
		{
			ID: "language-disagrees", Severity: Warning, Title: "data and rewards want one language", check: languageDisagrees,
			Reason: "what one stage teaches the next one punishes",
			Remedy: "give the language steps and rewards of the recipe one target",
		},
	}
}

// styles are the formats that a part rewards or filters by, with the keys of each.
func (p part) styles() map[string][]string {
	out := map[string][]string{}
	note := func(key, by string) {
		for i, e := range p.maps(key) {
			if e[by] != "format" {
				continue
			}
			if style, ok := e["style"].(string); ok {
				if _, seen := out[style]; !seen {
					out[style] = at(key, strconv.Itoa(i))
				}
			}
		}
	}
	note("rewards", "name")
	note("steps", "do")
	return out
}

// asks says whether a text asks for a style; every style thinks first.
func asks(text, style string) (missing string, ok bool) {
	want := "<think>"
	if style == "answer" {
		want = "<answer>"
	}
	return want, strings.Contains(text, want)
}

func formatNotAsked(c *checker) {
	for _, p := range c.parts {
		by := p
		if p.is(r1.KindCurate) {
			continue // what its rows were asked for is the sampler's matter
		}
		text, prefill, chat := by.template()
		if chat || text == "" {
			continue
		}
		for _, style := range sortedKeys(p.styles()) {
			missing, ok := asks(text+prefill, style)
			if missing == "<think>" && p.params["endpoint"] != nil {
				continue // a reasoning model thinks unasked, and an endpoint gives it apart
			}
			if !ok {
				c.found(p, p.styles()[style], "style %s wants %s, which the template never mentions", style, missing)
			}
		}
	}
}

func prefillBreaksFormat(c *checker) {
	for _, p := range c.parts {
		_, prefill, _ := p.template()
		trimmed := strings.TrimSpace(prefill)
		if trimmed == "" {
			continue
		}
		for _, style := range sortedKeys(p.styles()) {
			opens := strings.Count(trimmed, "<think>")
			switch {
			case !strings.HasPrefix(trimmed, "<think>"):
				c.found(p, p.styles()[style], "responses start with the prefill %q, and style %s wants <think> there: no response passes", prefill, style)
			case opens > 1:
				c.found(p, p.styles()[style], "the prefill %q opens <think> %d times: no response passes style %s", prefill, opens, style)
			case style != "answer" && strings.Contains(trimmed, "<answer>"):
				c.found(p, p.styles()[style], "the prefill %q opens <answer>, which style %s does not have", prefill, style)
			}
		}
	}
}

func prefilledTwice(c *checker) {
	for _, p := range c.parts {
		for i, reward := range p.maps("rewards") {
			if reward["prefilled"] == true && p.is(r1.KindGRPO, r1.KindSample, r1.KindEvaluate) {
				c.found(p, at("rewards", strconv.Itoa(i), "prefilled"), "prefilled: true adds a <think> to responses that hold their prefill already")
			}
		}
	}
}

func styleDisagrees(c *checker) {
	for _, p := range c.parts {
		ref, ok := p.start()
		trained := c.maker(ref)
		if !ok || trained == nil || !trained.is(r1.KindGRPO) || !p.is(r1.KindEvaluate, r1.KindSample, r1.KindGRPO) {
			continue
		}
		for taught := range trained.styles() {
			for style, keys := range p.styles() {
				if (taught == "answer" && style == "boxed") || (taught == "boxed" && style == "answer") {
					c.found(p, keys, "style %s, and stage %s trained the model for style %s", style, trained.stage.Name, taught)
				}
			}
		}
	}
}

func templateChanges(c *checker) {
	for _, p := range c.parts {
		ref, ok := p.start()
		trained := c.maker(ref)
		if !ok || trained == nil || !trained.is(r1.KindGRPO, r1.KindSFT, r1.KindDistill) || !p.is(r1.KindEvaluate, r1.KindSample, r1.KindGRPO) {
			continue
		}
		text, prefill, chat := p.template()
		before, started, chatted := trained.template()
		if text != before || chat != chatted || strings.TrimSpace(prefill) != strings.TrimSpace(started) {
			c.found(p, at("template"), "another template than the one that stage %s trained the model with", trained.stage.Name)
		}
	}
}

func formatAfterRefine(c *checker) {
	for _, p := range c.parts {
		refined, dropped := false, false
		for i, step := range p.maps("steps") {
			switch step["do"] {
			case "refine":
				refined, dropped = true, dropped || step["thinking"] == "drop"
			case "format":
				keys := at("steps", strconv.Itoa(i))
				if dropped {
					c.found(p, keys, "the thinking is dropped before, and a format wants it: no row passes")
				} else if refined && step["style"] == "answer" {
					c.found(p, keys, "the reply is a box by now, and style answer wants <answer>: no row passes")
				}
			}
		}
	}
}

func languageDisagrees(c *checker) {
	first := ""
	for _, p := range c.parts {
		for _, key := range []string{"rewards", "steps"} {
			for i, e := range p.maps(key) {
				target, ok := e["target"].(string)
				if !ok || !slices.Contains([]any{e["name"], e["do"]}, any("language")) {
					continue
				}
				if first == "" {
					first = target
				}
				if target != first {
					c.found(p, at(key, strconv.Itoa(i), "target"), "target %s, where the recipe has %s before", target, first)
				}
			}
		}
	}
}
