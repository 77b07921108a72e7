package recipes

import (
	"github.com/r1ctl/r1ctl/internal/r1"
)

// generatorFields are the parameters by which a stage says what samples its input
// model. Rows of two generators are draws from the same model, as those of two machines
// are, so they bear on no result.
var generatorFields = []field{
	{name: "generator", shape: enum{"transformers", r1.VLLM}, inert: true, doc: "what samples the input model; vllm wants a GPU, and was not run on one yet; default transformers"},
	{name: "vllm", inert: true, doc: "with generator: vllm: arguments of its engine, under vLLM's names", shape: object{what: "a map of vLLM's arguments", fields: []field{
		{name: "tensor_parallel_size", shape: whole{1}, doc: "GPUs that share the model; default 1"},
		{name: "max_model_len", shape: whole{1}, doc: "prompt and response, at most; default the model's positions"},
		{name: "gpu_memory_utilization", shape: number{above: true, max: 1}, doc: "share of each GPU's memory that vLLM may use; default 0.9"},
		{name: "enable_prefix_caching", shape: boolean{}, doc: "what prompts have in common is computed once; default true"},
		{name: "enforce_eager", shape: boolean{}, doc: "no compilation and no CUDA graphs: slower, and less memory; default false"},
	}}},
}

// checkGenerator looks at the parameters of a generator together.
func checkGenerator(d *decoder, s *rawStage) {
	params, path := lookup(s.node, "params"), s.name+".params"
	generator, _ := s.params["generator"].(string)
	if generator != "" && s.params["endpoint"] != nil {
		d.breaks("generator", at(params, "generator"), path+".generator", "the stage asks an endpoint, which has a generator of its own")
	}
	if s.params["vllm"] != nil && generator != r1.VLLM {
		d.breaks("generator", at(params, "vllm"), path+".vllm", "it goes with generator: vllm")
	}
	engine, _ := s.params["vllm"].(map[string]any)
	most, _ := s.params["max_tokens"].(int64)
	if length, ok := engine["max_model_len"].(int64); ok && length <= most {
		d.breaks("generator", at(lookup(params, "vllm"), "max_model_len"), path+".vllm.max_model_len",
			"%d tokens hold no prompt and a response of max_tokens %d", length, most)
	}
}
