package recipes

// A Mistake is one thing that is wrong with the text of a recipe. Rule is a stable
// name of what it breaks (MistakeRules); a mistake of no rule in particular is "recipe".
type Mistake struct {
	Rule  string `json:"rule"`
	Place Place  `json:"place"`
	Text  string `json:"text"`
}

// Invalid is the error of a recipe with mistakes, in the order of their lines. It
// wraps the r1.Error recipe-invalid, which tells them to people.
type Invalid struct {
	Mistakes []Mistake
	err      error
}

func (e *Invalid) Error() string { return e.err.Error() }
func (e *Invalid) Unwrap() error { return e.err }

// A MistakeRule is a rule that loading a recipe enforces.
type MistakeRule struct{ Name, Title, Reason, Remedy string }

// MistakeRules lists the rules that loading enforces by name. What breaks one of them
// keeps a recipe from being read at all.
func MistakeRules() []MistakeRule {
	return []MistakeRule{
		{"recipe", "the file is a recipe", "what cannot be read cannot be planned", "correct the line; docs/recipes.md shows the form"},
		{"unknown-key", "no unknown keys", "a key that is misspelt would be ignored, and a default used in its place",
			"take the key that is suggested, or move it to where it belongs"},
		{"key-missing", "required keys are there", "there is no default that would be right", "add the key"},
		{"value-shape", "values are of their type and range", "a trainer would fail on it, or worse, would not", "write what is expected"},
		{"unknown-name", "kinds, steps, rewards and templates exist", "a name that nothing has stands for nothing", "take one of the names that are listed"},
		{"defined-twice", "names are unique", "one of the two would be lost without a word", "rename or remove one"},
		{"template-form", "a template has a place for the question, or is the chat template",
			"the question would not reach the model", "put {prompt} where the question goes"},
		{"sample-model", "what is sampled is an input, or a model at an endpoint", "two models contradict each other, and none answers nothing",
			"keep one: the input model, or the parameters endpoint and model"},
		{"generator", "what samples a model is one thing, and its arguments fit it", "arguments of what does not run would be ignored, and a length without room fails",
			"set generator: vllm for the arguments in vllm, and give max_model_len the room of a prompt"},
		{"reference", "inputs name outputs that are there", "the stage would wait for something that nobody makes", "name an output of a stage as STAGE.OUTPUT"},
		{"reference-role", "inputs are of the right role", "a data set is no model", "name an output of the role that is expected"},
		{"cycle", "stages do not wait for each other", "none of them could ever begin", "remove one of the edges named"},
		{
			"batch-multiple",
			"a rollout is a multiple of questions_per_step × group_size, and phases and checkpoints of a rollout's steps",
			"a trainer would stop on the first batch, or a checkpoint would lie inside a rollout", "make the number a multiple of what is named",
		},
		{"shares-sum", "shares of domains sum to 1", "otherwise the mix is not the one written", "correct the shares"},
		{"until-step", "changes come in order and before the end", "what begins after the last step never begins", "order until_step and from_step below steps"},
		{"reward-model-missing", "a preference reward has its reward models", "the reward would be null for every response", "add the input helpful or safety"},
		{"no-rows", "a curate stage has rows", "an empty data set trains nothing", "add an input or a source"},
		{"student-start", "a student has one start", "two starts contradict each other", "keep one of source, architecture and the input student"},
		{"student-tokenizer", "a student from random weights has a tokenizer", "random weights come without one", "add the input tokenizer"},
	}
}
