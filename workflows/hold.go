package workflows

import (
	"time"

	"go.temporal.io/sdk/workflow"

	"github.com/r1ctl/r1ctl/internal/r1"
	"github.com/r1ctl/r1ctl/internal/tasks"
)

// pauseSignal is how a run tells its stages that it is paused, or no more: a PauseNote.
const pauseSignal = "pause"

// PauseNote is what a stage hears of a pause. Notes may overtake each other; the
// one with the highest number holds.
type PauseNote struct {
	Number int  `json:"number"`
	Paused bool `json:"paused"`
	Stop   bool `json:"stop,omitempty"` // also stop what runs, which saves what it has
}

// hold is what a pause means inside a stage: no job and no attempt starts, and
// with stop what runs is ended politely and goes on after the pause.
type hold struct {
	note    PauseNote
	jobs    int // under way
	waiting int // of these: how many wait for the end of the pause
	running map[string]workflow.CancelFunc
	ended   bool // the stage is over: nothing is shown any more
	// recording says that the stage's record is being written.
	recording bool
}

// drain takes up what has arrived and was not taken up yet.
func (h *hold) drain(ctx workflow.Context) {
	notes := workflow.GetSignalChannel(ctx, pauseSignal)
	for {
		var n PauseNote
		if !notes.ReceiveAsync(&n) {
			return
		}
		h.take(n)
	}
}

func newHold() *hold { return &hold{running: map[string]workflow.CancelFunc{}} }

// listen takes up what the run says.
func (h *hold) listen(ctx workflow.Context) {
	notes := workflow.GetSignalChannel(ctx, pauseSignal)
	workflow.GoNamed(ctx, "listen", func(ctx workflow.Context) {
		for {
			var n PauseNote // anew: a field that is left out must not keep its old value
			if !notes.Receive(ctx, &n) {
				return
			}
			h.take(n)
		}
	})
}

func (h *hold) take(n PauseNote) {
	if n.Number <= h.note.Number {
		return
	}
	h.note = n
	if n.Paused && n.Stop {
		for _, job := range workflow.DeterministicKeys(h.running) {
			h.running[job]()
		}
	}
}

func (h *hold) paused() bool { return h.note.Paused }

// idle says whether the stage is paused and nothing of it runs any more.
func (h *hold) idle() bool { return h.paused() && h.waiting == h.jobs }

// wait returns when nothing is paused, and says how long that took.
func (h *hold) wait(ctx workflow.Context) (time.Duration, error) {
	if !h.paused() {
		return 0, ctx.Err()
	}
	began := workflow.Now(ctx)
	h.waiting++
	defer func() { h.waiting-- }()
	err := workflow.Await(ctx, func() bool { return !h.paused() })
	return workflow.Now(ctx).Sub(began), err
}

// guard runs an activity that a pause may stop, and says whether one did. However
// the activity says so counts: one whose worker was lost just then times out.
func (h *hold) guard(ctx workflow.Context, job string, activity func(workflow.Context) error) (stopped bool, err error) {
	mine, cancel := workflow.WithCancel(ctx)
	defer cancel()
	h.running[job] = cancel
	defer delete(h.running, job)
	err = activity(mine)
	return err != nil && mine.Err() != nil && ctx.Err() == nil, err
}

// show keeps the stage's record at what a pause makes of it. It returns a
// function that ends this: after it the record is the caller's again.
func (h *hold) show(ctx workflow.Context, record tasks.StageState) (settle func()) {
	detached, _ := workflow.NewDisconnectedContext(ctx)
	shown, over := false, false
	workflow.GoNamed(detached, "show", func(ctx workflow.Context) {
		defer func() { over = true }()
		for {
			_ = workflow.Await(ctx, func() bool { return h.ended || h.idle() != shown }) // never cancelled
			if h.ended {
				return
			}
			shown = h.idle()
			record.State = r1.RunRunning
			if shown {
				record.State = r1.RunPaused
			}
			h.recording = true
			err := recordStage(ctx, record)
			h.recording = false
			if err != nil {
				return // a record is for reading: the work goes on, and its end is recorded again
			}
		}
	})
	return func() {
		h.ended = true
		_ = workflow.Await(detached, func() bool { return over })
	}
}
