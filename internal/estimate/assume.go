package estimate

// An Assumption is a figure that no recipe holds, with where it comes from.
type Assumption struct {
	Name   string `json:"name"`
	Value  Range  `json:"value"`
	Source string `json:"source"`
}

// Assumptions are every figure of the estimate that is neither in the recipe nor in
// a model's files.
func Assumptions() []Assumption {
	return []Assumption{length, prompt, training, generating, startGPU, startCPU, weights, state, activations, cache, keep, bytesToken, fetching}
}

var (
	length = Assumption{"mean length of a response, as a share of max_tokens", Between(0.1, 0.3, 0.9),
		"ours: responses are cut at max_tokens, which is set with room; runs of the past replace it"}
	prompt = Assumption{"tokens of a prompt, at most half of max_tokens", Between(60, 128, 420),
		"means of math, STEM and logic prompts, 122 to 420 tokens: DeepSeek-R1, B.3.1"}
	training = Assumption{"share of an accelerator's peak in training and log-probabilities", Between(0.2, 0.35, 0.5),
		"ours: published dense training reaches 0.3 to 0.5, mixtures of experts and long contexts less"}
	generating = Assumption{"the same in generation", Between(0.02, 0.06, 0.15),
		"ours: decoding is bound by memory, so it takes a fraction of the peak"}
	startGPU = Assumption{"seconds of a job on accelerators before its first step", Between(60, 300, 1200),
		"ours: image, weights and compilation"}
	startCPU = Assumption{"the same on a CPU, for a tiny model", Between(2, 4, 10), "measured on this project's laptop profile: docs/trl-on-cpu.md"}
	weights  = Assumption{"bytes a parameter in a stored model", Between(2, 2, 4), "bfloat16; float32 at most"}
	state    = Assumption{"bytes a parameter of optimizer state", Between(8, 12, 16), "AdamW: two float32 moments, and float32 weights where training is mixed"}

	activations = Assumption{"memory beyond weights, gradients and optimizer, as a factor", Between(1.1, 1.3, 2),
		"ours: with gradient checkpointing; more at long contexts"}
	cache = Assumption{"memory beyond weights in generation, as a factor", Between(1.1, 1.3, 2), "ours: the cache of keys and values"}
	keep  = Assumption{"share of rows that a curate step keeps", Between(0, 0, 1), "ours, by step: see the table of steps; a funnel of the past replaces it"}

	fetching = Assumption{"bytes a second of a model that is fetched or published", Between(50e6, 300e6, 2e9), "ours: it depends on your network"}

	bytesToken = Assumption{"bytes a token of stored text", Between(3, 4.5, 8), "JSON lines with metadata; about four bytes a token of English"}
)

// keeps are the shares of rows that a curate step keeps.
func keeps(step string) (Range, bool) {
	switch step {
	case "correct":
		return Between(0.15, 0.5, 0.9), true
	case "finished":
		return Between(0.7, 0.95, 1), true
	case "format":
		return Between(0.5, 0.9, 1), true
	case "language":
		return Between(0.7, 0.95, 1), true
	case "repetition", "repeated-lines", "loop", "paragraph", "code-block", "length", "truncated", "readable", "leakage", "refusal", "pii":
		return Between(0.7, 0.95, 1), true
	case "behaviours":
		return Between(0.1, 0.6, 1), true
	case "pass-rate":
		return Between(0.2, 0.5, 0.9), true
	case "dedup", "near-dedup":
		return Between(0.5, 0.95, 1), true
	case "decontaminate", "paraphrase", "similar": // similar with keep: near the others
		return Between(0.8, 0.99, 1), true
	case "review", "take-response", "judged", "safety", "same-problem":
		return Between(0.5, 0.9, 1), true
	case "nearest": // with keep: far the others
		return Between(0.02, 0.5, 1), true
	case "ask":
		return Between(0.05, 1, 1), true
	case "compare-pairs":
		return Between(0.2, 0.5, 1), true
	case "preference": // four judgements a pair
		return Between(0.05, 0.12, 0.25), true
	case "refine", "shuffle":
		return Exactly(1), true
	}
	return Between(0.5, 0.9, 1), false // a step that is not known here
}

// A Machine is where jobs run. The zero Machine is a CPU.
type Machine struct {
	Accelerator string  `json:"accelerator,omitempty"`
	Count       int     `json:"count,omitempty"` // 0: as many as the largest job needs
	MemoryGiB   float64 `json:"memory_gib,omitempty"`
	TFLOPS      float64 `json:"tflops"` // dense bfloat16 peak of one
	Source      string  `json:"source"`
	Slots       int     `json:"slots"` // jobs side by side
}

// cpuTFLOPS is what one core does at its best on a model of 150,000 parameters.
const cpuTFLOPS = 0.05

// MachineOf knows accelerators by name; ok is false for another name. An empty name is a CPU.
func MachineOf(name string) (Machine, bool) {
	const sheet = "the vendor's data sheet: dense bfloat16, without sparsity"
	switch name {
	case "":
		return Machine{TFLOPS: cpuTFLOPS, Source: "ours: one core, fitted to the laptop profile"}, true
	case "A100":
		return Machine{Accelerator: name, MemoryGiB: 80, TFLOPS: 312, Source: sheet}, true
	case "H100", "H800":
		return Machine{Accelerator: name, MemoryGiB: 80, TFLOPS: 989, Source: sheet}, true
	case "H200":
		return Machine{Accelerator: name, MemoryGiB: 141, TFLOPS: 989, Source: sheet}, true
	case "L40S":
		return Machine{Accelerator: name, MemoryGiB: 48, TFLOPS: 362, Source: sheet}, true
	}
	return Machine{}, false
}

// Accelerators are the names that MachineOf knows.
func Accelerators() []string { return []string{"A100", "H100", "H200", "H800", "L40S"} }
