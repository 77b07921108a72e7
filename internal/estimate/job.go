package estimate

import (
	"encoding/json"
	"fmt"
	"math"

	"github.com/r1ctl/r1ctl/internal/r1"
)

// params are the parameters that an estimate looks at.
type params struct {
	Source   string `json:"source"`
	Pretrain *struct {
		Architecture shape   `json:"architecture"`
		Steps        float64 `json:"steps"`
		Batch        float64 `json:"batch_size"`
		MaxTokens    float64 `json:"max_tokens"`
	} `json:"pretrain"`
	Architecture *shape          `json:"architecture"`
	MaxTokens    json.RawMessage `json:"max_tokens"`
	Group        float64         `json:"group_size"`
	Questions    float64         `json:"questions_per_step"`
	Inner        float64         `json:"inner_epochs"`
	EvalSteps    float64         `json:"evaluate_steps"`
	EvalSamples  float64         `json:"evaluate_samples"`
	EvalProblems float64         `json:"evaluate_problems"`
	Samples      float64         `json:"samples_per_prompt"`
	Endpoint     string          `json:"endpoint"`
	Shard        *struct {
		Of float64 `json:"of"`
	} `json:"shard"`
	Greedy  bool    `json:"greedy"`
	Epochs  float64 `json:"epochs"`
	Loss    string  `json:"loss"`
	Sources []struct {
		Name    string `json:"name"`
		Address string `json:"address"`
	} `json:"sources"`
	Steps []map[string]any `json:"-"`
	Raw   json.RawMessage  `json:"steps"`
}

type shape struct {
	Hidden       int64 `json:"hidden_size"`
	Layers       int64 `json:"layers"`
	Heads        int64 `json:"heads"`
	Intermediate int64 `json:"intermediate_size"`
}

// model leaves the embeddings out: how many tokens there are, only the tokenizer says.
func (s shape) model() Model {
	of := Shape{Hidden: s.Hidden, Layers: s.Layers, Heads: s.Heads, Intermediate: s.Intermediate, Tied: true}
	return OfShape(of, "architecture in the recipe")
}

func (e *estimator) job(j *r1.PlannedJob) (Job, error) {
	var p params
	if err := json.Unmarshal(j.Params, &p); err != nil {
		return Job{}, err
	}
	if j.Kind == r1.KindCurate {
		if err := json.Unmarshal(p.Raw, &p.Steps); err != nil {
			return Job{}, err
		}
	}
	out := Job{Stage: j.Stage, Job: j.Name, Kind: j.Kind}
	made := artifact{}
	switch j.Kind {
	case r1.KindBase:
		made = e.base(j, p, &out)
	case r1.KindGRPO:
		made = e.grpo(j, p, &out)
	case r1.KindSample, r1.KindEvaluate:
		if len(j.Join) == 0 {
			made = e.sample(j, p, &out)
			break
		}
		whole := out
		made = e.sample(j, p, &whole)
		out.RowsIn, out.RowsOut, out.Formula = whole.RowsIn, whole.RowsOut, "joined, not computed"
		out.Seconds, out.Hours = Exactly(1), Exactly(0)
	case r1.KindCurate:
		made = e.curate(j, p, &out)
	case r1.KindSFT, r1.KindDistill, r1.KindRewardModel:
		made = e.tune(j, p, &out)
	case r1.KindPublish:
		e.publish(j, &out)
		e.correct(&out, &made)
		return out, nil
	}
	e.correct(&out, &made)
	for _, o := range j.Outputs {
		e.outputs[r1.OutputRef{Stage: j.Stage, Job: j.Name, Output: o.Name}] = made
	}
	e.store(j, &out, made)
	return out, nil
}

// input is what is known of an input; the zero artifact where there is none.
func (e *estimator) input(j *r1.PlannedJob, names ...string) artifact {
	for _, name := range names {
		if ref, ok := j.Inputs[name]; ok {
			return e.outputs[ref]
		}
	}
	return artifact{}
}

// model is the one that a job starts from.
func (e *estimator) model(j *r1.PlannedJob, p params) *Model {
	switch {
	case p.Source != "" && e.opts.Model != nil:
		if m, ok := e.opts.Model(p.Source); ok {
			return &m
		}
		return nil
	case p.Architecture != nil:
		m := p.Architecture.model()
		return &m
	}
	return e.input(j, "policy", "model", "student").model
}

