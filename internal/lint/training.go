package lint

import (
	"fmt"
	"math"
	"strconv"

	"github.com/r1ctl/r1ctl/internal/estimate"
	"github.com/r1ctl/r1ctl/internal/r1"
)

// trainingRules are about models, lengths and optimizers.
func trainingRules() []Rule {
	return []Rule{
		{
			ID: "context-length", Severity: Error, Title: "max_tokens fits a context that is known", check: contextLength,
			Reason: "a trainer refuses prompts and responses that have no positions, and does so after the machine was waited for",
			Remedy: "lower max_tokens, or take a model with a longer context",
		},
		{
			ID: "context-length-card", Severity: Warning, Title: "max_tokens fits the context on the model's card", check: contextLengthCard,
			Reason: "the published config.json has fewer positions; the trainer will refuse it unless the copy you use was changed",
			Remedy: "lower max_tokens, or use a copy of the model whose config.json has longer positions (the paper's students are such)",
		},
		{
			ID: "memory-fit", Severity: Error, Title: "a job fits into the memory that the site gives it", check: memoryFit,
			Reason: "weights, and in training their gradients, are more than that even without an optimizer: it would run out of memory after its time in the queue",
			Remedy: "raise site.accelerators, take accelerators with more memory, or a smaller model",
		},
		{
			ID: "memory-tight", Severity: Warning, Title: "a job fits into memory with room for what it computes", check: memoryTight,
			Reason: "how much activations and caches take depends on the trainer; out of memory is among the most common failures, and is not retried",
			Remedy: "raise site.accelerators, or lower max_tokens and batches",
		},
		{
			ID: "rewards-weigh-nothing", Severity: Error, Title: "some reward counts", check: rewardsWeighNothing,
			Reason: "with weights of 0 the sum is 0 for every response: there is nothing to learn from",
			Remedy: "give at least one reward a weight above 0 from step 0",
		},
		{
			ID: "final-rate-above", Severity: Error, Title: "a learning rate falls to its end", check: finalRateAbove,
			Reason: "a schedule that decays to something higher raises the rate to the end",
			Remedy: "put final_learning_rate below learning_rate, or leave it out: a tenth",
		},
		{
			ID: "warmup-to-the-end", Severity: Error, Title: "warm-up ends before the training does", check: warmupToTheEnd,
			Reason: "the learning rate never reaches its value",
			Remedy: "lower warmup_steps below steps",
		},
		{
			ID: "learning-rate-high", Severity: Warning, Title: "the learning rate is usual for the size of the model", check: learningRateHigh,
			Reason: "published RL on models above 100M parameters uses up to 1e-5, SFT up to 2e-4; far above, training diverges",
			Remedy: "lower learning_rate, or watch it with the guard loss or reward-collapse set to stop",
		},
		{
			ID: "no-checkpoint", Severity: Warning, Title: "a job saves something before its end", check: noCheckpoint,
			Reason: "without a checkpoint a preemption or a lost machine takes the job back to its beginning",
			Remedy: "lower checkpoint_steps below the steps of a phase",
		},
		{
			ID: "refresh-never", Severity: Note, Title: "the reference is refreshed at least once", check: refreshNever,
			Reason: "reference_refresh_steps from steps on makes one phase: the reference stays the starting model",
			Remedy: "lower reference_refresh_steps, or leave it out",
		},
		{
			ID: "student-larger", Severity: Warning, Title: "a student is smaller than its teacher", check: studentLarger,
			Reason: "distillation passes on what the teacher can; a larger student gains from data of its own",
			Remedy: "take a smaller student, or the larger model as the recipe's base",
		},
		{
			ID: "sampled-shorter", Severity: Note, Title: "responses are given the room that they were trained with", check: sampledShorter,
			Reason: "a model that learnt to think at length is cut, and cut responses count as wrong",
			Remedy: "raise max_tokens to that of the stage that trained the model",
		},
		{
			ID: "permuted-rewards", Severity: Warning, Title: "a stage with permuted rewards is a control", check: permutedRewards,
			Reason: "its rewards say nothing; a model from it is for comparison only",
			Remedy: "set permute_rewards: false, or do not train on with its model",
		},
	}
}

// context is how long a text a part makes or reads, at most.
func context(c *checker, tell func(p part, tokens, positions int64, exact bool)) {
	for _, p := range c.parts {
		if !p.is(r1.KindGRPO, r1.KindSample, r1.KindEvaluate, r1.KindSFT, r1.KindDistill, r1.KindRewardModel) {
			continue
		}
		m, ok := c.model(p)
		if ok && m.Positions > 0 && p.most() > m.Positions {
			tell(p, p.most(), m.Positions, m.Exact)
		}
	}
}

