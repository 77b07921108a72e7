package workflows

import (
	"time"

	"go.temporal.io/sdk/workflow"

	"github.com/r1ctl/r1ctl/internal/r1"
)

// Renewed is what an execution of a stage leaves to the next one: a job that is
// preempted every few minutes for weeks, or a stage of thousands of jobs, outgrows
// one history. S3 is the truth of attempts and commits; this is only what Stage
// would otherwise forget, and small.
type Renewed struct {
	Times    int         `json:"times"`
	Started  time.Time   `json:"started"`
	Pause    PauseNote   `json:"pause,omitzero"`
	Result   StageResult `json:"result"`   // of the jobs that have ended
	Launched int         `json:"launched"` // attempts so far
	Retried  int         `json:"retried"`  // of these, those that were not the first of their job
	Told     int         `json:"told"`     // of these, the last that the run was told of
	// Jobs are those that have begun.
	Jobs []RenewedJob `json:"jobs"`
}

// RenewedJob is a job that has begun, with its row of the stage's table.
type RenewedJob struct {
	Job     string      `json:"job"`
	State   r1.RunState `json:"state"`
	Tries   *tries      `json:"tries,omitempty"` // of one that has not ended
	Started time.Time   `json:"started,omitzero"`
	Ended   time.Time   `json:"ended,omitzero"`
	Attempt int         `json:"attempt,omitempty"`
	Resume  int         `json:"resume,omitempty"`
	// RolledBack is as in AttemptNote.
	RolledBack string             `json:"rolled_back,omitempty"`
	Step       int                `json:"step,omitempty"`
	Metrics    map[string]float64 `json:"metrics,omitempty"`
	Last       string             `json:"last,omitempty"`
	Note       string             `json:"note,omitempty"`
	Error      *Failure           `json:"error,omitempty"`
}

// renewal decides when a stage goes on in a new execution.
type renewal struct {
	since int  // length of the history when the server first asked for it
	going bool // decided: nothing more is begun here
	// progress says that this execution has done something: one that only hands on
	// could do so without end.
	progress bool
}

const renewVersion = "renew"

// wanted is asked where a job is about to begin an attempt. Temporal asks for a
// new execution long before its limits, so there is time for a moment at which no
// attempt lives. Where side by side one always does, the stage goes on at twice the
// length: the attempt's activity ends with its workflow without stopping the
// attempt, and the next execution finds it alive, as after a lost history.
func (r *renewal) wanted(ctx workflow.Context, h *hold) bool {
	info := workflow.GetInfo(ctx)
	if r.going || !r.progress || !info.GetContinueAsNewSuggested() {
		return r.going
	}
	if workflow.GetVersion(ctx, renewVersion, workflow.DefaultVersion, 1) == workflow.DefaultVersion {
		return false
	}
	length := info.GetCurrentHistoryLength()
	if r.since == 0 {
		r.since = length
	}
	h.drain(ctx)
	// Paused, nothing grows. What is being recorded must not be overtaken by what
	// the next execution records.
	if h.paused() || h.recording {
		return false
	}
	r.going = len(h.running) == 0 || length >= 2*r.since
	return r.going
}

// park ends the way of a job here where the stage goes on in a new execution. It
// returns only where there is nothing to wait for, or on cancellation.
func (r *renewal) park(ctx workflow.Context, h *hold) error {
	if !r.wanted(ctx, h) {
		return nil
	}
	return workflow.Await(ctx, func() bool { return false })
}

// renew is the error that lets a stage go on in a new execution.
func renew(ctx workflow.Context, in StageInput, started time.Time, result StageResult, t *jobTable, h *hold, said *teller) error {
	next := Renewed{Times: 1, Started: started, Pause: h.note, Result: result, Launched: said.launched, Retried: said.retried, Told: said.told}
	if in.Renewed != nil {
		next.Times += in.Renewed.Times
	}
	for i := range t.rows {
		if r := &t.rows[i]; r.state != r1.RunPending {
			next.Jobs = append(next.Jobs, r.leave(t.keeps(i)))
		}
	}
	in.Renewed = &next
	return workflow.NewContinueAsNewError(ctx, StageName, in)
}

// leave is the row as the next execution needs it. Of jobs that have ended there
// may be thousands: their numbers go along only where the stage's result has them.
func (r *jobRow) leave(metrics bool) RenewedJob {
	out := RenewedJob{
		Job: r.shape.Name, State: r.state, Tries: r.tries, Started: r.started, Ended: r.ended,
		Attempt: r.newest.Attempt, Resume: r.newest.Resume, RolledBack: r.newest.RolledBack,
	}
	if r.err != nil {
		out.Error = &Failure{Name: r.err.Name, Detail: r.err.Detail, Remedy: r.err.Remedy}
	}
	if r.state == r1.RunCompleted {
		out.Tries, out.Note = nil, r.note
	} else {
		out.Step, out.Last = r.step, r.last
	}
	if metrics || r.state != r1.RunCompleted {
		out.Metrics = r.metrics
	}
	return out
}

// keeps says whether the stage's result has the numbers of a row.
func (t *jobTable) keeps(i int) bool {
	return t.in.Stage.Kind == r1.KindDistill || i == len(t.rows)-1
}

// take fills the table with what the execution before has left, and the walk with
// the jobs that have ended.
func (t *jobTable) take(left *Renewed, w *walker) {
	at := map[string]int{}
	for i := range t.rows {
		at[t.rows[i].shape.Name] = i
	}
	for _, l := range left.Jobs {
		i, ok := at[l.Job]
		if !ok {
			continue
		}
		r := &t.rows[i]
		r.state, r.started, r.ended, r.tries, r.step, r.metrics, r.last, r.note = l.State, l.Started, l.Ended, l.Tries, l.Step, l.Metrics, l.Last, l.Note
		r.newest.Attempt, r.newest.Resume, r.newest.RolledBack = l.Attempt, l.Resume, l.RolledBack
		switch {
		case l.Error != nil:
			r.err = &r1.Error{Name: l.Error.Name, Detail: l.Error.Detail, Remedy: l.Error.Remedy}
			w.fail(l.Job, fail(r.err))
		case l.State == r1.RunCompleted:
			r.step = r.shape.To
			w.state[l.Job] = nodeDone
		}
	}
}
