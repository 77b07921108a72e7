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
	Compute        = "Compute"        // JobRef -> Computed: a job that the worker does itself, to its commit
	PrepareAttempt = "PrepareAttempt" // PrepareInput -> AttemptRef
	RunAttempt     = "RunAttempt"     // AttemptRef -> AttemptEnd
	RecordStage    = "RecordStage"    // StageState
	RecordRun      = "RecordRun"      // RunState
	FindApproval   = "FindApproval"   // JobRef (of a stage) -> FoundApproval
	RecordApproval = "RecordApproval" // ApprovalInput -> r1.Approval: the first one, whoever gave it
	CheckGate      = "CheckGate"      // GateInput -> GateChecked
	FindReview     = "FindReview"     // JobRef -> FoundReview
	RecordReview   = "RecordReview"   // ReviewInput -> r1.Review: the first one, whoever gave it
	FindUnended    = "FindUnended"    // RunRef -> []AttemptRef: those without a result
	Reap           = "Reap"           // ReapInput -> Reaped, on the queue ReapQueue
)

// ReapQueue is the task queue on which the machine that serves an attempts queue
// stops attempts. It has no slots to wait for: what is to be stopped may hold them.
func ReapQueue(attempts string) string { return attempts + "-reap" }

// JobRef finds a job: its parameters are in the frozen run.
type JobRef struct {
	Recipe string `json:"recipe"`
	Run    string `json:"run"`
	Stage  string `json:"stage"`
	Job    string `json:"job"`
	// Amendment is the number of the amendment whose plan holds; 0 is that of run.json.
	Amendment int `json:"amendment,omitempty"`
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
	Attempt   int        `json:"attempt,omitempty"` // which one won; 0 when reused
	Step      int        `json:"step,omitempty"`
	// Metrics are the key numbers of the commit (r1.KeyMetrics), for people.
	Metrics map[string]float64 `json:"metrics,omitempty"`
}

// Computed answers Compute.
type Computed struct {
	Metrics map[string]float64 `json:"metrics,omitempty"` // as in Found
}

// Reading is the heartbeat detail of Compute.
type Reading struct {
	Rows int64 `json:"rows"` // so far
	// Bytes of Total are published.
	Bytes int64 `json:"bytes,omitempty"`
	Total int64 `json:"total_bytes,omitempty"`
}

// PrepareInput asks for the attempt to run next, later than After.
type PrepareInput struct {
	JobRef
	After int `json:"after"`
	// Class is how the attempt After failed, where there is one that did.
	Class r1.Class `json:"class,omitempty"`
}

// AttemptRef names the attempt that RunAttempt submits, or finds again.
type AttemptRef struct {
	JobRef
	Attempt int    `json:"attempt"`
	Queue   string `json:"queue"`             // whose workers run RunAttempt for it
	Resume  int    `json:"resume,omitempty"`  // step of the checkpoint it continues from
	Adopted bool   `json:"adopted,omitempty"` // it existed before
	// RolledBack is the newest roll-back that the attempt is made with, for people.
	RolledBack string `json:"rolled_back,omitempty"`
}

// AttemptKey is the attempt's key.
func (r AttemptRef) AttemptKey() r1.AttemptKey { return r.Key().Attempt(r.Attempt) }

// AttemptEnd answers RunAttempt.
type AttemptEnd struct {
	Committed bool       `json:"committed"`
	Outcome   r1.Outcome `json:"outcome"`
	Class     r1.Class   `json:"class,omitempty"`
	Name      string     `json:"name,omitempty"`   // the error's stable name
	Error     string     `json:"error,omitempty"`  // its root cause, one line
	Remedy    string     `json:"remedy,omitempty"` // what to do about it
	Step      int        `json:"step,omitempty"`
	// RollsBack says that the attempt was ended by a guard, after which the next one
	// goes back to an earlier checkpoint with other parameters.
	RollsBack bool `json:"rolls_back,omitempty"`
	// Metrics are as in Found.
	Metrics map[string]float64 `json:"metrics,omitempty"`
}

// Progress is the heartbeat detail of RunAttempt: what the Temporal UI shows of
// a pending activity, and so written for people.
type Progress struct {
	Attempt    int    `json:"attempt"`
	State      string `json:"state"`           // in the launcher's eyes
	Phase      string `json:"phase,omitempty"` // in the agent's
	Step       int    `json:"step"`
	Total      int    `json:"total,omitempty"`
	ETA        string `json:"eta,omitempty"`        // such as "1m20s", at the pace so far
	Checkpoint int    `json:"checkpoint,omitempty"` // step of the newest complete one
	Host       string `json:"host,omitempty"`
}

// Saw takes over what the agent said last.
func (p *Progress) Saw(beat *r1.Heartbeat) {
	p.Step, p.Total, p.Phase, p.ETA = max(p.Step, beat.Step), beat.Total, beat.Phase, ""
	if left := beat.Left(); left > 0 {
		p.ETA = left.Round(time.Second).String()
	}
	if beat.Checkpoint != nil {
		p.Checkpoint = beat.Checkpoint.Step
	}
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

// RunRef finds a run.
type RunRef struct {
	Recipe string `json:"recipe"`
	Run    string `json:"run"`
}

// FoundApproval answers FindApproval.
type FoundApproval struct {
	Approval *r1.Approval `json:"approval,omitempty"` // nil: nobody has answered yet
}

// ApprovalInput answers a gate.
type ApprovalInput struct {
	RunRef
	r1.Approval
}

// GateInput asks whether the conditions of a stage's gate hold.
type GateInput struct {
	RunRef
	Stage      string   `json:"stage"`
	Conditions []string `json:"conditions"`
	// Jobs are those of the stages that the gate's stage needs, in their order.
	Jobs map[string][]string `json:"jobs"`
}

// GateChecked answers CheckGate, a check a condition.
type GateChecked struct {
	Checks []r1.GateCheck `json:"checks"`
}

// FoundReview answers FindReview.
type FoundReview struct {
	Review *r1.Review `json:"review,omitempty"` // nil: nobody has reviewed its rows yet
}

// ReviewInput says what people said of a job's rows.
type ReviewInput struct {
	JobRef
	Review r1.Review `json:"review"`
}

// ReapInput names attempts of a run that must not live on.
type ReapInput struct {
	Attempts []AttemptRef `json:"attempts"`
}

// Reaped answers Reap.
type Reaped struct {
	Stopped int `json:"stopped"` // how many were alive
}
