// Package tasks names the activities and holds their messages: what workflows
// say to activities and hear back. It is apart from both, so that workflows
// import nothing that does I/O.
package tasks

import (
	"time"

	"github.com/r1ctl/r1ctl/internal/r1"
)

// Activity names.
const (
	FindCommit     = "FindCommit"     // JobRef -> Found
	Compute        = "Compute"        // JobRef -> (nothing): a curate job, to its commit
	PrepareAttempt = "PrepareAttempt" // PrepareInput -> AttemptRef
	RunAttempt     = "RunAttempt"     // AttemptRef -> AttemptEnd
	RecordStage    = "RecordStage"    // StageState
	RecordRun      = "RecordRun"      // RunState
	Reap           = "Reap"           // ReapInput -> number of attempts stopped
)

// JobRef finds a job: its parameters are in the frozen run.
type JobRef struct {
	Recipe string `json:"recipe"`
	Run    string `json:"run"`
	Stage  string `json:"stage"`
	Job    string `json:"job"`
}

// Key is the job's key.
func (r JobRef) Key() r1.JobKey { return r1.JobKey{Run: r.Run, Stage: r.Stage, Job: r.Job} }

// Layout is the layout of the job's run.
func (r JobRef) Layout() r1.Layout { return r1.Layout{Recipe: r.Recipe, Run: r.Run} }

// Found answers FindCommit.
type Found struct {
	Committed bool       `json:"committed"`
	Reused    bool       `json:"reused,omitempty"` // taken from another run just now or before
	From      *r1.JobKey `json:"from,omitempty"`
}

// PrepareInput asks for the attempt to run next, later than After.
type PrepareInput struct {
	JobRef
	After int `json:"after"`
}

// AttemptRef names the attempt that RunAttempt submits, or finds again.
type AttemptRef struct {
	JobRef
	Attempt int    `json:"attempt"`
	Queue   string `json:"queue"`             // whose workers run RunAttempt for it
	Resume  int    `json:"resume,omitempty"`  // step of the checkpoint it continues from
	Adopted bool   `json:"adopted,omitempty"` // it existed before
}

// AttemptKey is the attempt's key.
func (r AttemptRef) AttemptKey() r1.AttemptKey { return r.Key().Attempt(r.Attempt) }

// AttemptEnd answers RunAttempt.
type AttemptEnd struct {
	Committed bool       `json:"committed"`
	Outcome   r1.Outcome `json:"outcome"`
	Class     r1.Class   `json:"class,omitempty"`
	Error     string     `json:"error,omitempty"`
	Step      int        `json:"step,omitempty"`
}

// Progress is the heartbeat detail of RunAttempt.
type Progress struct {
	Attempt    int    `json:"attempt"`
	State      string `json:"state"`
	Step       int    `json:"step"`
	Total      int    `json:"total,omitempty"`
	Checkpoint int    `json:"checkpoint,omitempty"`
	Host       string `json:"host,omitempty"`
}

// StageState is a stage record with where it belongs.
type StageState struct {
	Recipe string `json:"recipe"`
	Run    string `json:"run"`
	r1.StageRecord
}

// RunState is a run record with where it belongs.
type RunState struct {
	Recipe string `json:"recipe"`
	r1.RunRecord
}

// ReapInput names a run whose live attempts are to be stopped.
type ReapInput struct {
	Recipe string    `json:"recipe"`
	Run    string    `json:"run"`
	Now    time.Time `json:"now"`
}
