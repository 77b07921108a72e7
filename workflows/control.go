package workflows

import (
	"fmt"
	"strings"
	"time"

	"go.temporal.io/sdk/workflow"

	"github.com/r1ctl/r1ctl/internal/r1"
	"github.com/r1ctl/r1ctl/internal/tasks"
)

// The updates that Recipe takes. Each may be sent twice: the second one changes
// nothing and gets the same answer. A refusal is an application error whose type
// is the name, and whose details are the remedy, of an r1.Error.
const (
	UpdatePause   = "pause"   // PauseRequest -> PauseAnswer
	UpdateUnpause = "unpause" // UnpauseRequest -> UnpauseAnswer
	UpdateRetry   = "retry"   // StageRequest -> RetryAnswer
	UpdateApprove = "approve" // StageRequest -> ApproveAnswer
)

// PauseRequest asks that nothing new starts.
type PauseRequest struct {
	By   string `json:"by,omitempty"`
	Stop bool   `json:"stop,omitempty"` // and that what runs is stopped, and goes on later
}

// PauseAnswer says that the run is paused.
type PauseAnswer struct {
	r1.Pause
	Already bool `json:"already,omitempty"` // it was before
}

// UnpauseRequest asks that the run goes on.
type UnpauseRequest struct {
	By string `json:"by,omitempty"`
}

// UnpauseAnswer says that the run is not paused.
type UnpauseAnswer struct {
	Already bool `json:"already,omitempty"` // nor was it before
}

// StageRequest is about one stage.
type StageRequest struct {
	Stage string `json:"stage"`
	By    string `json:"by,omitempty"`
}

// RetryAnswer says what is run again.
type RetryAnswer struct {
	Stage string   `json:"stage"`
	Retry int      `json:"retry"` // how many times by now
	Again []string `json:"again"` // stages that were failed or skipped, and are to come
}

// ApproveAnswer says who opened a gate, and when.
type ApproveAnswer struct {
	r1.Approval
	Already bool `json:"already,omitempty"` // it was open before
}

// handle sets the handlers of updates and queries.
func (r *recipe) handle(ctx workflow.Context) error {
	if err := workflow.SetQueryHandler(ctx, "stages", r.board.snapshot); err != nil {
		return fmt.Errorf("set query handler: %w", err)
	}
	set := func(name string, handler, validator any) error {
		err := workflow.SetUpdateHandlerWithOptions(ctx, name, handler, workflow.UpdateHandlerOptions{Validator: validator})
		if err != nil {
			return fmt.Errorf("set update handler %s: %w", name, err)
		}
		return nil
	}
	if err := set(UpdatePause, r.onPause, func(PauseRequest) error { return r.open() }); err != nil {
		return err
	}
	if err := set(UpdateUnpause, r.onUnpause, func(UnpauseRequest) error { return r.open() }); err != nil {
		return err
	}
	if err := set(UpdateRetry, r.onRetry, r.mayRetry); err != nil {
		return err
	}
	if err := set(UpdateReview, r.onReview, r.mayReview); err != nil {
		return err
	}
	return set(UpdateApprove, r.onApprove, r.mayApprove)
}

// open refuses what comes too late. Handlers ask again: the run may have come to
// its end between validation and handling.
func (r *recipe) open() error {
	if !r.ending {
		return nil
	}
	return fail(&r1.Error{
		Name:   "run-ended",
		Detail: fmt.Sprintf("run %s has just ended", r.in.Run),
		Remedy: "see how: r1ctl status " + r.in.Run,
	})
}

func (r *recipe) knows(stage string) error {
	if _, ok := r.stages[stage]; ok {
		return nil
	}
	list := make([]string, 0, len(r.in.Stages))
	for _, s := range r.in.Stages {
		list = append(list, s.Name)
	}
	return fail(&r1.Error{
		Name:   "unknown-stage",
		Detail: fmt.Sprintf("run %s has no stage %q", r.in.Run, stage),
		Remedy: "name one of: " + strings.Join(list, ", "),
	})
}

