package workflows

import (
	"fmt"
	"time"

	"github.com/r1ctl/r1ctl/internal/r1"
)

// QueueControl is the task queue of workflows and short activities. Attempts
// have queues of their own (the spec of an attempt names its queue), whose
// workers take as many as the site has slots: a job that waits for a slot is a
// pending activity that people can see.
const QueueControl = "r1ctl"

// Names under which the workflows are registered.
const (
	RecipeName = "Recipe"
	StageName  = "Stage"
	ReapName   = "Reap"
)

// RunInput starts Recipe. It holds the shape of the DAG only; activities read
// the parameters from the frozen run in S3.
type RunInput struct {
	Run     string       `json:"run"`
	Recipe  string       `json:"recipe"`
	Profile string       `json:"profile"`
	Owner   string       `json:"owner,omitempty"`
	Stages  []StageShape `json:"stages"`
	Budgets Budgets      `json:"budgets"`
	Links   Links        `json:"links,omitzero"`
	// Amendment is the number of the amendment whose plan Stages is; 0: run.json's.
	Amendment int `json:"amendment,omitempty"`
	// Paused is set when the run was paused before and still is.
	Paused *r1.Pause `json:"paused,omitempty"`
	// Left are stages that this execution leaves as they are, until somebody
	// retries them. Those behind them are skipped.
	Left []LeftStage `json:"left,omitempty"`
}

// LeftStage is a stage that is not run again, as it was found.
type LeftStage struct {
	Stage string      `json:"stage"`
	State r1.RunState `json:"state"`
	Error *Failure    `json:"error,omitempty"` // how it failed, if it did
}

// StageShape is a stage as far as the walk needs it.
type StageShape struct {
	Name  string     `json:"name"`
	Kind  r1.Kind    `json:"kind"`
	Title string     `json:"title,omitempty"`
	Needs []string   `json:"needs,omitempty"`
	Gate  *r1.Gate   `json:"gate,omitempty"`
	Jobs  []JobShape `json:"jobs"`
	// Model is where the model that the stage trains, samples or measures comes from.
	Model modelRef `json:"model,omitzero"`
}

// modelRef names a stage that makes a model, and where its jobs stand side by
// side (students) the job.
type modelRef struct {
	Stage string `json:"stage"`
	Job   string `json:"job,omitempty"`
}

// JobShape is a job as far as the walk needs it, and its steps for people.
type JobShape struct {
	Name  string   `json:"name"`
	After []string `json:"after,omitempty"`
	From  int      `json:"from,omitempty"`
	To    int      `json:"to,omitempty"`
	// Joins says that the job puts together what others of the stage made.
	Joins bool `json:"joins,omitempty"`
}

// Budgets bound how often a job is tried again, by failure class.
type Budgets struct {
	Program        int           `json:"program"`        // further attempts after a program failure
	Infrastructure int           `json:"infrastructure"` // further attempts after lost nodes, agents, storage
	Preempted      time.Duration `json:"preempted"`      // how long a job may keep being preempted
	Backoff        time.Duration `json:"backoff"`        // first wait after an infrastructure failure; doubles up to a minute
	Stop           time.Duration `json:"stop"`           // how long a machine may take to stop what is to end
}

// DefaultBudgets suit one machine.
func DefaultBudgets() Budgets {
	return Budgets{Program: 1, Infrastructure: 5, Preempted: 7 * 24 * time.Hour, Backoff: 2 * time.Second, Stop: 5 * time.Minute}
}

// Shape reduces a plan to what Recipe needs.
func Shape(p *r1.Plan) []StageShape {
	stages := make([]StageShape, 0, len(p.Stages))
	for i := range p.Stages {
		s := &p.Stages[i]
		shape := StageShape{Name: s.Name, Kind: s.Kind, Title: s.Title, Needs: s.Needs, Gate: s.Gate}
		for _, j := range s.Jobs {
			shape.Jobs = append(shape.Jobs, JobShape{Name: j.Name, After: j.After, From: j.FromStep, To: j.ToStep, Joins: len(j.Join) > 0})
		}
		if len(s.Jobs) > 0 {
			shape.Model = modelOf(p, &s.Jobs[0])
		}
		stages = append(stages, shape)
	}
	return stages
}

// modelOf finds the model that a job starts from or looks at.
func modelOf(p *r1.Plan, j *r1.PlannedJob) modelRef {
	for _, input := range []string{"policy", "model", "student"} {
		from, ok := j.Inputs[input]
		if !ok {
			continue
		}
		ref := modelRef{Stage: from.Stage}
		if s := p.Stage(from.Stage); s != nil && s.Kind == r1.KindDistill {
			ref.Job = from.Job
		}
		return ref
	}
	return modelRef{}
}

// StageInput starts Stage.
type StageInput struct {
	Run     string     `json:"run"`
	Recipe  string     `json:"recipe"`
	Profile string     `json:"profile"`
	Stage   StageShape `json:"stage"`
	Budgets Budgets    `json:"budgets"`
	Links   Links      `json:"links,omitzero"`
	// Amendment is as in RunInput.
	Amendment int `json:"amendment,omitempty"`
	// Renewed is what the execution before this one left, where there was one.
	Renewed *Renewed `json:"renewed,omitempty"`
}

// StageResult says how a stage got its outputs.
type StageResult struct {
	Jobs     int `json:"jobs"`
	Ran      int `json:"ran"`      // jobs that trained or computed
	Reused   int `json:"reused"`   // jobs taken from an earlier run
	Attempts int `json:"attempts"` // attempts launched by this execution
	// Retried are those beyond the first of a job.
	Retried int `json:"retried,omitempty"`
	// Metrics are the stage's key numbers, for people.
	Metrics map[string]float64 `json:"metrics,omitempty"`
	// Last is the attempt that made the last job's outputs; none where nothing was launched.
	Last *AttemptNote `json:"last,omitempty"`
}

// AttemptNote is what a stage tells its run when an attempt begins: see teller.
type AttemptNote struct {
	Stage   string `json:"stage"`
	Job     string `json:"job"`
	Attempt int    `json:"attempt"`
	Resume  int    `json:"resume,omitempty"` // step of the checkpoint it continues from
	// RolledBack is the newest roll-back that it is made with, for people.
	RolledBack string `json:"rolled_back,omitempty"`
	// Launched is how many attempts the stage has launched with this one.
	Launched int `json:"launched,omitempty"`
	// Retried is how many of these were not the first of their job.
	Retried int `json:"retried,omitempty"`
}

func (n AttemptNote) String() string {
	text := fmt.Sprintf("attempt %d", n.Attempt)
	if n.Job != r1.MainJob {
		text = n.Job + ", " + text
	}
	if n.Resume > 0 {
		text += fmt.Sprintf(", from step %d", n.Resume)
	}
	return text
}

func (r *StageResult) add(j jobResult) {
	r.Jobs++
	r.Attempts += j.attempts
	r.Retried += max(0, j.attempts-1)
	switch {
	case j.reused:
		r.Reused++
	case j.attempts > 0:
		r.Ran++
	}
}

// RunResult is what Recipe returns.
type RunResult struct {
	Stages   int `json:"stages"`
	Ran      int `json:"ran"`
	Reused   int `json:"reused"`
	Attempts int `json:"attempts"`
}