const noSize = "the size of the model is not known (its address names none)"

// most is max_tokens at a step.
func (p params) most(step int) float64 {
	var one float64
	if json.Unmarshal(p.MaxTokens, &one) == nil {
		return one
	}
	var list []struct {
		Until  *int    `json:"until_step"`
		Tokens float64 `json:"tokens"`
	}
	if json.Unmarshal(p.MaxTokens, &list) != nil {
		return 0
	}
	for _, e := range list {
		if e.Until == nil || step < *e.Until {
			return e.Tokens
		}
	}
	return 0
}

// response and prompted are the tokens of a response, and of its prompt.
func response(most float64) Range { return length.Value.Scale(most) }
func prompted(most float64) Range { return prompt.Value.AtMost(most / 2) }

func (e *estimator) base(j *r1.PlannedJob, p params, out *Job) artifact {
	if p.Pretrain == nil {
		m := e.model(j, p)
		if m == nil {
			out.Unknown = noSize
			return artifact{}
		}
		out.Parameters = m.Total
		out.Formula = "fetched, not computed; " + m.Source
		out.Seconds, out.Hours = startCPU.Value, Exactly(0)
		if !m.Exact {
			bytes := weights.Value.Scale(m.Total)
			out.Seconds = out.Seconds.Plus(Between(bytes.Low/fetching.Value.High, bytes.Likely/fetching.Value.Likely, bytes.High/fetching.Value.Low))
		}
		return artifact{model: m}
	}
	m := p.Pretrain.Architecture.model()
	out.Parameters = m.Total
	out.Tokens = Exactly(p.Pretrain.Steps * p.Pretrain.Batch * p.Pretrain.MaxTokens)
	out.Formula = "6 × parameters × steps × batch × max_tokens"
	out.Memory = Memory(j.Kind, m)
	e.place(out, out.Tokens.Scale(6*m.Active), Exactly(0))
	return artifact{model: &m}
}

// Memory is what a job of a kind holds of a model at once, in bytes, over all accelerators: in training
// weights and gradients in bfloat16, optimizer state, activations, and in RL the reference and the copy
// that generates; in generation weights and cache.
func Memory(k r1.Kind, m Model) Range {
	switch k {
	case r1.KindSample, r1.KindEvaluate:
		return cache.Value.Scale(2 * m.Total)
	case r1.KindGRPO:
		return trainMemory(m, 2)
	}
	return trainMemory(m, 0)
}

// LeastMemory is what no trainer can do without: weights, and in training their gradients, in bfloat16.
func LeastMemory(k r1.Kind, m Model) float64 {
	if k == r1.KindSample || k == r1.KindEvaluate {
		return 2 * m.Total
	}
	return 4 * m.Total
}

func trainMemory(m Model, copies float64) Range {
	return state.Value.Plus(Exactly(4 + 2*copies)).Scale(m.Total).Times(activations.Value)
}

func (e *estimator) grpo(j *r1.PlannedJob, p params, out *Job) artifact {
	m := e.model(j, p)
	if m == nil {
		out.Unknown = noSize
		return artifact{}
	}
	out.Parameters = m.Total
	batch := p.Questions * p.Group
	generated, seen := Exactly(0), Exactly(0)
	for step := j.FromStep; step < j.ToStep; step++ {
		most := p.most(step)
		answers := response(most).Scale(batch)
		generated = generated.Plus(answers.Scale(1 / math.Max(1, p.Inner)))
		seen = seen.Plus(answers.Plus(prompted(most).Scale(batch)))
	}
	out.Formula = fmt.Sprintf("%d steps × %.0f responses × length; "+
		"2 × active parameters a token generated, 6 trained on, 4 for the log-probabilities of policy and reference",
		j.ToStep-j.FromStep, batch)
	if held := e.input(j, "problems"); p.EvalSteps > 0 && held.rows.Known {
		times := math.Floor(float64(j.ToStep)/p.EvalSteps) - math.Floor(float64(j.FromStep)/p.EvalSteps) + 1
		generated = generated.Plus(held.rows.AtMost(p.EvalProblems).Scale(times * p.EvalSamples).Times(response(p.most(j.ToStep - 1))))
		out.Formula += fmt.Sprintf("; and %.0f evaluations", times)
	}
	out.RowsIn, out.Tokens = e.input(j, "prompts").rows, generated
	out.Memory = Memory(j.Kind, *m)
	e.place(out, seen.Scale(10*m.Active), generated.Scale(2*m.Active))
	return artifact{model: m}
}

