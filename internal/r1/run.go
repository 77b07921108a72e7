package r1

import "time"

// Run is run.json: a recipe and profile frozen when the run started.
type Run struct {
	Version    int       `json:"version"`
	ID         string    `json:"id"`
	Recipe     string    `json:"recipe"`
	Profile    string    `json:"profile"`
	Created    time.Time `json:"created"`
	Owner      string    `json:"owner,omitempty"`
	R1ctl      string    `json:"r1ctl"` // version of the binary that started it
	RecipeYAML string    `json:"recipe_yaml"`
	Plan       Plan      `json:"plan"`
}

// RunState is where a run or stage is in its life.
type RunState string

// The states of a run and of a stage.
const (
	RunPending   RunState = "pending"
	RunRunning   RunState = "running"
	RunCompleted RunState = "completed"
	RunFailed    RunState = "failed"
	RunCancelled RunState = "cancelled"
	RunSkipped   RunState = "skipped" // a stage it needs failed
	// RunInterrupted is said of a run that was running when its engine was lost.
	RunInterrupted RunState = "interrupted"
)

// RunRecord is state.json, and StageRecord _stages/<stage>.json: what status
// shows when no engine is up. They are for reading; commits are the truth.
type RunRecord struct {
	Run     string    `json:"run"`
	State   RunState  `json:"state"`
	Started time.Time `json:"started,omitzero"`
	Ended   time.Time `json:"ended,omitzero"`
	Error   string    `json:"error,omitempty"`
}

// StageRecord is the state of one stage.
type StageRecord struct {
	Stage   string    `json:"stage"`
	State   RunState  `json:"state"`
	Started time.Time `json:"started,omitzero"`
	Ended   time.Time `json:"ended,omitzero"`
	Error   string    `json:"error,omitempty"`
	// ErrorName is the stable name of what happened, Remedy what to do about it.
	ErrorName string `json:"error_name,omitempty"`
	Remedy    string `json:"remedy,omitempty"`
}
