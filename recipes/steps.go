package recipes

import (
	"maps"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/r1ctl/r1ctl/internal/behaviours"
)

var (
	share      = number{max: 1}
	replyStyle = enum{"answer", "boxed", "think"}
	language   = enum{"en", "zh"}
	piiKinds   = enum{"email", "phone", "card", "iban", "ssn", "ip", "secret"}
	// shownCounts are numbers by behaviour.
	shownCounts = table{what: "behaviour: number", elem: whole{0}}
	rowFields   = enum{"id", "domain", "prompt", "response", "text", "chosen", "rejected"}
)

// curateSteps are the things done to rows, in the order a recipe lists them.
var curateSteps = tagged{key: "do", what: "step", variants: append([]variant{
	{name: "correct", doc: "keep verdict correct; drops wrong, unverified:<reason>"},
	{name: "finished", doc: "drop responses cut at max_tokens"},
	{name: "truncated", doc: "drop responses whose text says that they were cut", fields: []field{
		{name: "mid_sentence", shape: enum{"drop", "keep"}, value: "drop", doc: "whether an end within a sentence counts"},
	}},
	{name: "format", doc: "keep well-formed responses", fields: []field{
		{name: "style", shape: replyStyle, value: "answer", doc: "as the format reward's"},
	}},
	{name: "language", doc: "keep thinking in one language", fields: []field{
		{name: "target", shape: language, value: "en", doc: "language"},
		{name: "min", shape: share, value: 1.0, doc: "share of the thinking's words in the target language"},
	}},
	{name: "readable", doc: "drop responses that a person could not read", fields: []field{
		{name: "garbled", shape: share, value: 0.001, doc: "share of characters that stand for no text; at most"},
		{name: "letters", shape: share, value: 0.45, doc: "share of letters and digits; at least"},
		{name: "word", shape: whole{1}, value: int64(500), doc: "characters without white space; at most"},
	}},
	{name: "repetition", doc: "drop thinking that repeats itself", fields: []field{
		{name: "ngram", shape: whole{1}, value: int64(4), doc: "words a window"},
		{name: "max", shape: share, required: true, doc: "share of repeated windows"},
	}},
	{name: "repeated-lines", doc: "drop thinking that says lines again", fields: []field{
		{name: "max", shape: share, value: 0.2, doc: "share of its characters in repeated lines"},
	}},
	{name: "loop", doc: "drop responses that are caught in a loop", fields: []field{
		{name: "times", shape: whole{2}, value: int64(4), doc: "copies in direct succession"},
		{name: "words", shape: whole{1}, value: int64(30), doc: "repeated"},
	}},
	{name: "length", doc: "bound the tokens, as counted by the sampler", fields: []field{
		{name: "min", shape: whole{0}, value: int64(0), doc: "tokens"},
		{name: "max", shape: whole{1}, required: true, doc: "tokens"},
	}, check: ordered("min", "max", false)},
	{name: "paragraph", doc: "drop thinking with a long paragraph", fields: []field{
		{name: "max", shape: whole{1}, required: true, doc: "characters"},
	}},
	{name: "code-block", doc: "drop thinking with a code block"},
	{name: "leakage", doc: "drop rows in which the answer was known beforehand"},
	{name: "refusal", doc: "drop responses that decline to answer"},
	{name: "pii", doc: "drop rows with personal data or secrets", fields: []field{
		{name: "kinds", shape: list{what: "kinds", elem: piiKinds, filled: true}, value: anys(piiKinds), doc: "looked for"},
	}},
	{name: "behaviours", doc: "keep rows by the cognitive behaviours that they show", fields: []field{
		{name: "min", shape: shownCounts, doc: "how often each is shown, at least"},
		{name: "max", shape: shownCounts, doc: "at most"},
		{name: "mark", shape: text{}, doc: "field that the counts are written into"},
		{name: "targets", shape: shownCounts, doc: "rows that show each; the others go"},
		{name: "short", shape: enum{"fail", "allow"}, value: "fail", doc: "what to do where a target is not met"},
	}, check: checkShown},
	{name: "pass-rate", doc: "keep prompts of middling difficulty", fields: []field{
		{name: "above", shape: share, value: 0.0, doc: "share of the prompt's samples that are correct; strict"},
		{name: "below", shape: share, value: 1.0, doc: "the same; strict"},
	}, check: ordered("above", "below", true)},
	{name: "refine", doc: "rewrite the reply after the thinking, by rule", fields: []field{
		{name: "summary", shape: enum{"boxed"}, value: "boxed", doc: "what the reply becomes"},
		{name: "thinking", shape: enum{"keep", "drop"}, value: "keep", doc: "whether the thinking stays"},
	}},
	{name: "dedup", doc: "keep the first of equal rows", fields: []field{
		{name: "by", shape: list{what: "fields", elem: rowFields, filled: true}, value: []any{"prompt", "response"}, doc: "fields compared"},
	}},
	{name: "near-dedup", doc: "keep the first of nearly equal rows", fields: []field{
		{name: "by", shape: list{what: "fields", elem: rowFields, filled: true}, value: []any{"prompt", "response"}, doc: "fields compared"},
		{name: "threshold", shape: number{min: 0.5, max: 1}, value: 0.8, doc: "Jaccard similarity of the sets of n-grams"},
		{name: "ngram", shape: whole{1}, value: int64(5), doc: "words"},
	}},
	{name: "decontaminate", doc: "drop rows that share an n-gram of words with another data set", fields: []field{
		{name: "against", shape: text{}, required: true, doc: "an input; its rows are not taken over"},
		{name: "ngram", shape: whole{1}, value: int64(10), doc: "words"},
		{name: "normalize", shape: enum{"words", "full"}, doc: "full also takes out LaTeX, accents and inner punctuation, and finds short prompts in longer ones"},
		{name: "compat", shape: enum{"open-r1"}, doc: "that script's rule, exactly: prompts only; its ngram is 8"},
	}, check: func(d *decoder, n *yaml.Node, path string, v map[string]any) bool {
		if v["compat"] != nil && v["normalize"] == "full" {
			d.add(at(n, "normalize"), path+".normalize", "compat: open-r1 normalizes as open-r1 does: leave normalize out")
			return false
		}
		return true
	}},
	{name: "paraphrase", doc: "drop rows whose prompt is one of another data set with the numbers changed", fields: []field{
		{name: "against", shape: text{}, required: true, doc: "an input; its rows are not taken over"},
		{name: "words", shape: whole{1}, value: int64(6), doc: "at least, in prompts that are looked for"},
	}},
	{name: "select", doc: "keep the best rows of a prompt", fields: []field{
		{name: "per_prompt", shape: whole{1}, value: int64(1), doc: "rows kept"},
		{name: "choose", shape: enum{"shortest", "longest", "random", "first"}, value: "shortest", doc: "which"},
	}},
	{name: "cap", doc: "at most so many rows, at random by seed", fields: []field{
		{name: "rows", shape: whole{1}, doc: "of all domains"},
		{name: "by_domain", shape: table{what: "domain: rows", elem: whole{0}}, doc: "of one domain"},
	}, check: func(d *decoder, n *yaml.Node, path string, v map[string]any) bool {
		if v["rows"] == nil && v["by_domain"] == nil {
			d.add(n, path, "expected rows, by_domain or both")
			return false
		}
		return true
	}},
	{name: "mix", doc: "take rows of domains in given proportions, at random by seed", fields: []field{
		{name: "by", shape: enum{"domain", "source"}, value: "domain", doc: "what a group is"},
		{name: "weights", shape: table{what: "group: weight", elem: number{above: true}}, doc: "proportions; as many rows as the scarcest group allows"},
		{name: "targets", shape: table{what: "group: rows", elem: whole{0}}, doc: "rows of each group"},
		{name: "fractions", shape: table{what: "group: share", elem: share}, doc: "part of a group; the others stay whole"},
		{name: "rows", shape: whole{1}, doc: "with weights: at most so many in all"},
		{name: "short", shape: enum{"fail", "allow"}, value: "fail", doc: "what to do where a target is not met"},
	}, check: func(d *decoder, n *yaml.Node, path string, v map[string]any) bool {
		given := 0
		for _, key := range []string{"weights", "targets", "fractions"} {
			if v[key] != nil {
				given++
			}
		}
		if given != 1 || v["rows"] != nil && v["weights"] == nil {
			d.add(n, path, "expected one of weights (which may have rows), targets and fractions")
			return false
		}
		return true
	}},
	{name: "shuffle", doc: "mix the rows, by seed"},
}, askingSteps()...)}

