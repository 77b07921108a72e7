package lint

import (
	"slices"
	"strconv"
	"strings"

	"github.com/r1ctl/r1ctl/internal/curate"
	"github.com/r1ctl/r1ctl/internal/r1"
	"github.com/r1ctl/r1ctl/recipes"
)

// dataRules are about rows on their way through the stages.
func dataRules() []Rule {
	return []Rule{
		{
			ID: "columns", Severity: Error, Title: "rows have the fields that stages and steps read", check: columns,
			Reason: "rows that lack a field are dropped as malformed, and above 1 % the stage fails",
			Remedy: "take data of the kind named in docs/job-contract.md, or drop the step that needs the field",
		},
		{
			ID: "train-on-test", Severity: Error, Title: "no problem that is measured by is trained on", check: trainOnTest,
			Reason: "scores on problems that were trained on say nothing",
			Remedy: "take another split or file for the evaluation",
		},
		{
			ID: "no-decontamination", Severity: Warning, Title: "training data is compared with the problems that are measured by", check: noDecontamination,
			Reason: "public data sets hold many benchmark questions, word for word",
			Remedy: "add {do: decontaminate, against: INPUT, ngram: 10} on the way, with the problems as an input",
		},
		{
			ID: "unknown-domain", Severity: Error, Title: "domains that are named have rows", check: unknownDomain,
			Reason: "a reward, cap or share of a domain that no row has does nothing, or stops the trainer",
			Remedy: "name one of the domains of the rows",
		},
		{
			ID: "domain-without-rows", Severity: Note, Title: "each domain of a reward has rows", check: domainWithoutRows,
			Reason: "a profile may leave domains out; a name that is misspelt looks the same",
			Remedy: "compare the name with the domains of the rows",
		},
		{
			ID: "pass-rate-impossible", Severity: Error, Title: "some pass rate lies between the bounds", check: passRateImpossible,
			Reason: "with n samples a prompt the pass rate is one of 0, 1/n, …, 1: where none of them is inside, every row is dropped",
			Remedy: "widen above and below (they are strict), or sample more responses a prompt",
		},
		{
			ID: "length-impossible", Severity: Error, Title: "bounds on length can be met", check: lengthImpossible,
			Reason: "no response is longer than max_tokens of its sampler: every row would be dropped",
			Remedy: "lower min, or raise max_tokens of the sample stage",
		},
		{
			ID: "rows-left-out", Severity: Warning, Title: "training takes rows as long as sampling makes them", check: rowsLeftOut,
			Reason: "longer rows are left out of training, and these are the ones with the longest thinking",
			Remedy: "raise max_tokens of the training stage to that of the sampler and the longest prompt",
		},
		{
			ID: "few-prompts", Severity: Warning, Title: "a rollout asks no question twice", check: fewPrompts,
			Reason: "with more questions a rollout than there are prompts, a group is repeated within one rollout",
			Remedy: "add prompts, or lower rollout_outputs",
		},
		{
			ID: "placeholder-source", Severity: Warning, Title: "addresses are yours", check: placeholderSource,
			Reason: "s3://your-bucket is an example",
			Remedy: "put the address of your data there",
		},
		{
			ID: "unpinned-source", Severity: Note, Title: "what comes from outside is pinned", check: unpinnedSource,
			Reason: "content that changes under its address changes results, and no fingerprint shows it",
			Remedy: "add @REVISION (a commit or tag) to an hf:// address; give an s3:// source a revision: of your own, and raise it when the data changes",
		},
		{
			ID: "output-unread", Severity: Warning, Title: "data that is made is used", check: outputUnread,
			Reason: "a stage whose rows nobody reads only costs time; often an input was not moved along",
			Remedy: "read its output in a later stage, or omit the stage",
		},
	}
}

// compares says whether a step that compares rows finds something to compare: fields that a row
// lacks count as empty, so where it has none of them all rows are equal.
func compares(step map[string]any, f flow) bool {
	fields, _ := step["by"].([]any)
	if do := step["do"]; do != "dedup" && do != "near-dedup" || len(fields) == 0 {
		return true
	}
	for _, field := range fields {
		if has, known := f.has(field.(string)); has || !known {
			return true
		}
	}
	return false
}

