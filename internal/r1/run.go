package r1

import (
	"encoding/json"
	"time"
)

// Run is run.json: a recipe and profile frozen when the run started. What is
// changed later is an Amendment; run.json itself is never written again.
type Run struct {
	Version    int       `json:"version"`
	ID         string    `json:"id"`
	Recipe     string    `json:"recipe"`
	Profile    string    `json:"profile"`
	Created    time.Time `json:"created"`
	Owner      string    `json:"owner,omitempty"`
	R1ctl      string    `json:"r1ctl"` // version of the binary that started it
	RecipeYAML string    `json:"recipe_yaml"`
	RecipeDir  string    `json:"recipe_dir,omitempty"` // what local sources of the recipe are relative to
	Set        []string  `json:"set,omitempty"`        // KEY=VALUE pairs laid over the profile
	// Fork is where the run left another one; nil: it stands by itself.
	Fork *Fork `json:"fork,omitempty"`
	// Rebuild are the stages that were to be made anew, and Drift what was decided about
	// results that were made otherwise than they would be now; "" where there were none.
	Rebuild []string    `json:"rebuild,omitempty"`
	Drift   DriftChoice `json:"drift,omitempty"`
	// Estimate is what the plan said when the run was started (internal/estimate.Frozen);
	// nothing where nobody estimated it.
	Estimate json.RawMessage `json:"estimate,omitempty"`
	// Plan is the newest one: of the last amendment, where the run has any.
	Plan Plan `json:"plan"`
	// Amendments are those of the run so far, without their plans. They are
	// objects of their own (Layout.Amendment).
	Amendments []Amendment `json:"-"`
}

// Amendment changes parameters of stages that are not committed yet.
type Amendment struct {
	Version int       `json:"version"`
	Number  int       `json:"number"` // from 1
	Created time.Time `json:"created"`
	By      string    `json:"by,omitempty"`
	R1ctl   string    `json:"r1ctl"` // version of the binary that made it
	Changes []Change  `json:"changes"`
	Set     []string  `json:"set"` // the KEY=VALUE pairs of this amendment
	// Plan is the whole plan from now on; nil where only the change is told.
	Plan *Plan `json:"plan,omitempty"`
}

// Change is one field of an amendment, such as zero.params.learning_rate.
type Change struct {
	Field string          `json:"field"`
	From  json.RawMessage `json:"from"` // null: it was not there
	To    json.RawMessage `json:"to"`
}

// Approval answers the question of a stage's gate.
type Approval struct {
	Stage    string    `json:"stage"`
	Question string    `json:"question"`
	By       string    `json:"by,omitempty"`
	At       time.Time `json:"at"`
}

// Pause is why a run starts nothing new.
type Pause struct {
	By string    `json:"by,omitempty"`
	At time.Time `json:"at"`
	// Stop says that attempts were stopped too, and go on from what they saved.
	Stop bool `json:"stop,omitempty"`
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
	// RunPaused starts nothing new, until somebody says unpause. A stage is paused
	// when nothing of it runs any more either.
	RunPaused RunState = "paused"
	// RunWaiting waits for the answer of a person (a gate), and for nothing else.
	RunWaiting RunState = "waiting"
	// RunInterrupted is said of a run that was running when its engine was lost.
	RunInterrupted RunState = "interrupted"
)

// Ended says whether a run or stage has come to its end, in whatever way.
func (s RunState) Ended() bool {
	switch s {
	case RunPending, RunRunning, RunPaused, RunWaiting:
		return false
	}
	return true
}

// RunRecord is state.json, and StageRecord _stages/<stage>.json: what status
// shows when no engine is up. They are for reading; commits are the truth.
type RunRecord struct {
	Run     string    `json:"run"`
	State   RunState  `json:"state"`
	Started time.Time `json:"started,omitzero"`
	Ended   time.Time `json:"ended,omitzero"`
	Error   string    `json:"error,omitempty"`
	Paused  *Pause    `json:"paused,omitempty"`
	// Retries are the budgets of its jobs: the recipe's own, else the site's.
	Retries *Retries `json:"retries,omitempty"`
	// Notice is what a person should know besides, such as an attempt that could
	// not be stopped because its machine does not answer.
	Notice string `json:"notice,omitempty"`
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
	// Question is what the stage waits for an answer to.
	Question string `json:"question,omitempty"`
	Remedy   string `json:"remedy,omitempty"`
}
