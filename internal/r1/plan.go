package r1

import (
	"encoding/json"
	"slices"
	"strings"
)

// Kind is what a stage does.
type Kind string

// The stage kinds of the recipe.
const (
	KindBase        Kind = "base"         // obtain or pre-train the starting model
	KindGRPO        Kind = "grpo"         // RL with verifiable and model rewards
	KindSample      Kind = "sample"       // generate n responses a prompt, and verify them
	KindCurate      Kind = "curate"       // filter, select, deduplicate, decontaminate, mix
	KindSFT         Kind = "sft"          // supervised fine-tuning
	KindRewardModel Kind = "reward-model" // pairwise or point-wise reward model
	KindEvaluate    Kind = "evaluate"     // measure a model on held-out problems
	KindDistill     Kind = "distill"      // SFT over a matrix of students
	KindPublish     Kind = "publish"      // bring a model or a data set out, to a folder, S3 or the Hub
)

// Kinds lists every kind in the order the paper meets them.
func Kinds() []Kind {
	return []Kind{KindBase, KindGRPO, KindSample, KindCurate, KindSFT, KindRewardModel, KindEvaluate, KindDistill, KindPublish}
}

// Computed says that the worker makes a kind's results itself: nothing is launched, and
// no trainer has a part in them.
func (k Kind) Computed() bool { return k == KindCurate || k == KindPublish }

// ArtifactType is what an artifact is, for contracts between stages.
type ArtifactType string

// The artifact types.
const (
	TypeModel   ArtifactType = "model"   // a Hugging Face directory
	TypeDataset ArtifactType = "dataset" // JSONL files and a funnel.json
	TypeReport  ArtifactType = "report"  // metrics.json and the rows they were computed from
	TypeState   ArtifactType = "state"   // optimizer, scheduler, RNG and data cursor of a trainer
	// TypePublication is the record of what was published: published.json, the card and the provenance.
	TypePublication ArtifactType = "publication"
)

// Plan is a recipe with a profile applied, resolved and fingerprinted: what a
// run will do. It is frozen into the run when the run starts.
type Plan struct {
	Recipe      string `json:"recipe"`
	Profile     string `json:"profile"`
	Description string `json:"description,omitempty"`
	// ProfileDescription says what the profile makes of the recipe.
	ProfileDescription string         `json:"profile_description,omitempty"`
	Seed               int64          `json:"seed"`
	Retries            *Retries       `json:"retries,omitempty"` // the recipe's own; never part of a fingerprint
	Stages             []PlannedStage `json:"stages"`            // in the recipe's order, which is a valid topological order
}

// Stage returns the planned stage of that name, or nil.
func (p *Plan) Stage(name string) *PlannedStage {
	for i := range p.Stages {
		if p.Stages[i].Name == name {
			return &p.Stages[i]
		}
	}
	return nil
}

// PlannedStage is a node of the DAG with the jobs it fans out into.
type PlannedStage struct {
	Name  string       `json:"name"`
	Kind  Kind         `json:"kind"`
	Title string       `json:"title,omitempty"` // one line for people, such as "Reasoning RL (Dev2)"
	Needs []string     `json:"needs,omitempty"` // stages that must be committed first
	Gate  *Gate        `json:"gate,omitempty"`  // what it waits for besides; never part of a fingerprint
	Jobs  []PlannedJob `json:"jobs"`
	// Outputs maps a stage output to the job that makes it.
	Outputs map[string]OutputRef `json:"outputs"`
}

// Gate is what must hold before a stage begins, besides what it needs.
type Gate struct {
	// Approval is a question to a person; the stage waits until it is answered.
	Approval string `json:"approval,omitempty"`
	// Conditions compare numbers of earlier stages, as internal/gate reads them. All
	// must hold.
	Conditions []string `json:"conditions,omitempty"`
	// Otherwise is what happens where one does not hold.
	Otherwise Otherwise `json:"otherwise,omitempty"`
	// Review says that people review the rows of the stage's inputs first.
	Review *ReviewGate `json:"review,omitempty"`
}

