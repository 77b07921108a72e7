package recipes

import (
	"slices"

	"github.com/r1ctl/r1ctl/internal/r1"
)

// A role is an artifact type, with the two sorts of models told apart.
type role string

const (
	roleModel  role = "language model"
	roleReward role = "reward model"
	roleData   role = "dataset"
	roleReport role = "report"
	rolePublic role = "publication"
)

func (r role) artifactType() r1.ArtifactType {
	switch r {
	case roleData:
		return r1.TypeDataset
	case roleReport:
		return r1.TypeReport
	case rolePublic:
		return r1.TypePublication
	default:
		return r1.TypeModel
	}
}

// An input is an artifact a kind reads.
type input struct {
	name     string
	role     role
	required bool
	doc      string
	inert    bool // does not bear on the result: it is read to report by
}

// A kind is the schema of a stage kind.
type kind struct {
	name   r1.Kind
	doc    string
	inputs []input
	// anyInput lets a stage name its inputs itself; all are of that role.
	anyInput role
	output   string // the name of the one output; distill has one a student
	makes    role
	params   []field
	// derive fills in defaults that depend on other parameters.
	derive func(p map[string]any)
	// check looks at a whole stage; it is called when each part alone is right.
	check func(d *decoder, s *rawStage)
}

// kinds lists the schema of every kind. It is built on each call: there is no
// state to share, and a recipe is loaded once.
func kinds() []kind {
	positive := number{above: true}
	templateField := field{name: "template", shape: template{}, required: true, doc: "renders the prompts"}
	temperature := func(value float64) field {
		return field{name: "temperature", shape: positive, value: value, doc: "of sampling"}
	}
	topP := func(value float64) field {
		return field{name: "top_p", shape: number{above: true, max: 1}, value: value, doc: "nucleus of sampling"}
	}
	maxTokens := func(doc string) field {
		return field{name: "max_tokens", shape: whole{1}, required: true, doc: doc}
	}
	batch := field{name: "batch_size", shape: whole{1}, required: true, doc: "rows an optimizer step"}
	atOnce := field{name: "batch_size", shape: whole{1}, value: int64(64), inert: true, doc: "responses generated at once"}
	rate := field{name: "learning_rate", shape: positive, required: true, doc: "peak"}
	samples := field{name: "samples_per_prompt", shape: whole{1}, required: true, doc: "responses a prompt"}
	scored := func(preference bool) field {
		return field{
			name: "rewards", shape: rewards([]field{rewardDomains}, preference), doc: "computed and stored",
			value: []any{map[string]any{"name": "accuracy"}},
		}
	}
	start := input{name: "model", role: roleModel, required: true, doc: "starts here"}
	helpful := input{name: "helpful", role: roleReward, doc: "scores domain general in a preference reward"}
	safety := input{name: "safety", role: roleReward, doc: "scores domain safety in a preference reward"}
	optimizer := []field{
		{name: "warmup_steps", shape: whole{0}, value: int64(0), doc: "linear, from 0"},
		{name: "weight_decay", shape: number{}, value: 0.0, doc: "of AdamW"},
		{name: "max_grad_norm", shape: number{}, value: 1.0, doc: "gradients are clipped to it; 0 does not clip"},
	}
	decay, clipping := optimizer[1], optimizer[2]
	finalRate := field{name: "final_learning_rate", shape: number{}, doc: "where the schedule ends; default a tenth of learning_rate"}
	beta := field{name: "kl_beta", shape: number{}, value: 0.001, doc: "weight of the KL term in the loss"}
	epsilon := field{name: "clip_epsilon", shape: positive, value: 0.2, doc: "the ratio is clipped to 1 ± it"}
	checkpoints := field{name: "checkpoint_steps", shape: whole{1}, value: int64(100), inert: true, doc: "steps between checkpoints"}
	tuning := append([]field{
		templateField,
		{name: "epochs", shape: positive, required: true, doc: "passes over the data"},
		rate,
		finalRate,
		{name: "schedule", shape: enum{"cosine", "linear", "constant"}, value: "cosine", doc: "of the learning rate"},
		batch,
		maxTokens("prompt and response; longer rows are left out"),
		checkpoints,
		guards(tuningGuards, rate, finalRate, decay, clipping),
	}, optimizer...)
	architecture := object{what: "an architecture", check: checkArchitecture, fields: []field{
		{name: "hidden_size", shape: whole{1}, required: true, doc: "width"},
		{name: "layers", shape: whole{1}, required: true, doc: "depth"},
		{name: "heads", shape: whole{1}, required: true, doc: "attention heads; they divide hidden_size"},
		{name: "intermediate_size", shape: whole{1}, required: true, doc: "width of the feed-forward layers"},
	}}
	source := field{name: "source", shape: modelAddress, doc: "a model from outside"}

	return []kind{
		{
			name: r1.KindBase, doc: "obtain or pre-train the starting model", output: "model", makes: roleModel, check: checkBase,
			inputs: []input{{name: "corpus", role: roleData, doc: "rows of text, with `pretrain`"}},
			params: []field{source, {name: "pretrain", doc: "train from random weights, instead of source", shape: object{fields: []field{
				{name: "architecture", shape: architecture, required: true, doc: "of the model"},
				{name: "steps", shape: whole{1}, required: true, doc: "optimizer steps"},
				batch, rate, maxTokens("a row"),
			}}}},
		},
		{
			name: r1.KindGRPO, doc: "RL with verifiable and model rewards", output: "model", makes: roleModel,
			derive: deriveGRPO, check: checkGRPO,
			inputs: []input{
				{name: "policy", role: roleModel, required: true, doc: "starts here; also the first reference"},
				{name: "prompts", role: roleData, required: true, doc: "problems"},
				{name: "problems", role: roleData, inert: true, doc: "held-out problems, to measure by while it trains"},
				helpful, safety,
			},
			params: append([]field{
				templateField,
				{name: "steps", shape: whole{1}, required: true, planOnly: true, doc: "optimizer steps"},
				{name: "reference_refresh_steps", shape: whole{1}, planOnly: true, doc: "the reference becomes the newest policy so often; each phase is a job"},
				rate,
				beta,
				epsilon,
				{name: "group_size", shape: whole{2}, required: true, doc: "responses a question"},
				{name: "questions_per_step", shape: whole{1}, required: true, doc: "times group_size is the batch"},
				{name: "rollout_outputs", shape: whole{1}, doc: "responses generated at once, a multiple of the batch; default one batch"},
				{name: "inner_epochs", shape: whole{1}, value: int64(1), doc: "passes over a rollout"},
				temperature(1), topP(1),
				{name: "max_tokens", shape: tokenLimit, required: true, doc: "a response; a number, or a list of `{until_step, tokens}` for one that changes"},
				{name: "rewards", shape: rewards(rewardWeights, true), required: true, doc: "summed by weight"},
				{name: "domains", shape: domainMix, doc: "share of each domain in the questions of a step, or a list of `{until_step, shares}`; default as the prompts come"},
				{name: "loss", shape: enum{"grpo", "dapo", "dr_grpo"}, value: "grpo", doc: "how token losses are averaged"},
				{name: "checkpoint_steps", shape: whole{1}, inert: true, doc: "steps between checkpoints, a multiple of a rollout's steps; default about 20"},
				{name: "evaluate_steps", shape: whole{1}, inert: true, doc: "with input problems: steps between evaluations"},
				{name: "evaluate_samples", shape: whole{1}, value: int64(4), inert: true, doc: "responses a problem, then"},
				{name: "evaluate_problems", shape: whole{1}, value: int64(64), inert: true, doc: "at most so many, evenly over the domains"},
				{name: "permute_rewards", shape: boolean{}, value: false, doc: "a control: rewards change places within a rollout, so that they say nothing"},
				guards(rlGuards, rate, beta, epsilon, temperature(1), topP(1), decay, clipping),
			}, optimizer...),
		},
		{
			name: r1.KindSample, doc: "generate responses and verify them", output: "samples", makes: roleData,
			derive: deriveSample, check: checkSample,
			inputs: []input{
				{name: "model", role: roleModel, doc: "is sampled; without it params.endpoint"},
				{name: "prompts", role: roleData, required: true, doc: "problems"},
			},
			params: append([]field{templateField, samples, temperature(1), topP(1), maxTokens("a response"), atOnce, scored(false), shardsField}, slices.Concat(endpointFields, generatorFields)...),
		},
		{
			name: r1.KindCurate, doc: "filter, select, deduplicate, decontaminate, mix", output: "data", makes: roleData,
			anyInput: roleData, check: checkCurate,
			params: []field{
				{name: "sources", doc: "data from outside: `{name, address, …}`, [below](#sources)", shape: list{what: "sources", elem: sourceShape()}},
				{name: "steps", shape: list{what: "steps", elem: curateSteps}, required: true, doc: "what is done to the rows, in order"},
				{name: "format", shape: enum{"jsonl", "jsonl.gz", "jsonl.zst", "parquet"}, inert: true, doc: "of the files of rows; default jsonl"},
				{name: "shard_rows", shape: whole{1}, inert: true, doc: "rows a file; with more there are several"},
				{name: "shard_bytes", shape: whole{1}, inert: true, doc: "bytes of JSON a file; default 2^30"},
			},
		},
		{
			name: r1.KindSFT, doc: "supervised fine-tuning", output: "model", makes: roleModel, derive: deriveTuning,
			inputs: []input{start, {name: "data", role: roleData, required: true, doc: "sft rows"}},
			params: tuning,
		},
		{
			name: r1.KindRewardModel, doc: "a reward model", output: "model", makes: roleReward,
			inputs: []input{start, {name: "data", role: roleData, required: true, doc: "preference or safety rows"}},
			params: append([]field{
				templateField,
				{name: "loss", shape: enum{"pairwise", "pointwise"}, required: true, doc: "for preference, for safety rows"},
				{name: "scope", shape: enum{"response", "summary"}, value: "response", doc: "what it reads: all, or what follows the thinking"},
				{name: "epochs", shape: positive, value: 1.0, doc: "passes over the data"},
				rate, batch, maxTokens("prompt and response; longer rows are left out"), checkpoints, guards(tuningGuards, rate, decay, clipping),
			}, optimizer...),
		},
		{
			name: r1.KindEvaluate, doc: "measure a model", output: "report", makes: roleReport, check: checkEvaluate,
			inputs: []input{
				{name: "model", role: roleModel, required: true, doc: "is measured"},
				{name: "problems", role: roleData, required: true, doc: "held-out problems"},
				helpful, safety,
			},
			params: append([]field{
				templateField, samples, temperature(0.6), topP(0.95), maxTokens("a response"), atOnce, scored(true),
				{name: "greedy", shape: boolean{}, value: false, doc: "one greedy answer a problem besides"},
			}, generatorFields...),
		},
		{
			name: r1.KindDistill, doc: "SFT over a matrix of students", makes: roleModel, derive: deriveTuning, check: checkDistill,
			inputs: []input{
				{name: "data", role: roleData, required: true, doc: "sft rows"},
				{name: "student", role: roleModel, doc: "starts here, without source and architecture"},
				{name: "tokenizer", role: roleModel, doc: "lends its tokenizer and chat template, with architecture"},
			},
			params: append(slices.Clone(tuning),
				source, field{name: "architecture", shape: architecture, doc: "from random weights"}),
		},
		publishKind,
	}
}

// kindOf finds the schema of a kind, or nil.
func kindOf(all []kind, name string) *kind {
	for i := range all {
		if string(all[i].name) == name {
			return &all[i]
		}
	}
	return nil
}

func (k *kind) input(name string) *input {
	if k.anyInput != "" {
		return &input{name: name, role: k.anyInput}
	}
	for i := range k.inputs {
		if k.inputs[i].name == name {
			return &k.inputs[i]
		}
	}
	return nil
}
