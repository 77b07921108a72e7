package recipes

import (
	"fmt"
	"math"
	"slices"
	"strconv"

	"go.yaml.in/yaml/v3"
)

// domainShares is a map of domains to shares that sum to 1.
var domainShares = sharesShape{table{what: "domain: share", elem: share}}

type sharesShape struct{ table }

func (s sharesShape) decode(d *decoder, n *yaml.Node, path string) (any, bool) {
	v, ok := s.table.decode(d, n, path)
	if !ok {
		return nil, false
	}
	var sum float64
	for i := 1; i < len(n.Content); i += 2 { // in the file's order: float sums depend on it
		sum += asFloat(v.(map[string]any)[n.Content[i-1].Value])
	}
	if math.Abs(sum-1) > 0.001 {
		d.breaks("shares-sum", n, path, "the shares of the domains must sum to 1, found %.4g", sum)
		return nil, false
	}
	return v, true
}

func checkArchitecture(d *decoder, n *yaml.Node, path string, v map[string]any) bool {
	hidden, heads := v["hidden_size"], v["heads"]
	if hidden.(int64)%heads.(int64) == 0 {
		return true
	}
	d.add(at(n, "heads"), path+".heads", "%d heads do not divide hidden_size %d", heads, hidden)
	return false
}

func checkBase(d *decoder, s *rawStage) {
	pretrain := s.params["pretrain"] != nil
	if (s.params["source"] != nil) == pretrain {
		d.add(at(s.node, "params"), s.name+".params", "expected either source or pretrain")
	}
	if _, corpus := s.inputs["corpus"]; corpus != pretrain {
		d.add(at(s.node, "inputs"), s.name+".inputs", "the input corpus and the parameter pretrain go together")
	}
}

// rolloutSteps is the number of optimizer steps one rollout feeds.
func rolloutSteps(p map[string]any) int64 {
	batch := p["questions_per_step"].(int64) * p["group_size"].(int64)
	return p["rollout_outputs"].(int64) / batch * p["inner_epochs"].(int64)
}

func deriveGRPO(p map[string]any) {
	if p["rollout_outputs"] == nil {
		p["rollout_outputs"] = p["questions_per_step"].(int64) * p["group_size"].(int64)
	}
	if p["checkpoint_steps"] == nil {
		const about = 20
		rollout := max(1, rolloutSteps(p))
		p["checkpoint_steps"] = rollout * max(1, about/rollout)
	}
}

// maxPhases bounds the jobs of an RL stage; the paper's longest run has 26.
const maxPhases = 1000

func checkGRPO(d *decoder, s *rawStage) {
	p, params, path := s.params, lookup(s.node, "params"), s.name+".params"
	questions, group, outputs := p["questions_per_step"].(int64), p["group_size"].(int64), p["rollout_outputs"].(int64)
	if batch := questions * group; outputs%batch != 0 {
		d.breaks("batch-multiple", at(params, "rollout_outputs"), path+".rollout_outputs",
			"%d must be a multiple of the batch: questions_per_step %d × group_size %d = %d", outputs, questions, group, batch)
	} else {
		rollout := rolloutSteps(p)
		for _, key := range []string{"checkpoint_steps", "reference_refresh_steps"} {
			if v, ok := p[key].(int64); ok && v%rollout != 0 {
				d.breaks("batch-multiple", at(params, key), path+"."+key, "%d must be a multiple of the %d steps of a rollout", v, rollout)
			}
		}
	}
	steps := p["steps"].(int64)
	if refresh, ok := p["reference_refresh_steps"].(int64); ok && steps/refresh > maxPhases {
		d.add(at(params, "reference_refresh_steps"), path+".reference_refresh_steps", "%d steps make more than %d phases", steps, maxPhases)
	}
	checkUntil(d, s, "max_tokens", steps)
	checkUntil(d, s, "domains", steps)

	if _, given := s.inputs["problems"]; given != (p["evaluate_steps"] != nil) {
		d.add(at(params, "evaluate_steps"), path+".evaluate_steps", "the input problems and the parameter evaluate_steps go together")
	}
	for i, r := range p["rewards"].([]any) {
		if from := r.(map[string]any)["from_step"].(int64); from >= steps {
			d.breaks("until-step", lookup(params, "rewards").Content[i], fmt.Sprintf("%s.rewards[%d].from_step", path, i), "%d must be below steps %d", from, steps)
		}
	}
	checkRewards(d, s)
}

func checkEvaluate(d *decoder, s *rawStage) {
	checkRewards(d, s)
	checkGenerator(d, s)
}