// inputNeeds are the fields that a kind reads of an input's rows.
func inputNeeds(p part) map[string][]string {
	switch p.kind() {
	case r1.KindGRPO:
		return map[string][]string{"prompts": {"prompt"}, "problems": {"prompt"}}
	case r1.KindSample:
		return map[string][]string{"prompts": {"prompt"}}
	case r1.KindEvaluate:
		return map[string][]string{"problems": {"prompt"}}
	case r1.KindSFT, r1.KindDistill:
		return map[string][]string{"data": {"prompt", "response"}}
	case r1.KindRewardModel:
		if p.params["loss"] == "pairwise" {
			return map[string][]string{"data": {"prompt", "chosen", "rejected"}}
		}
		return map[string][]string{"data": {"prompt", "response", "safe"}}
	case r1.KindBase:
		return map[string][]string{"corpus": {"text"}}
	}
	return nil
}

func columns(c *checker) {
	lacks := func(flows []flow, fields []string, tell func(flow, string)) {
		for _, f := range flows {
			for _, field := range fields {
				if has, known := f.has(field); known && !has {
					tell(f, field)
				}
			}
		}
	}
	for _, p := range c.parts {
		for input, fields := range inputNeeds(p) {
			ref, ok := p.inputs[input]
			if !ok {
				continue
			}
			lacks(c.flows(ref), fields, func(f flow, field string) {
				c.found(p, []string{"inputs", input}, "rows of %s have no %s, which %s reads", f.from, field, p.kind())
			})
		}
		if ref, keys, ok := p.asked(); ok {
			var sources []flow
			for _, f := range c.flows(ref) {
				if f.sample == nil { // samples have the fields of whatever they answer
					sources = append(sources, f)
				}
			}
			lacks(sources, p.fields(), func(f flow, field string) {
				c.found(p, keys, "rows of %s have no %s, which the template reads", f.from, field)
			})
		}
		if !p.is(r1.KindCurate) {
			continue
		}
		for i, step := range p.maps("steps") {
			lacks(c.flowsInto(p), curate.Needs(step), func(f flow, field string) {
				c.found(p, at("steps", strconv.Itoa(i)), "rows of %s have no %s, which the step %s reads", f.from, field, step["do"])
			})
			for _, f := range c.flowsInto(p) {
				if !compares(step, f) {
					c.found(p, at("steps", strconv.Itoa(i)), "rows of %s have none of the fields that %s compares: all but one are dropped", f.from, step["do"])
				}
			}
		}
	}
}

// training are the inputs of a part whose rows a model learns from.
func (p part) training() (recipes.Ref, string, bool) {
	for _, name := range []string{"prompts", "data"} {
		if ref, ok := p.inputs[name]; ok && p.is(r1.KindGRPO, r1.KindSFT, r1.KindDistill) {
			return ref, name, true
		}
	}
	return recipes.Ref{}, "", false
}

func trainOnTest(c *checker) {
	measured := map[string]string{} // address: stage
	for _, p := range c.parts {
		if ref, ok := p.inputs["problems"]; ok && p.is(r1.KindEvaluate) {
			for _, a := range c.addresses(ref) {
				measured[a] = p.stage.Name
			}
		}
	}
	for _, p := range c.parts {
		ref, input, ok := p.training()
		if !ok {
			continue
		}
		for _, a := range c.addresses(ref) {
			if by, both := measured[a]; both {
				c.found(p, []string{"inputs", input}, "it trains on %s, which stage %s measures by", a, by)
			}
		}
	}
}

// dirty are the sources whose rows reach an output without a decontaminate step on the way.
func (c *checker) dirty(ref recipes.Ref) []string {
	p := c.maker(ref)
	switch {
	case p == nil:
		return nil
	case p.is(r1.KindSample):
		return c.dirty(p.inputs["prompts"])
	case !p.is(r1.KindCurate):
		return nil
	}
	for _, s := range p.maps("steps") {
		if s["do"] == "decontaminate" {
			return nil
		}
	}
	var out []string
	for _, s := range p.maps("sources") {
		out = append(out, s["name"].(string))
	}
	for _, name := range sortedKeys(p.inputs) {
		out = append(out, c.dirty(p.inputs[name])...)
	}
	return out
}

func noDecontamination(c *checker) {
	if !slices.ContainsFunc(c.parts, func(p part) bool { return p.is(r1.KindEvaluate) }) {
		return
	}
	for _, p := range c.parts {
		if ref, input, ok := p.training(); ok {
			if from := c.dirty(ref); len(from) > 0 {
				c.found(p, []string{"inputs", input}, "rows of %s come here without being compared with the problems that are measured by", strings.Join(from, ", "))
			}
		}
	}
}