func (e *estimator) sample(j *r1.PlannedJob, p params, out *Job) artifact {
	m, asked := e.model(j, p), e.input(j, "prompts", "problems").rows
	n, most := p.Samples, p.most(0)
	if p.Shard != nil && p.Shard.Of > 0 {
		asked = asked.Scale(1 / p.Shard.Of)
	}
	if p.Greedy {
		n++
	}
	out.RowsIn, out.RowsOut = asked, asked.Scale(n)
	made := artifact{rows: out.RowsOut, asked: asked, tokens: response(most).Plus(prompted(most))}
	switch {
	case p.Endpoint != "":
		out.Tokens = out.RowsOut.Times(response(most))
		out.Unknown = "the endpoint " + p.Endpoint + " computes it: what that takes and costs is not known"
		return made
	case m == nil:
		out.Unknown = noSize
		return made
	case !asked.Known:
		out.Unknown = "how many prompts there are is not known"
	}
	out.Parameters = m.Total
	out.Tokens = out.RowsOut.Times(response(most))
	out.Formula = fmt.Sprintf("prompts × %.0f responses × length × 2 × active parameters", n)
	out.Memory = Memory(j.Kind, *m)
	e.place(out, Exactly(0), out.Tokens.Scale(2*m.Active))
	return made
}

func (e *estimator) tune(j *r1.PlannedJob, p params, out *Job) artifact {
	m, data := e.model(j, p), e.input(j, "data")
	out.RowsIn = data.rows
	if m == nil {
		out.Unknown = noSize
		return artifact{}
	}
	out.Parameters = m.Total
	tokens := data.tokens
	if !tokens.Known {
		tokens = response(p.most(0)).Plus(prompted(p.most(0)))
	}
	texts := 1.0
	if p.Loss == "pairwise" {
		texts = 2
	}
	if !data.rows.Known {
		out.Unknown = "how many rows there are is not known"
	}
	out.Tokens = data.rows.Times(tokens).Scale(p.Epochs * texts)
	out.Formula = fmt.Sprintf("6 × active parameters × rows × %g epochs × tokens a row", p.Epochs)
	out.Memory = Memory(j.Kind, *m)
	e.place(out, out.Tokens.Scale(6*m.Active), Exactly(0))
	return artifact{model: m}
}

// record is what a publication stores: who published what, the card and the provenance.
const record = 16 << 10

// publish moves bytes, and stores next to nothing.
func (e *estimator) publish(j *r1.PlannedJob, out *Job) {
	out.Hours, out.Bytes, out.Formula = Exactly(0), Between(record/4, record/2, record), "moved, not computed"
	m := e.input(j, "model", "reward").model
	if m == nil {
		out.Seconds = Between(1, 2, 60) // rows
		return
	}
	bytes := weights.Value.Scale(m.Total)
	out.Seconds = Exactly(1).Plus(Between(bytes.Low/fetching.Value.High, bytes.Likely/fetching.Value.Likely, bytes.High/fetching.Value.Low))
}

// store says what the outputs take, and the checkpoints while the job runs.
func (e *estimator) store(j *r1.PlannedJob, out *Job, made artifact) {
	out.Bytes = Exactly(0)
	for _, o := range j.Outputs {
		switch {
		case o.Type == r1.TypeModel && made.model != nil:
			out.Bytes = out.Bytes.Plus(weights.Value.Scale(made.model.Total))
		case o.Type == r1.TypeState && made.model != nil:
			out.Bytes = out.Bytes.Plus(state.Value.Scale(made.model.Total))
		case o.Type == r1.TypeDataset || o.Type == r1.TypeReport:
			tokens := made.tokens
			if !tokens.Known {
				tokens = prompt.Value
			}
			out.Bytes = out.Bytes.Plus(made.rows.Times(tokens).Times(bytesToken.Value))
		default:
			out.Bytes = Range{}
		}
	}
	if made.model != nil && out.Compute.Known && out.Compute.Likely > 0 {
		out.Peak = weights.Value.Plus(state.Value).Scale(made.model.Total * float64(e.opts.KeepCheckpoints))
	}
}