// checkRewards looks at a list of rewards, and at the reward models that a
// preference among them needs.
func checkRewards(d *decoder, s *rawStage) {
	list, path := lookup(lookup(s.node, "params"), "rewards"), s.name+".params"
	used := map[string]bool{}
	preference := false
	for i, r := range s.params["rewards"].([]any) {
		node := s.node // of a default
		if list != nil {
			node = list.Content[i]
		}
		reward, at := r.(map[string]any), fmt.Sprintf("%s.rewards[%d]", path, i)
		name := reward["name"].(string)
		if used[name] {
			d.breaks("defined-twice", node, at, "the reward %q is listed twice", name)
		}
		used[name] = true
		if name == "preference" {
			preference = true
			checkPreference(d, s, node, at, reward)
		}
	}
	for _, in := range []string{"helpful", "safety"} {
		if _, given := s.inputs[in]; given && !preference {
			d.add(at(lookup(s.node, "inputs"), in), s.name+".inputs."+in, "no reward uses it; a preference reward would")
		}
	}
}

// checkUntil checks the steps of a parameter that changes: they rise, all but the
// last entry have one, and the last has none.
func checkUntil(d *decoder, s *rawStage, key string, steps int64) {
	entries, _ := s.params[key].([]any)
	last := int64(0)
	for i, e := range entries {
		node := lookup(lookup(s.node, "params"), key).Content[i]
		path := fmt.Sprintf("%s.params.%s[%d]", s.name, key, i)
		until, ok := e.(map[string]any)["until_step"].(int64)
		switch final := i == len(entries)-1; {
		case ok == final && final:
			d.breaks("until-step", node, path, "the last entry holds to the end: it takes no until_step")
		case ok == final:
			d.breaks("until-step", node, path, "until_step is missing: only the last entry goes without it")
		case ok && until >= steps:
			d.breaks("until-step", node, path, "until_step %d must be below steps %d", until, steps)
		case ok && until <= last:
			d.breaks("until-step", node, path, "until_step %d must be above the one before it (%d)", until, last)
		}
		last = max(last, until)
	}
}

// checkPreference asks for the reward models of the domains that it scores.
func checkPreference(d *decoder, s *rawStage, n *yaml.Node, path string, reward map[string]any) {
	models := map[string]string{"general": "helpful", "safety": "safety"}
	domains, limited := reward["domains"].([]any)
	for _, domain := range domains {
		model, known := models[domain.(string)]
		if !known {
			d.add(n, path+".domains", "a preference reward scores the domains general and safety, found %q", domain)
		} else if _, given := s.inputs[model]; !given {
			d.breaks("reward-model-missing", n, path, "domain %s needs the input %s", domain, model)
		}
	}
	_, helpful := s.inputs["helpful"]
	_, safety := s.inputs["safety"]
	if !limited && !helpful && !safety {
		d.breaks("reward-model-missing", n, path, "a preference reward needs the input helpful, safety or both")
	}
}

func deriveTuning(p map[string]any) {
	switch {
	case p["schedule"] == "constant":
		p["final_learning_rate"] = p["learning_rate"]
	case p["final_learning_rate"] == nil:
		p["final_learning_rate"] = tenth(p["learning_rate"].(float64))
	}
}

// tenth divides by ten as people do: 3e-3 gives 3e-4, not 0.00030000000000000003.
func tenth(v float64) float64 {
	near, err := strconv.ParseFloat(strconv.FormatFloat(v/10, 'g', 12, 64), 64)
	if err != nil {
		return v / 10
	}
	return near
}

func checkCurate(d *decoder, s *rawStage) {
	params, path := lookup(s.node, "params"), s.name+".params"
	rows := map[string]bool{}                // what gives rows
	inputs := keys(lookup(s.node, "inputs")) // also those that do not resolve, which is told elsewhere
	for _, in := range inputs {
		rows[in] = true
	}
	sources, _ := s.params["sources"].([]any)
	for i, src := range sources {
		name := src.(map[string]any)["name"].(string)
		if rows[name] {
			d.add(lookup(params, "sources").Content[i], fmt.Sprintf("%s.sources[%d]", path, i), "the name %q is used twice", name)
		}
		rows[name] = true
	}
	for i, step := range s.params["steps"].([]any) {
		against, ok := step.(map[string]any)["against"].(string)
		if !ok {
			continue
		}
		if !slices.Contains(inputs, against) {
			node := lookup(lookup(params, "steps").Content[i], "against")
			d.add(node, fmt.Sprintf("%s.steps[%d].against", path, i), "there is no input %q%s", against, hint(against, inputs))
		}
		delete(rows, against)
	}
	checkReview(d, s)
	if len(rows) == 0 {
		d.breaks("no-rows", s.node, s.name, "nothing gives rows: expected an input or a source")
	}
}

// checkDistill sees one student, with what it shares with the others.
func checkDistill(d *decoder, s *rawStage) {
	starts := 0
	for _, key := range []string{"source", "architecture"} {
		if s.params[key] != nil {
			starts++
		}
	}
	if _, ok := s.inputs["student"]; ok {
		starts++
	}
	if starts != 1 {
		d.breaks("student-start", s.node, s.name, "expected exactly one of source, architecture and the input student")
	}
	if _, ok := s.inputs["tokenizer"]; !ok && s.params["architecture"] != nil {
		d.breaks("student-tokenizer", at(s.node, "architecture"), s.name+".architecture", "a model from random weights needs the input tokenizer")
	}
}