// checkShown says what the step behaviours needs, and knows its behaviours.
func checkShown(d *decoder, n *yaml.Node, path string, v map[string]any) bool {
	bounds := v["min"] != nil || v["max"] != nil || v["mark"] != nil
	if bounds == (v["targets"] != nil) {
		d.add(n, path, "expected some of min, max and mark, or targets")
		return false
	}
	names := append(behaviours.Names(), "reflective")
	for _, key := range []string{"min", "max", "targets"} {
		given, _ := v[key].(map[string]any)
		for _, name := range slices.Sorted(maps.Keys(given)) {
			if !slices.Contains(names, name) {
				d.add(at(n, key), path+"."+key, "%q is no behaviour%s; expected some of %s", name, hint(name, names), strings.Join(names, ", "))
				return false
			}
		}
	}
	return true
}

// anys is a list of words as a decoded list has them.
func anys(words []string) []any {
	out := make([]any, len(words))
	for i, w := range words {
		out[i] = w
	}
	return out
}

// ordered checks that one bound is below another.
func ordered(low, high string, strict bool) func(*decoder, *yaml.Node, string, map[string]any) bool {
	return func(d *decoder, n *yaml.Node, path string, v map[string]any) bool {
		a, b := asFloat(v[low]), asFloat(v[high])
		if a > b || (strict && a == b) {
			d.add(n, path, "%s %g and %s %g leave nothing between them", low, a, high, b)
			return false
		}
		return true
	}
}