func (r *recipe) onPause(ctx workflow.Context, in PauseRequest) (PauseAnswer, error) {
	if err := r.open(); err != nil {
		return PauseAnswer{}, err
	}
	answer := PauseAnswer{Pause: r1.Pause{By: in.By, At: workflow.Now(ctx), Stop: in.Stop}}
	if r.pause != nil {
		answer.Already = r.pause.Stop || !in.Stop
		answer.By, answer.At, answer.Stop = r.pause.By, r.pause.At, r.pause.Stop || in.Stop
	}
	if !answer.Already {
		now := answer.Pause
		r.setPause(ctx, &now)
		r.tellPause(ctx)
	}
	return answer, r.seen(ctx)
}

func (r *recipe) onUnpause(ctx workflow.Context, _ UnpauseRequest) (UnpauseAnswer, error) {
	if err := r.open(); err != nil {
		return UnpauseAnswer{}, err
	}
	answer := UnpauseAnswer{Already: r.pause == nil}
	if !answer.Already {
		r.setPause(ctx, nil)
		r.tellPause(ctx)
	}
	return answer, r.seen(ctx)
}

func (r *recipe) setPause(ctx workflow.Context, p *r1.Pause) {
	r.pause = p
	r.pauses++
	r.board.pause = p
	r.board.show(ctx)
}

// tellPause tells the open stages. One that has ended meanwhile need not hear it.
func (r *recipe) tellPause(ctx workflow.Context) {
	note := PauseNote{Number: r.pauses, Paused: r.pause != nil, Stop: r.pause != nil && r.pause.Stop}
	var told []workflow.Future
	for _, name := range workflow.DeterministicKeys(r.children) {
		if child, ok := r.children[name]; ok { // it may end while another one starts
			told = append(told, child.SignalChildWorkflow(ctx, pauseSignal, note))
		}
	}
	for _, f := range told {
		_ = f.Get(ctx, nil)
	}
}

func (r *recipe) mayRetry(in StageRequest) error {
	if err := r.open(); err != nil {
		return err
	}
	if err := r.knows(in.Stage); err != nil {
		return err
	}
	state := r.walk.state[in.Stage]
	again := r.retries[in.Stage].Retry > 0 && (state == nodePending || state == nodeRunning)
	if state == nodeFailed || again {
		return nil
	}
	e := &r1.Error{
		Name:   "not-failed",
		Detail: fmt.Sprintf("stage %s of run %s has not failed: it is %s", in.Stage, r.in.Run, r.board.rows[r.board.index[in.Stage]].State),
		Remedy: "see what has: r1ctl status " + r.in.Run,
	}
	if state == nodeSkipped {
		e.Detail = fmt.Sprintf("stage %s of run %s has not failed: it was skipped", in.Stage, r.in.Run)
		e.Remedy = "retry the stage it waited for; it comes back with it"
	}
	return fail(e)
}

func (r *recipe) onRetry(ctx workflow.Context, in StageRequest) (RetryAnswer, error) {
	if err := r.mayRetry(in); err != nil {
		return RetryAnswer{}, err
	}
	if r.walk.state[in.Stage] != nodeFailed {
		return r.retries[in.Stage], nil
	}
	before := r.walk.skipped()
	r.walk.retry(in.Stage)
	answer := RetryAnswer{Stage: in.Stage, Retry: r.retries[in.Stage].Retry + 1, Again: []string{in.Stage}}
	for _, name := range before {
		if r.walk.state[name] == nodePending {
			answer.Again = append(answer.Again, name)
		}
	}
	r.retries[in.Stage] = answer
	note := "retry"
	if in.By != "" {
		note += " by " + in.By
	}
	for _, name := range answer.Again {
		r.board.set(ctx, name, func(row *BoardRow) {
			row.State, row.Error, row.Note, row.Started, row.Ended = r1.RunPending, nil, note, time.Time{}, time.Time{}
		})
	}
	return answer, nil
}

