package r1

import (
	"encoding/json"
	"time"
)

// Spec is everything an attempt needs, written to S3 before it is submitted.
// The agent reads it; the trainer sees the JobFile the agent derives from it.
// It holds no secrets.
type Spec struct {
	Version     int             `json:"version"`
	Key         AttemptKey      `json:"key"`
	Recipe      string          `json:"recipe"`
	Kind        Kind            `json:"kind"`
	Params      json.RawMessage `json:"params"`
	Seed        int64           `json:"seed"`
	FromStep    int             `json:"from_step"`
	ToStep      int             `json:"to_step"`
	Fingerprint string          `json:"fingerprint"`
	Bucket      string          `json:"bucket"`
	// Inputs are committed artifacts, by the trainer's input name.
	Inputs  map[string]Artifact `json:"inputs"`
	Outputs []OutputDecl        `json:"outputs"`
	// Computed says that the worker makes the outputs itself: nothing is launched.
	Computed bool `json:"computed,omitempty"`
	// Resume is the checkpoint the controller chose, of an earlier attempt; nil starts at FromStep.
	Resume *Checkpoint `json:"resume,omitempty"`
	// Earlier is where the attempts before this one began: a resumed one must be further in its data.
	Earlier []Beginning `json:"earlier,omitempty"`
	// Ends counts how the attempts before this one failed, by class.
	Ends map[Class]int `json:"ends,omitempty"`
	// Rollbacks are those of the job before this attempt, and of the phases before it,
	// oldest first. Params are as they have made them.
	Rollbacks []Rollback `json:"rollbacks,omitempty"`
	// Walltime counts from allocation; 0 is unlimited.
	Walltime time.Duration `json:"walltime,omitempty"`
	// Verifier says whether the trainer needs a reward URL.
	Verifier    bool   `json:"verifier,omitempty"`
	VerifierURL string `json:"verifier_url,omitempty"` // a site's own; empty starts one on loopback
	Threads     int    `json:"threads,omitempty"`      // CPU threads of the trainer; 0 lets it choose
	// Queue is the task queue whose workers can see the attempt. A launcher that
	// is bound to its machine has one a machine, so that no other machine's worker
	// takes an attempt it cannot find for one that was never submitted.
	Queue string `json:"queue"`
	// KeepCheckpoints is the retention policy: how many complete checkpoints stay.
	KeepCheckpoints int `json:"keep_checkpoints"`
	// Created is when the attempt was prepared: from then to Result.Started it waited for a machine.
	Created time.Time `json:"created,omitzero"`
}

// Checkpoint is a complete checkpoint in S3.
type Checkpoint struct {
	Step   int             `json:"step"`
	Prefix string          `json:"prefix"`
	Files  []ManifestEntry `json:"files"`
}

// CheckpointUnusable is the Result.Name of an attempt that could not fetch the
// checkpoint it was to resume from: no attempt is given that one again.
const CheckpointUnusable = "checkpoint-unusable"

// JobFile is job.json: the whole contract with a trainer program. Paths are
// relative to the working directory that holds it. docs/job-contract.md is its
// specification.
type JobFile struct {
	Version     int                      `json:"version"`
	Key         string                   `json:"key"` // run/stage/job/attempt
	Kind        Kind                     `json:"kind"`
	Params      json.RawMessage          `json:"params"`
	Seed        int64                    `json:"seed"`
	FromStep    int                      `json:"from_step"`
	ToStep      int                      `json:"to_step"`
	Inputs      map[string]JobFileInput  `json:"inputs"`
	Outputs     map[string]JobFileOutput `json:"outputs"`
	Checkpoints string                   `json:"checkpoints"` // folder for step-N/
	Metrics     string                   `json:"metrics"`     // metrics.jsonl
	Error       string                   `json:"error"`       // error.json, written by a trainer that fails
	Resume      *JobFileResume           `json:"resume"`
	RewardURL   string                   `json:"reward_url,omitempty"`
	Deadline    *time.Time               `json:"deadline,omitempty"`
	Threads     int                      `json:"threads,omitempty"`
}

// JobFileInput is a downloaded artifact.
type JobFileInput struct {
	Path string       `json:"path"`
	Type ArtifactType `json:"type"`
}

// JobFileOutput is a folder the trainer must fill.
type JobFileOutput struct {
	Path string       `json:"path"`
	Type ArtifactType `json:"type"`
}

// JobFileResume is the checkpoint to continue from.
type JobFileResume struct {
	Path string `json:"path"`
	Step int    `json:"step"`
}

// CompleteMarker is the content of a checkpoint's COMPLETE file.
type CompleteMarker struct {
	Step  int `json:"step"`
	Files []struct {
		Path   string `json:"path"`
		Size   int64  `json:"size"`
		SHA256 string `json:"sha256"`
	} `json:"files"`
}

// MetricsLine is one line of metrics.jsonl.
type MetricsLine struct {
	// Type is "start" (first line of a fresh attempt), "resume" (first line
	// after a resume), "step", "eval" (held-out problems, measured during RL),
	// "text" (an example response), "warning" (what a guard has to say) or "summary"
	// (the last line: the job's final numbers, which go into the commit).
	Type   string             `json:"type"`
	Time   time.Time          `json:"time"`
	Step   int                `json:"step"`
	Cursor int64              `json:"cursor,omitempty"` // rows or questions consumed, for start and resume
	Total  int                `json:"total,omitempty"`  // steps or rows this job will reach, for progress
	Values map[string]float64 `json:"values,omitempty"`
	Text   map[string]string  `json:"text,omitempty"`
	// Guard and Message are those of a warning.
	Guard   string `json:"guard,omitempty"`
	Message string `json:"message,omitempty"`
}

