package lint

import "github.com/r1ctl/r1ctl/internal/r1"

// vllmRules are about stages that sample with vLLM.
func vllmRules() []Rule {
	return []Rule{
		{
			ID: "vllm-gpus", Severity: Error, Title: "vLLM shares a model among GPUs that a job has", check: vllmGPUs,
			Reason: "the engine would not start with fewer GPUs than tensor_parallel_size, after its time in the queue",
			Remedy: "lower vllm.tensor_parallel_size, or raise what a job gets: gpus of a Slurm site, else site.accelerators",
		},
		{
			ID: "vllm-heads", Severity: Error, Title: "tensor_parallel_size divides the model's attention heads", check: vllmHeads,
			Reason: "each GPU computes the same number of heads; the engine refuses anything else",
			Remedy: "take a tensor_parallel_size that divides them, most often 1, 2, 4 or 8",
		},
		{
			ID: "vllm-length", Severity: Error, Title: "max_model_len fits a context that is known", check: vllmLength,
			Reason: "a trainer refuses an engine longer than the model's positions, after the machine was waited for",
			Remedy: "lower vllm.max_model_len, or leave it out: the model's positions",
		},
	}
}

// vllm looks at each part that samples with vLLM: its engine's arguments.
func vllm(c *checker, look func(p part, engine part)) {
	for _, p := range c.parts {
		if generator, _ := p.params["generator"].(string); p.is(r1.KindSample, r1.KindEvaluate) && generator == r1.VLLM {
			engine, _ := p.params["vllm"].(map[string]any)
			look(p, part{stage: p.stage, params: engine})
		}
	}
}

func vllmGPUs(c *checker) {
	vllm(c, func(p, engine part) {
		have, want := int64(c.facts.Accelerators.Count), engine.whole("tensor_parallel_size")
		if have > 0 && want > have {
			c.found(p, at("vllm", "tensor_parallel_size"), "the model is shared among %d GPUs, and %s", want, c.has())
		}
	})
}

func vllmHeads(c *checker) {
	vllm(c, func(p, engine part) {
		m, ok := c.model(p)
		if gpus := engine.whole("tensor_parallel_size"); ok && gpus > 0 && m.Heads%gpus != 0 { // unknown heads are 0
			c.found(p, at("vllm", "tensor_parallel_size"), "%d does not divide the model's %d attention heads", gpus, m.Heads)
		}
	})
}

func vllmLength(c *checker) {
	vllm(c, func(p, engine part) {
		m, ok := c.model(p)
		if length := engine.whole("max_model_len"); ok && m.Exact && m.Positions > 0 && length > m.Positions {
			c.found(p, at("vllm", "max_model_len"), "%d tokens, and the model has %d positions", length, m.Positions)
		}
	})
}