func (r *recipe) mayApprove(in StageRequest) error {
	if err := r.open(); err != nil {
		return err
	}
	if err := r.knows(in.Stage); err != nil {
		return err
	}
	if r.asking[in.Stage] && r.questions[in.Stage] != "" || r.approved[in.Stage] != nil || mayAskEarly(r.stages[in.Stage]) {
		return nil
	}
	if conditional(r.stages[in.Stage]) {
		return fail(&r1.Error{
			Name:   "gate-not-reached",
			Detail: fmt.Sprintf("the gate of stage %s of run %s has conditions, and does not wait for an answer now", in.Stage, r.in.Run),
			Remedy: "answer when it waits, and shows the numbers: r1ctl status " + r.in.Run,
		})
	}
	remedy := "nothing in this run waits for an approval"
	var gates []string
	for _, s := range r.in.Stages {
		if s.Gate != nil {
			gates = append(gates, s.Name)
		}
	}
	if reviews(r.stages[in.Stage]) {
		remedy = fmt.Sprintf("it waits for a review: r1ctl review %s %s -o batch.jsonl", r.in.Run, in.Stage)
	} else if len(gates) > 0 {
		remedy = "stages with one: " + strings.Join(gates, ", ")
	}
	return fail(&r1.Error{
		Name:   "unknown-gate",
		Detail: fmt.Sprintf("stage %s of run %s asks for no approval", in.Stage, r.in.Run),
		Remedy: remedy,
	})
}

func (r *recipe) onApprove(ctx workflow.Context, in StageRequest) (ApproveAnswer, error) {
	if err := r.mayApprove(in); err != nil {
		return ApproveAnswer{}, err
	}
	if a := r.approved[in.Stage]; a != nil {
		return ApproveAnswer{Approval: *a, Already: true}, nil
	}
	// The first one that is stored holds, whoever else answers at the same time.
	mine := r1.Approval{Stage: in.Stage, Question: r.question(in.Stage), By: in.By, At: workflow.Now(ctx)}
	input := tasks.ApprovalInput{RunRef: tasks.RunRef{Recipe: r.in.Recipe, Run: r.in.Run}, Approval: mine}
	var stored r1.Approval
	if err := workflow.ExecuteActivity(short(ctx, "record the approval of "+in.Stage), tasks.RecordApproval, input).Get(ctx, &stored); err != nil {
		return ApproveAnswer{}, fmt.Errorf("record the approval of %s: %w", in.Stage, err)
	}
	r.approved[in.Stage] = &stored
	return ApproveAnswer{Approval: stored, Already: !stored.At.Equal(mine.At) || stored.By != mine.By}, nil
}

// shown is what people were last shown of a run.
type shown struct {
	state  r1.RunState
	pauses int
}

// now is what people should see of a run that goes on.
func (r *recipe) now() shown {
	s := shown{r1.RunRunning, r.pauses}
	switch {
	case r.pause != nil:
		s.state = r1.RunPaused
	case r.walk.active > 0 && len(r.asking) == r.walk.active:
		s.state = r1.RunWaiting
	}
	return s
}

// record writes the run record as it should be now.
func (r *recipe) record(ctx workflow.Context, run tasks.RunState) error {
	now := r.now()
	run.State, run.Paused = now.state, r.pause
	err := recordRun(ctx, run)
	r.shown = now
	return err
}

// show keeps the run record at what goes on, until settle: then the record is
// the caller's again.
func (r *recipe) show(ctx workflow.Context, run tasks.RunState) (settle func()) {
	detached, _ := workflow.NewDisconnectedContext(ctx)
	over := false
	workflow.GoNamed(detached, "show", func(ctx workflow.Context) {
		defer func() { over = true }()
		for {
			_ = workflow.Await(ctx, func() bool { return r.ending || r.shown != r.now() }) // never cancelled
			if r.ending || r.record(ctx, run) != nil {
				return
			}
		}
	})
	return func() { _ = workflow.Await(detached, func() bool { return over }) }
}

// seen waits until the run record says what has just been answered.
func (r *recipe) seen(ctx workflow.Context) error {
	return workflow.Await(ctx, func() bool { return r.ending || r.shown == r.now() })
}