func contextLength(c *checker) {
	context(c, func(p part, tokens, positions int64, exact bool) {
		if exact {
			c.found(p, at("max_tokens"), "up to %d tokens, and the model has %d positions", tokens, positions)
		}
	})
}

func contextLengthCard(c *checker) {
	context(c, func(p part, tokens, positions int64, exact bool) {
		if !exact {
			name := p.student
			if name == "" {
				name = "the model"
			}
			c.found(p, at("max_tokens"), "up to %d tokens, and %s has %d positions as published", tokens, name, positions)
		}
	})
}

// memory looks at each part whose model and site are known: what it needs at least and about, in bytes.
func memory(c *checker, tell func(p part, m estimate.Model, least float64, about estimate.Range)) {
	for _, p := range c.parts {
		if c.facts.memory() == 0 || !p.is(r1.KindGRPO, r1.KindSample, r1.KindEvaluate, r1.KindSFT, r1.KindDistill, r1.KindRewardModel) {
			continue
		}
		if m, ok := c.model(p); ok {
			tell(p, m, estimate.LeastMemory(p.kind(), m), estimate.Memory(p.kind(), m))
		}
	}
}

const gib = 1 << 30

func memoryFit(c *checker) {
	memory(c, func(p part, m estimate.Model, least float64, _ estimate.Range) {
		if least > c.facts.memory() {
			c.found(p, nil, "%s with a model of %s parameters needs at least %.0f GiB, and %s", p.kind(), r1.Number(m.Total), least/gib, c.has())
		}
	})
}

func memoryTight(c *checker) {
	memory(c, func(p part, m estimate.Model, least float64, about estimate.Range) {
		if have := c.facts.memory(); least <= have && about.Likely > have {
			c.found(p, nil, "%s with a model of %s parameters needs about %.0f GiB (%.0f to %.0f), and %s",
				p.kind(), r1.Number(m.Total), about.Likely/gib, about.Low/gib, about.High/gib, c.has())
		}
	})
}

// has says what a job may have.
func (c *checker) has() string {
	m := c.facts.Accelerators
	return fmt.Sprintf("the site gives it %d × %s with %g GiB", m.Count, m.Accelerator, m.MemoryGiB)
}

func rewardsWeighNothing(c *checker) {
	for _, p := range c.parts {
		if !p.is(r1.KindGRPO) {
			continue
		}
		sum := 0.0
		for _, reward := range p.maps("rewards") {
			w, _ := reward["weight"].(float64)
			sum += math.Abs(w)
		}
		if sum == 0 {
			c.found(p, at("rewards"), "every reward has the weight 0")
		}
	}
}

func finalRateAbove(c *checker) {
	for _, p := range c.parts {
		if p.params["final_learning_rate"] != nil && p.number("final_learning_rate") > p.number("learning_rate") {
			c.found(p, at("final_learning_rate"), "%g is above learning_rate %g", p.number("final_learning_rate"), p.number("learning_rate"))
		}
	}
}

func warmupToTheEnd(c *checker) {
	for _, p := range c.parts {
		if p.is(r1.KindGRPO) && p.whole("warmup_steps") >= p.whole("steps") {
			c.found(p, at("warmup_steps"), "%d of %d steps are warm-up", p.whole("warmup_steps"), p.whole("steps"))
		}
	}
}

func learningRateHigh(c *checker) {
	const large = 100e6 // parameters
	for _, p := range c.parts {
		m, ok := c.model(p)
		if !ok || m.Total < large {
			continue
		}
		usual := map[r1.Kind]float64{r1.KindGRPO: 1e-5, r1.KindSFT: 2e-4, r1.KindDistill: 2e-4, r1.KindRewardModel: 1e-4}[p.kind()]
		if rate := p.number("learning_rate"); usual > 0 && rate > usual {
			c.found(p, at("learning_rate"), "%g for a model of %s parameters; usual is up to %g", rate, r1.Number(m.Total), usual)
		}
	}
}

func noCheckpoint(c *checker) {
	for _, p := range c.parts {
		if !p.is(r1.KindGRPO) {
			continue
		}
		phase := p.whole("steps")
		if refresh := p.whole("reference_refresh_steps"); refresh > 0 {
			phase = min(phase, refresh)
		}
		if every := p.whole("checkpoint_steps"); every > phase {
			c.found(p, at("checkpoint_steps"), "a checkpoint every %d steps, and a job has %d", every, phase)
		}
	}
}

func refreshNever(c *checker) {
	for _, p := range c.parts {
		if refresh := p.whole("reference_refresh_steps"); refresh > p.whole("steps") {
			c.found(p, at("reference_refresh_steps"), "%d, and there are %d steps", refresh, p.whole("steps"))
		}
	}
}

