package recipes

import (
	"fmt"

	"go.yaml.in/yaml/v3"

	"github.com/r1ctl/r1ctl/internal/r1"
)

// askingSteps are those that ask people and models about rows, and read what they say.
func askingSteps() []variant {
	return []variant{
		{name: "review", doc: "apply what people say of rows; the stage waits for it", fields: []field{
			{name: "rows", shape: whole{1}, doc: "how many have to be reviewed, chosen by seed; default all"},
			{name: "unreviewed", shape: enum{"keep", "drop"}, value: "keep", doc: "what becomes of the others"},
			{name: "round", shape: whole{1}, value: int64(1), doc: "a higher one asks anew, where an earlier run would be reused"},
			{name: "against", shape: text{}, doc: "with r1ctl curate: the dataset of reviewed rows"},
		}},
		{name: "ask", doc: "make rows questions to a model, which a stage `sample` answers", fields: []field{
			{name: "rows", shape: enum{"all", "unverified"}, value: "all", doc: "unverified: those that no rule could judge and that have a gold answer"},
			{name: "audit", shape: share, value: 0.0, doc: "with unverified: share of those that rules did judge"},
			{name: "verify", shape: enum{"keep", "none"}, value: "keep", doc: "none: no verifier looks at the answer"},
			{name: "show", shape: enum{"response", "parts"}, value: "response", doc: "parts: templates may show {thinking} and {reply}"},
		}, check: func(d *decoder, n *yaml.Node, path string, v map[string]any) bool {
			if v["rows"] == "all" && asFloat(v["audit"]) > 0 {
				d.add(at(n, "audit"), path+".audit", "an audit goes with rows: unverified; otherwise every row is asked about")
				return false
			}
			return true
		}},
		{name: "take-response", doc: "make rows of what a model made of their responses", fields: []field{
			{name: "from", shape: enum{"reply", "response"}, value: "reply", doc: "of the model's text: without its own thinking, or all"},
			{name: "into", shape: enum{"response", "thinking", "reply"}, value: "response", doc: "what it takes the place of"},
			{name: "least", shape: share, value: 0.0, doc: "share of the characters of what it replaces"},
		}},
		{name: "judged", doc: "take a model's verdicts, in JSON, on responses", fields: []field{
			{name: "field", shape: text{}, value: "correctness", doc: "of the JSON: correct or incorrect"},
		}},
		{name: "safety", doc: "label responses safe or unsafe as a model judged them, in JSON", fields: []field{
			{name: "field", shape: text{}, value: "label", doc: "of the JSON: safe or unsafe"},
		}},
		{name: "nearest", doc: "make rows questions to a model whose prompt may be one of another data set in other words", fields: []field{
			{name: "against", shape: text{}, required: true, doc: "an input; its rows are not taken over"},
			{name: "above", shape: share, value: 0.35, doc: "how near the nearest prompt is: the cosine of the words of both, rare ones counting more, numbers none"},
			{name: "keep", shape: enum{"near", "far"}, value: "near", doc: "far: the other rows, which need not be asked about"},
		}},
		{name: "similar", doc: "drop rows whose prompt is near one of another data set, by a model's embeddings", fields: []field{
			{name: "against", shape: text{}, required: true, doc: "an input; its rows are not taken over"},
			{name: "endpoint", shape: name{}, required: true, inert: true, doc: "a name under the site's `endpoints`, where the model is served"},
			{name: "model", shape: text{}, required: true, doc: "which makes the embeddings, by the endpoint's own name for it"},
			{name: "dimensions", shape: whole{1}, doc: "of the vectors, of a model that can make shorter ones"},
			{name: "above", shape: share, value: 0.9, doc: "the cosine of the vectors of both prompts, from which on a row is near: a matter of the model"},
			{name: "keep", shape: enum{"far", "near"}, value: "far", doc: "near: the near rows, as questions to a model, as those of nearest"},
		}},
		{name: "same-problem", doc: "drop rows of which a model says, in JSON, that they are a question of a benchmark in other words", fields: []field{
			{name: "field", shape: text{}, value: "problem", doc: "of the JSON: same or different"},
			{name: "unasked", shape: enum{"drop", "keep"}, value: "drop", doc: "what becomes of rows that nobody was asked about"},
		}},
		{name: "compare-pairs", doc: "make two responses of a prompt a question: which is better?", fields: []field{
			{name: "between", shape: enum{"any", "sources"}, value: "any", doc: "sources: of two inputs"},
			{name: "show", shape: enum{"reply", "response"}, value: "reply", doc: "to the judge"},
		}},
		{name: "preference", doc: "make preference rows of a model's judgements on pairs", fields: []field{
			{name: "margin", shape: number{}, value: 1.0, doc: "of the mean judgement; strict"},
			{name: "judgements", shape: whole{1}, value: int64(4), doc: "at least, that can be read"},
			{name: "balance", shape: enum{"length", "none"}, value: "length", doc: "longer ones are chosen as often as shorter ones"},
			{name: "make", shape: enum{"pairs", "best"}, value: "pairs", doc: "best: sft rows of the better responses"},
			{name: "undecided", shape: enum{"drop", "shorter"}, value: "drop", doc: "with best: what to do where none is better"},
		}, check: func(d *decoder, n *yaml.Node, path string, v map[string]any) bool {
			if v["make"] == "pairs" && v["undecided"] == "shorter" {
				d.add(at(n, "undecided"), path+".undecided", "undecided: shorter goes with make: best")
				return false
			}
			return true
		}},
	}
}

// checkReview looks at a stage whose rows a person reviews: what is exported must be
// what the step sees.
func checkReview(d *decoder, s *rawStage) {
	steps, params := s.params["steps"].([]any), lookup(s.node, "params")
	for i, step := range steps {
		if step.(map[string]any)["do"] != "review" {
			continue
		}
		node, path := lookup(params, "steps").Content[i], fmt.Sprintf("%s.params.steps[%d]", s.name, i)
		switch {
		case step.(map[string]any)["against"] != nil:
			d.add(at(node, "against"), path+".against", "against is for r1ctl curate; a stage waits for r1ctl review")
		case i > 0:
			d.add(node, path, "review must be the first step of its stage: people review the rows that enter it; do other steps in a stage before")
		case s.params["sources"] != nil:
			d.add(at(params, "sources"), s.name+".params.sources", "a stage with a review takes no sources: people review the rows of its inputs")
		}
		if _, taken := s.inputs[r1.ReviewInput]; taken {
			d.add(at(lookup(s.node, "inputs"), r1.ReviewInput), s.name+".inputs."+r1.ReviewInput, "the name %q is that of the review itself", r1.ReviewInput)
		}
	}
}

// gateOf is what a stage waits for: its gate, and a review where a step wants one.
func gateOf(s Stage) *r1.Gate {
	steps, _ := s.Params["steps"].([]any)
	for _, step := range steps {
		v, _ := step.(map[string]any)
		if s.Kind != r1.KindCurate || v["do"] != "review" {
			continue
		}
		var gate r1.Gate
		if s.Gate != nil {
			gate = *s.Gate
		}
		gate.Review = &r1.ReviewGate{}
		if rows, ok := v["rows"].(int64); ok {
			gate.Review.Rows = int(rows)
		}
		return &gate
	}
	return s.Gate
}