// String says what it waits for.
func (g Gate) String() string {
	parts := slices.Clone(g.Conditions)
	if g.Otherwise == OtherwiseFail {
		parts = append(parts, "or the stage fails")
	}
	if g.Approval != "" {
		parts = append(parts, g.Approval)
	}
	if g.Review != nil {
		parts = append(parts, g.Review.String())
	}
	return strings.Join(parts, "; ")
}

// Otherwise is what a gate does whose conditions do not hold.
type Otherwise string

// The ways of a gate that does not open by itself.
const (
	OtherwiseAsk  Otherwise = "ask"  // a person may open it all the same
	OtherwiseFail Otherwise = "fail" // the stage fails; a retry looks again
)

// GateCheck is what became of a condition of a gate.
type GateCheck struct {
	Condition string `json:"condition"`
	Holds     bool   `json:"holds"`
	Why       string `json:"why"` // by which numbers, or which are not there
}

// Job returns the planned job of that name, or nil.
func (s *PlannedStage) Job(name string) *PlannedJob {
	for i := range s.Jobs {
		if s.Jobs[i].Name == name {
			return &s.Jobs[i]
		}
	}
	return nil
}

// OutputRef names one output of one job.
type OutputRef struct {
	Stage  string `json:"stage"`
	Job    string `json:"job"`
	Output string `json:"output"`
}

// MainJob is the name of the only job of a stage that does not fan out.
const MainJob = "main"

// PlannedJob is one unit of work: launched on a machine, or computed by the
// worker (Kind.Computed).
type PlannedJob struct {
	Stage string `json:"stage"`
	Name  string `json:"name"`
	Kind  Kind   `json:"kind"`
	// After names jobs of the same stage that must be committed first (RL phases).
	After []string `json:"after,omitempty"`
	// Inputs maps the trainer's input name to the output that feeds it.
	Inputs map[string]OutputRef `json:"inputs,omitempty"`
	// Params are the resolved parameters of the kind, in the schema of docs/job-contract.md.
	Params  json.RawMessage `json:"params"`
	Outputs []OutputDecl    `json:"outputs"`
	Seed    int64           `json:"seed"`
	// Join names the jobs of the stage (shards, in After too) whose outputs make up this
	// one's: it is put together by the worker, from the objects that are there.
	Join []string `json:"join,omitempty"`
	// FromStep and ToStep are the optimizer steps this job covers (ToStep 0: not known before it runs).
	FromStep int `json:"from_step,omitempty"`
	ToStep   int `json:"to_step,omitempty"`
	// Fingerprint identifies the result: see Fingerprint in fingerprint.go.
	Fingerprint string `json:"fingerprint"`
	// Take is the commit that the job takes over, whatever was committed elsewhere
	// under its fingerprint: that of the run which this one forks.
	Take *Taken `json:"take,omitempty"`
	// Anew says that no commit of another run is taken, though an equal one may be there.
	Anew Anew `json:"anew,omitempty"`
}

// EndpointOf is the name of the endpoint that a job asks for its samples; empty
// where its model is an input.
func EndpointOf(kind Kind, params json.RawMessage) string {
	var p struct {
		Endpoint string `json:"endpoint"`
	}
	if kind != KindSample || json.Unmarshal(params, &p) != nil {
		return ""
	}
	return p.Endpoint
}

// DestinationOf is where a publish job publishes to; empty of other kinds.
func DestinationOf(kind Kind, params json.RawMessage) string {
	var p struct {
		To string `json:"to"`
	}
	if kind != KindPublish || json.Unmarshal(params, &p) != nil {
		return ""
	}
	return p.To
}

// VLLM is the generator of jobs that sample with vLLM; the trainer's own has no name.
const VLLM = "vllm"

// GeneratorOf is the generator that a job names to sample its input model with; empty
// where it names none, or does not sample.
func GeneratorOf(kind Kind, params json.RawMessage) string {
	var p struct {
		Generator string `json:"generator"`
	}
	if kind != KindSample && kind != KindEvaluate || json.Unmarshal(params, &p) != nil {
		return ""
	}
	return p.Generator
}

// OutputDecl declares an output before it exists.
type OutputDecl struct {
	Name string       `json:"name"`
	Type ArtifactType `json:"type"`
	// Path is the readable prefix below <recipe>/<run>/, such as "zero/model".
	Path string `json:"path"`
}