func asFloat(v any) float64 {
	switch t := v.(type) {
	case int64:
		return float64(t)
	case float64:
		return t
	}
	return 0
}

// A guard watches the numbers of a training job; its fields say when it speaks.
type guard struct {
	name   string
	doc    string
	fields []field
	always bool // it can neither be turned off nor only warn
}

var (
	enoughRollouts = func(n int64) field {
		return field{name: "rollouts", shape: whole{1}, value: n, doc: "so many in a row"}
	}
	nanGuard = guard{name: "nan", doc: "the loss or the norm of the gradient is no finite number", always: true}
	rlGuards = []guard{
		nanGuard,
		{name: "constant-reward", doc: "a reward is the same, and not the highest, for every response", fields: []field{
			{name: "rollouts", shape: whole{1}, value: int64(10), doc: "as many responses as so many rollouts have"},
		}},
		{name: "zero-variance", doc: "no question has responses of different reward: there is nothing to learn from", fields: []field{enoughRollouts(10)}},
		{name: "reward-collapse", doc: "the mean reward falls below the best it had, and not by chance", fields: []field{
			{name: "rollouts", shape: whole{2}, value: int64(20), doc: "the mean is over the last so many"},
			{name: "drop", shape: number{above: true, max: 1}, value: 0.15, doc: "share of the best"},
		}},
		{name: "kl", doc: "the policy is far from its reference", fields: []field{
			{name: "max", shape: number{above: true}, value: 1.0, doc: "mean KL of a step"},
			{name: "steps", shape: whole{1}, value: int64(10), doc: "so many in a row"},
		}},
		{name: "length", doc: "responses are many times as long as at the beginning, or most of them are cut", fields: []field{
			{name: "growth", shape: number{min: 1, above: true}, value: 20.0, doc: "times the mean length of the first rollouts"},
			{name: "clipped", shape: number{above: true, max: 1}, value: 0.5, doc: "share cut at max_tokens"},
			enoughRollouts(20),
		}},
	}
	tuningGuards = []guard{
		nanGuard,
		{name: "loss", doc: "the loss is well above that of the first steps", fields: []field{
			{name: "rise", shape: number{min: 1, above: true}, value: 2.0, doc: "times the mean of the first steps"},
			{name: "steps", shape: whole{1}, value: int64(20), doc: "so many in a row, and at the beginning"},
		}},
	}
)