// Warning is what a guard on the training's numbers has to say.
type Warning struct {
	Guard   string             `json:"guard"` // stable name, such as "constant-reward"
	Time    time.Time          `json:"time"`
	Step    int                `json:"step"`
	Message string             `json:"message"`
	Values  map[string]float64 `json:"values,omitempty"` // what it goes by
}

// TrainerError is error.json: what a trainer knows about its own failure.
type TrainerError struct {
	Class     string `json:"class"` // a Class value: program, oom, diverged, config, infrastructure
	Type      string `json:"type"`  // exception type; of class diverged the guard's name
	Message   string `json:"message"`
	Traceback string `json:"traceback,omitempty"`
	// Remedy says what to do, where Type is the stable name of an error (docs/errors.md).
	Remedy string `json:"remedy,omitempty"`
	// LastGoodStep, of class diverged, is the newest step whose model shows no
	// trouble yet: later checkpoints are not to be gone on from.
	LastGoodStep *int `json:"last_good_step,omitempty"`
}

// Heartbeat is heartbeat.json: what the agent says while the attempt lives.
type Heartbeat struct {
	Key        AttemptKey         `json:"key"`
	Time       time.Time          `json:"time"`
	Phase      string             `json:"phase"` // download, train, upload, stopping
	Step       int                `json:"step"`
	Total      int                `json:"total,omitempty"`
	Values     map[string]float64 `json:"values,omitempty"`     // of the newest step line
	Checkpoint *Checkpoint        `json:"checkpoint,omitempty"` // newest complete one in S3
	LogBytes   int64              `json:"log_bytes"`
	PID        int                `json:"pid,omitempty"`
	Host       string             `json:"host,omitempty"`
	// Since is the trainer's first line: with Step and Time it gives the pace.
	Since *Mark             `json:"since,omitempty"`
	Text  map[string]string `json:"text,omitempty"`  // the newest example, cut to a few hundred characters
	Usage *Usage            `json:"usage,omitempty"` // of the trainer's process group, now
	// Began is the same line, for the proof of a resume.
	Began *Beginning `json:"began,omitempty"`
	// Warnings are the newest of this attempt, in their order; few.
	Warnings []Warning `json:"warnings,omitempty"`
}

// Mark is a step with the time it was reached.
type Mark struct {
	Step int       `json:"step"`
	Time time.Time `json:"time"`
}

// Beginning is the trainer's first line: where it says that it began. See proof.go.
type Beginning struct {
	Resumed bool  `json:"resumed,omitempty"`
	Step    int   `json:"step"`
	Cursor  int64 `json:"cursor"` // rows or questions consumed before
}

// Usage is what a process group took from its machine.
type Usage struct {
	CPUSeconds  float64 `json:"cpu_seconds"`  // user and system, so far
	CPUs        float64 `json:"cpus"`         // cores in use: in a heartbeat since the last one, in a result on average
	MemoryBytes int64   `json:"memory_bytes"` // resident: in a heartbeat now, in a result at most
}

// Timing says where an attempt's time went, in seconds.
type Timing struct {
	Download float64 `json:"download"` // inputs
	Startup  float64 `json:"startup"`  // inputs there, first line of metrics not yet written: verifier, imports, model load
	Train    float64 `json:"train"`    // from that line to the trainer's end
	Upload   float64 `json:"upload"`   // what was left to store then
}

// Result is result.json: the attempt's last word, written by the agent.
type Result struct {
	Version     int                 `json:"version"`
	Key         AttemptKey          `json:"key"`
	Outcome     Outcome             `json:"outcome"`
	Class       Class               `json:"class,omitempty"` // empty on success
	ExitCode    int                 `json:"exit_code"`
	Name        string              `json:"name,omitempty"`  // stable name of the error, such as "output-missing"
	Error       string              `json:"error,omitempty"` // root cause, one line
	Remedy      string              `json:"remedy,omitempty"`
	Outputs     map[string]Artifact `json:"outputs,omitempty"`
	Metrics     map[string]float64  `json:"metrics,omitempty"` // of the summary line
	Funnel      *Funnel             `json:"funnel,omitempty"`  // of a dataset output's funnel.json
	Step        int                 `json:"step"`              // last step reached
	Total       int                 `json:"total,omitempty"`   // the step or row count the trainer meant to reach
	ResumedFrom *int                `json:"resumed_from,omitempty"`
	Began       *Beginning          `json:"began,omitempty"`
	Checkpoint  *Checkpoint         `json:"checkpoint,omitempty"`
	// Warnings are as in the last heartbeat.
	Warnings []Warning `json:"warnings,omitempty"`
	// LastGoodStep is the trainer's word on a divergence: see TrainerError.
	LastGoodStep *int      `json:"last_good_step,omitempty"`
	Started      time.Time `json:"started"`
	Ended        time.Time `json:"ended"`
	Timing       *Timing   `json:"timing,omitempty"`
	Usage        *Usage    `json:"usage,omitempty"`
	Maker        *Maker    `json:"maker,omitempty"` // what ran it; nil: an agent that did not say
}
