package recipes

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/r1ctl/r1ctl/internal/prompts"
	"github.com/r1ctl/r1ctl/internal/r1"
)

// endpointFields are the parameters by which a stage samples a model that somebody
// else serves. Where it is served is the site's matter and bears on no result; which
// model it is does.
var endpointFields = []field{
	{name: "endpoint", shape: name{}, inert: true, doc: "instead of input model: a name under the site's `endpoints`, where a model is served"},
	{name: "model", shape: text{}, doc: "with endpoint: which model, by the endpoint's own name for it"},
	{name: "request", shape: free{}, doc: "with endpoint: further fields of each request, such as `{reasoning_effort: high}`"},
}

// shardsField splits a stage into jobs that may run side by side. Rows are the same
// for any number, so it bears on no result.
var shardsField = field{name: "shards", shape: whole{1}, planOnly: true, doc: "jobs that a stage is split into, each with its part of the prompts; default 1"}

// maxShards bounds the jobs of a stage.
const maxShards = 999

// sharded splits a stage into shards, and a job that joins their outputs. The latter
// is for all others what the stage's one job would be: its inputs, parameters and so its
// fingerprint are the same.
func sharded(s Stage, whole unit, n int) []unit {
	var out []unit
	var names []string
	for i := range n {
		u := whole
		u.name, u.output = fmt.Sprintf("shard-%03d", i+1), ""
		u.params = maps.Clone(whole.params)
		u.params[shardKey] = map[string]any{"index": int64(i), "of": int64(n)}
		u.decls = slices.Clone(whole.decls)
		u.decls[0].Path = s.Name + "/" + u.name + "/" + u.decls[0].Name
		out, names = append(out, u), append(names, u.name)
	}
	whole.after, whole.join = names, names
	return append(out, whole)
}

// shardKey is the parameter of a shard's job that says which part is its.
const shardKey = "shard"

// ownFields are the fields of a request that a stage has parameters for.
var ownFields = []string{"model", "messages", "temperature", "top_p", "max_tokens", "n", "stream"}

// deriveSample takes away what an endpoint has no use for.
func deriveSample(p map[string]any) {
	if p["endpoint"] != nil {
		delete(p, "batch_size")
	}
}

func checkSample(d *decoder, s *rawStage) {
	params, path := lookup(s.node, "params"), s.name+".params"
	if n, _ := s.params["shards"].(int64); n > maxShards {
		d.add(at(params, "shards"), path+".shards", "%d shards are more than %d", n, maxShards)
	}
	_, local := s.inputs["model"]
	local = local || lookup(lookup(s.node, "inputs"), "model") != nil // one that does not resolve is told elsewhere
	remote := s.params["endpoint"] != nil
	switch {
	case !local && !remote:
		d.breaks("key-missing", at(s.node, "inputs"), s.name+".inputs", "model is missing: expected a %s as STAGE.OUTPUT, or params.endpoint and params.model", roleModel)
	case local && remote:
		d.breaks("sample-model", at(params, "endpoint"), path+".endpoint", "the stage has the input model already")
	case remote && s.params["model"] == nil:
		d.breaks("key-missing", params, path, "model is missing: expected the endpoint's name for the model, such as deepseek-chat")
	}
	for _, key := range []string{"model", "request"} {
		if local && !remote && s.params[key] != nil {
			d.breaks("sample-model", at(params, key), path+"."+key, "it goes with params.endpoint, and the stage samples the input model")
		}
	}
	request, _ := s.params["request"].(map[string]any)
	for key := range request {
		if slices.Contains(ownFields, key) {
			d.add(at(lookup(params, "request"), key), path+".request."+key, "%s is no further field of a request: the stage sets it", key)
		}
	}
	checkGenerator(d, s)
	if t, ok := s.params["template"].(map[string]any); ok && remote && t["prefill"] != nil {
		d.breaks("template-form", at(params, "template"), path+".template", "an endpoint cannot begin a response: leave prefill out")
	}
}