func studentLarger(c *checker) {
	for _, p := range c.parts {
		student, ok := c.model(p)
		if !ok || !p.is(r1.KindDistill) {
			continue
		}
		for _, f := range c.flows(p.inputs["data"]) {
			if f.sample == nil {
				continue
			}
			if teacher, known := c.model(*f.sample); known && student.Total > teacher.Total {
				c.found(p, at("source"), "%s parameters, and the teacher of stage %s has %s", r1.Number(student.Total), f.sample.stage.Name, r1.Number(teacher.Total))
			}
		}
	}
}

func sampledShorter(c *checker) {
	for _, p := range c.parts {
		ref, ok := p.start()
		trained := c.maker(ref)
		if !ok || trained == nil || !trained.is(r1.KindGRPO) || !p.is(r1.KindSample, r1.KindEvaluate) {
			continue
		}
		if p.most() < trained.most() {
			c.found(p, at("max_tokens"), "%d tokens, and stage %s trained the model with up to %d", p.most(), trained.stage.Name, trained.most())
		}
	}
}

func permutedRewards(c *checker) {
	for _, p := range c.parts {
		ref, ok := p.start()
		trained := c.maker(ref)
		if ok && trained != nil && trained.params["permute_rewards"] == true && !p.is(r1.KindEvaluate) {
			c.found(p, []string{"inputs"}, "it goes on from stage %s, whose rewards are permuted", trained.stage.Name)
		}
	}
}

// runRules are about how the run as a whole goes.
func runRules() []Rule {
	return []Rule{
		{
			ID: "no-seed", Severity: Note, Title: "the recipe has a seed", check: noSeed,
			Reason: "every random choice comes from it; without one it is 0, as in every other recipe without one",
			Remedy: "add seed: 17",
		},
		{
			ID: "no-retries", Severity: Warning, Title: "a lost machine is tried again", check: noRetries,
			Reason: "with no attempts left for infrastructure, one lost node fails the run",
			Remedy: "leave retries.infrastructure out, or set it to at least 1",
		},
		{
			ID: "guard-off", Severity: Note, Title: "training is watched", check: guardOff,
			Reason: "a constant reward or a collapse is among the most common failures, and costs the whole run when nobody looks",
			Remedy: "set the guard to warn, stop or roll-back",
		},
		{
			ID: "model-unmeasured", Severity: Note, Title: "a trained model is measured", check: modelUnmeasured,
			Reason: "what a stage changed cannot be told without an evaluation of what it made",
			Remedy: "add an evaluate stage that reads it",
		},
		{
			ID: "few-samples", Severity: Note, Title: "an evaluation has samples enough for its noise", check: fewSamples,
			Reason: "with one sample a problem there is no majority vote and no pass@k, and intervals are wide",
			Remedy: "raise samples_per_prompt (the paper: 4 to 64)",
		},
	}
}

func noSeed(c *checker) {
	if p := c.recipe.Place("seed"); c.recipe.Seed == 0 && len(c.parts) > 0 {
		c.findings = append(c.findings, Finding{Rule: c.rule.ID, Severity: c.rule.Severity, Place: p, Text: "the seed is 0", Remedy: c.rule.Remedy})
	}
}

func noRetries(c *checker) {
	r := c.recipe.Retries
	if r == nil || r.Infrastructure == nil || *r.Infrastructure > 0 {
		return
	}
	c.findings = append(c.findings, Finding{
		Rule: c.rule.ID, Severity: c.rule.Severity, Place: c.recipe.Place("retries", "infrastructure"), Remedy: c.rule.Remedy,
		Text: "no further attempt after a lost agent, machine or store",
	})
}

func guardOff(c *checker) {
	for _, p := range c.parts {
		guards, _ := p.params["guards"].(map[string]any)
		for _, name := range sortedKeys(guards) {
			if g, _ := guards[name].(map[string]any); g["do"] == "off" {
				c.found(p, at("guards", name), "the guard %s is off", name)
			}
		}
	}
}

func modelUnmeasured(c *checker) {
	measured := map[string]bool{}
	for _, p := range c.parts {
		if p.is(r1.KindEvaluate) {
			measured[p.inputs["model"].String()] = true
		}
	}
	for _, p := range c.parts {
		if p.is(r1.KindGRPO, r1.KindSFT, r1.KindDistill) && !measured[p.output("model").String()] {
			c.found(p, nil, "no evaluate stage reads %s", p.output("model"))
		}
	}
}

func fewSamples(c *checker) {
	for _, p := range c.parts {
		if p.is(r1.KindEvaluate) && p.whole("samples_per_prompt") == 1 {
			c.found(p, at("samples_per_prompt"), "%s sample a problem", strconv.Itoa(1))
		}
	}
}