func passRateImpossible(c *checker) {
	for _, p := range c.parts {
		for i, step := range p.maps("steps") {
			if step["do"] != "pass-rate" {
				continue
			}
			above, _ := step["above"].(float64)
			below, _ := step["below"].(float64)
			for _, f := range c.flowsInto(p) {
				if f.sample == nil {
					continue
				}
				n := f.sample.whole("samples_per_prompt")
				inside := false
				for k := int64(0); k <= n; k++ {
					rate := float64(k) / float64(n)
					inside = inside || rate > above && rate < below
				}
				if !inside {
					c.found(p, at("steps", strconv.Itoa(i)), "with %d samples a prompt no pass rate lies above %g and below %g: every row is dropped", n, above, below)
				}
			}
		}
	}
}

func lengthImpossible(c *checker) {
	for _, p := range c.parts {
		for i, step := range p.maps("steps") {
			least, _ := step["min"].(int64)
			if step["do"] != "length" {
				continue
			}
			for _, f := range c.flowsInto(p) {
				if f.sample != nil && least > f.sample.most() {
					c.found(p, at("steps", strconv.Itoa(i), "min"), "at least %d tokens, and stage %s samples at most %d", least, f.sample.stage.Name, f.sample.most())
				}
			}
		}
	}
}

func rowsLeftOut(c *checker) {
	for _, p := range c.parts {
		if !p.is(r1.KindSFT, r1.KindDistill) {
			continue
		}
		for _, f := range c.flows(p.inputs["data"]) {
			if f.sample != nil && p.most() < f.sample.most() {
				c.found(p, at("max_tokens"), "%d tokens for prompt and response, and stage %s samples responses of up to %d", p.most(), f.sample.stage.Name, f.sample.most())
			}
		}
	}
}

func fewPrompts(c *checker) {
	for _, p := range c.parts {
		if !p.is(r1.KindGRPO) {
			continue
		}
		rows := int64(0)
		for _, f := range c.flows(p.inputs["prompts"]) {
			if f.source.rows == 0 {
				rows = 0
				break
			}
			rows += f.source.rows
		}
		if asked := p.whole("rollout_outputs") / max(1, p.whole("group_size")); rows > 0 && asked > rows {
			c.found(p, at("rollout_outputs"), "a rollout asks %d questions, and there are at most %d prompts", asked, rows)
		}
	}
}

func placeholderSource(c *checker) {
	for _, p := range c.parts {
		for i, s := range p.maps("sources") {
			if address, _ := s["address"].(string); strings.HasPrefix(address, "s3://your-bucket/") {
				c.found(p, at("sources", strconv.Itoa(i)), "%s is a placeholder", address)
			}
		}
	}
}

func unpinnedSource(c *checker) {
	tell := func(p part, address, revision string, keys []string) {
		switch {
		case recipes.Pinned(address, revision) || strings.HasPrefix(address, "s3://your-bucket/"):
		case strings.HasPrefix(address, "hf://") && strings.Contains(address, "@main"):
			c.found(p, keys, "%s names a branch, which moves", address)
		case strings.HasPrefix(address, "hf://"):
			c.found(p, keys, "%s has no revision", address)
		default:
			c.found(p, keys, "%s stands for its content, which may change", address)
		}
	}
	for _, p := range c.parts {
		address, _ := p.params["source"].(string)
		tell(p, address, "", at("source"))
		for i, s := range p.maps("sources") {
			address, _ := s["address"].(string)
			revision, _ := s["revision"].(string)
			tell(p, address, revision, at("sources", strconv.Itoa(i)))
		}
	}
}

func outputUnread(c *checker) {
	read := map[string]bool{}
	for _, p := range c.parts {
		for _, ref := range p.inputs {
			read[ref.Stage] = true
		}
	}
	for _, p := range c.parts {
		if p.is(r1.KindCurate, r1.KindSample) && !read[p.stage.Name] && len(c.parts) > 1 {
			c.found(p, nil, "nothing reads the %s of stage %s", map[r1.Kind]string{r1.KindCurate: "data", r1.KindSample: "samples"}[p.kind()], p.stage.Name)
		}
	}
}