// templateObject is checked as the generators read it.
var templateObject = object{
	what: "a template",
	fields: []field{
		{name: "text", shape: text{}, doc: "plain text; `{prompt}`, or another field of the row, is replaced"},
		{name: "chat", shape: boolean{}, doc: "the tokenizer's chat template"},
		{name: "messages", doc: "a conversation, in the tokenizer's chat template or at an endpoint", shape: list{what: "turns", filled: true, elem: object{
			what: "a turn", fields: []field{
				{name: "role", shape: enum(prompts.Roles), required: true, doc: "who speaks"},
				{name: "content", shape: text{}, required: true, doc: "what is said; fields of the row are replaced as in text"},
			},
		}}},
		{name: "prefill", shape: text{}, doc: "starts every response, and is part of it"},
	},
	check: func(d *decoder, n *yaml.Node, path string, v map[string]any) bool {
		t := templateOf(v)
		_, isText := v["text"]
		_, isTurns := v["messages"]
		switch why := t.Problem(); {
		case isText && isTurns || isText == t.Chat && !isTurns || isTurns && t.Chat:
			d.breaks("template-form", n, path, "expected one of text, messages and chat: true")
		case why != "" && isText:
			d.breaks("template-form", at(n, "text"), path+".text", "the text has no {prompt} to put the question in")
		case why != "":
			d.breaks("template-form", at(n, "messages"), path+".messages", "%s", why)
		default:
			return true
		}
		return false
	},
}

// templateOf is a decoded template as the generators know it.
func templateOf(v map[string]any) prompts.Template {
	var t prompts.Template
	t.Text, _ = v["text"].(string)
	t.Chat, _ = v["chat"].(bool)
	t.Prefill, _ = v["prefill"].(string)
	turns, _ := v["messages"].([]any)
	for _, turn := range turns {
		of := turn.(map[string]any)
		role, _ := of["role"].(string)
		content, _ := of["content"].(string)
		t.Messages = append(t.Messages, prompts.Turn{Role: role, Content: content})
	}
	return t
}

// rowKinds are the kinds that show a model rows with all their fields. The others
// train on prompts: their templates take nothing else of a row.
var rowKinds = []r1.Kind{r1.KindSample, r1.KindEvaluate}

// checkTemplate refuses a template that reads what its kind does not have.
func (d *decoder) checkTemplate(s *rawStage) {
	v, ok := s.params["template"].(map[string]any)
	if !ok || slices.Contains(rowKinds, s.kind.name) {
		return
	}
	node, path := at(lookup(s.node, "params"), "template"), s.name+".params.template"
	fields := templateOf(v).Fields()
	for _, field := range fields {
		if field != "prompt" {
			d.breaks("template-form", node, path, "a %s stage shows the model the prompt alone, and the template reads {%s}; where that is meant as text, write {{%s}}",
				s.kind.name, field, field)
		}
	}
	if !slices.Contains(fields, "prompt") {
		d.breaks("template-form", node, path, "the template has no {prompt} to put the question in")
	}
}

// free is a map of whatever JSON can say.
type free struct{}

func (free) want() string { return "a map of further fields" }

func (s free) decode(d *decoder, n *yaml.Node, path string) (any, bool) {
	if n.Kind != yaml.MappingNode {
		return d.mismatch(n, path, s)
	}
	return anyValue(d, n, path)
}

// anyValue decodes a tree as it stands. What is null is absent, as everywhere in a recipe.
func anyValue(d *decoder, n *yaml.Node, path string) (any, bool) {
	good := true
	switch n.Kind {
	case yaml.MappingNode:
		out := map[string]any{}
		for i := 0; i+1 < len(n.Content); i += 2 {
			key := n.Content[i].Value
			if isNull(n.Content[i+1]) {
				continue
			}
			v, ok := anyValue(d, n.Content[i+1], join(path, key))
			out[key], good = v, good && ok
		}
		return out, good
	case yaml.SequenceNode:
		out := make([]any, 0, len(n.Content))
		for i, c := range n.Content {
			v, ok := anyValue(d, c, fmt.Sprintf("%s[%d]", path, i))
			out, good = append(out, v), good && ok
		}
		return out, good
	}
	var v any
	if strings.HasPrefix(n.ShortTag(), "!!bin") || n.Decode(&v) != nil {
		return d.mismatch(n, path, free{})
	}
	switch v := v.(type) {
	case int:
		return int64(v), true
	case string, bool, int64, float64, nil:
		return v, true
	}
	return n.Value, true // such as a date: JSON knows it as text
}
