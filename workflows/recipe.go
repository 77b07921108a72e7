package workflows

import (
	"errors"
	"fmt"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/r1ctl/r1ctl/internal/r1"
	"github.com/r1ctl/r1ctl/internal/tasks"
)

// Typed search attributes; the engine registers them in the namespace.
var (
	AttrRecipe  = temporal.NewSearchAttributeKeyKeyword("R1Recipe")
	AttrProfile = temporal.NewSearchAttributeKeyKeyword("R1Profile")
	AttrStage   = temporal.NewSearchAttributeKeyKeyword("R1Stage")
	AttrState   = temporal.NewSearchAttributeKeyKeyword("R1State")
	AttrOwner   = temporal.NewSearchAttributeKeyKeyword("R1Owner")
)

// attemptSignal is how a stage tells its run of an attempt: an AttemptNote.
const attemptSignal = "attempt"

// recipe is a run on its way to its end.
type recipe struct {
	in     RunInput
	stages map[string]StageShape
	board  *board
	walk   *walker
	result RunResult

	children map[string]workflow.ChildWorkflowFuture // open stages
	pause    *r1.Pause
	pauses   int // how often that changed
	approved map[string]*r1.Approval
	reviewed map[string]*r1.Review
	asking   map[string]bool // stages whose gate waits for a person
	// questions are what these gates asked, with the numbers that they showed.
	questions map[string]string
	retries   map[string]RetryAnswer
	shown     shown
	ending    bool // nothing can be changed any more
}

// Recipe runs every stage of a run: each in a child workflow, as soon as the
// stages it needs are committed and its gate is open. When a stage fails, the
// stages that do not need it still run, and until they are done the stage can be
// retried; then the run fails and can be resumed.
func Recipe(ctx workflow.Context, in RunInput) (RunResult, error) {
	r := &recipe{
		in: in, stages: map[string]StageShape{}, board: newBoard(in), result: RunResult{Stages: len(in.Stages)},
		children: map[string]workflow.ChildWorkflowFuture{}, approved: map[string]*r1.Approval{}, reviewed: map[string]*r1.Review{}, asking: map[string]bool{},
		questions: map[string]string{}, retries: map[string]RetryAnswer{},
	}
	nodes := make([]node, 0, len(in.Stages))
	for _, s := range in.Stages {
		r.stages[s.Name] = s
		nodes = append(nodes, node{s.Name, s.Needs})
	}
	r.walk = newWalker(nodes, func() bool { return r.pause != nil })
	r.leave(ctx)
	if in.Paused != nil {
		r.setPause(ctx, in.Paused)
	}
	if err := r.handle(ctx); err != nil {
		return RunResult{}, err
	}
	r.listen(ctx)
	run := tasks.RunState{Recipe: in.Recipe, RunRecord: r1.RunRecord{Run: in.Run, Started: workflow.Now(ctx), Retries: in.Budgets.retries()}}
	if err := r.record(ctx, run); err != nil {
		return RunResult{}, err
	}
	settle := r.show(ctx, run)
	r.walk.run(ctx, r.node)
	r.ending = true
	settle()

	err := finish(ctx, &run, r.walk.errors)
	for _, name := range r.walk.skipped() {
		r.board.set(ctx, name, func(row *BoardRow) { row.State, row.Note = r1.RunSkipped, "a stage it needs failed" })
	}
	notice, rerr := reapRun(ctx, tasks.RunRef{Recipe: in.Recipe, Run: in.Run}, in.Budgets)
	run.Notice = notice
	r.board.tell(ctx, notice)
	if rerr == nil {
		rerr = recordRun(ctx, run)
	}
	if rerr != nil && err == nil {
		err = rerr
	}
	detached, _ := workflow.NewDisconnectedContext(ctx)
	_ = workflow.Await(detached, func() bool { return workflow.AllHandlersFinished(ctx) }) // never cancelled
	return r.result, err
}

// leave marks the stages that this execution is not to run.
func (r *recipe) leave(ctx workflow.Context) {
	for _, left := range r.in.Left {
		why := &r1.Error{
			Name:   "stage-left",
			Detail: fmt.Sprintf("stage %s is %s, and was left as it was", left.Stage, left.State),
			Remedy: "r1ctl resume " + r.in.Run,
		}
		if f := left.Error; f != nil {
			why = &r1.Error{Name: f.Name, Detail: f.Detail, Remedy: f.Remedy}
		}
		r.walk.fail(left.Stage, fail(why))
		r.board.set(ctx, left.Stage, func(row *BoardRow) { row.State, row.Error = left.State, left.Error })
	}
}

// node runs one stage.
func (r *recipe) node(ctx workflow.Context, name string) error {
	s := r.stages[name]
	err := r.gate(ctx, s)
	if err == nil {
		err = r.review(ctx, s)
	}
	if err != nil {
		r.board.set(ctx, name, func(row *BoardRow) { row.end(workflow.Now(ctx), StageResult{}, err) })
		return err
	}
	r.board.set(ctx, name, func(row *BoardRow) { row.State, row.Started, row.Note = r1.RunRunning, workflow.Now(ctx), "" })
	result, err := r.stage(ctx, s)
	r.board.set(ctx, name, func(row *BoardRow) { row.end(workflow.Now(ctx), result, err) })
	if err == nil {
		r.result.Ran += result.Ran
		r.result.Reused += result.Reused
		r.result.Attempts += result.Attempts
	}
	return err
}

// listen takes up what stages tell of their attempts.
func (r *recipe) listen(ctx workflow.Context) {
	attempts := workflow.GetSignalChannel(ctx, attemptSignal)
	workflow.GoNamed(ctx, "listen", func(ctx workflow.Context) {
		for {
			var n AttemptNote // anew: a field that is left out must not keep its old value
			if !attempts.Receive(ctx, &n) {
				return
			}
			r.board.set(ctx, n.Stage, func(row *BoardRow) {
				row.Attempts, row.Retried = max(row.Attempts+1, n.Launched), max(row.Retried, n.Retried)
				row.Live = &n
			})
		}
	})
}

// end is how a stage came to its end.
func (r *BoardRow) end(now time.Time, result StageResult, err error) {
	r.Ended = now
	switch {
	case err == nil:
		r.State, r.Metrics = r1.RunCompleted, result.Metrics
		r.Attempts, r.Retried = max(r.Attempts, result.Attempts), max(r.Retried, result.Retried)
		if result.Last != nil {
			r.Live = result.Last
		}
		switch {
		case result.Reused > 0 && result.Reused == result.Jobs:
			r.Note = "reused"
		case result.Reused > 0:
			r.Note = fmt.Sprintf("%d of %d jobs reused", result.Reused, result.Jobs)
		case result.Ran == 0:
			r.Note = "committed before"
		}
	case temporal.IsCanceledError(err):
		r.State = r1.RunCancelled
	default:
		why := explain(err)
		r.State, r.Error = r1.RunFailed, &Failure{Name: why.Name, Detail: why.Detail, Remedy: why.Remedy}
	}
}

// finish decides how the run ended and fills its record.
func finish(ctx workflow.Context, run *tasks.RunState, failed map[string]error) error {
	run.Ended = workflow.Now(ctx)
	if ctx.Err() != nil {
		run.State = r1.RunCancelled
		return temporal.NewCanceledError()
	}
	if len(failed) == 0 {
		run.State = r1.RunCompleted
		return nil
	}
	errs := make([]error, 0, len(failed))
	for _, name := range workflow.DeterministicKeys(failed) {
		errs = append(errs, failed[name])
	}
	why := several(errs)
	run.State, run.Error = r1.RunFailed, why.Detail
	return fail(why)
}

// stage runs the child workflow of a stage. Where an execution of this run was
// just terminated, the children it had may be open for a moment.
func (r *recipe) stage(ctx workflow.Context, s StageShape) (StageResult, error) {
	const tries = 6
	for n := 1; ; n++ {
		result, err := r.child(ctx, s)
		if n == tries || !errors.As(err, new(*temporal.ChildWorkflowExecutionAlreadyStartedError)) {
			return result, err
		}
		d := time.Second << n
		text := fmt.Sprintf("wait %s for the end of an earlier execution", d)
		r.board.set(ctx, s.Name, func(row *BoardRow) { row.Note = text })
		if err := workflow.NewTimerWithOptions(ctx, d, workflow.TimerOptions{Summary: text}).Get(ctx, nil); err != nil {
			return StageResult{}, err
		}
	}
}

func (r *recipe) child(ctx workflow.Context, s StageShape) (StageResult, error) {
	if err := workflow.Await(ctx, func() bool { return r.pause == nil }); err != nil {
		return StageResult{}, err
	}
	in := r.in
	input := StageInput{Run: in.Run, Recipe: in.Recipe, Profile: in.Profile, Stage: s, Budgets: in.Budgets, Links: in.Links, Amendment: in.Amendment}
	ctx = workflow.WithChildOptions(ctx, workflow.ChildWorkflowOptions{
		WorkflowID:            in.Run + "/" + s.Name,
		TaskQueue:             QueueControl,
		ParentClosePolicy:     enumspb.PARENT_CLOSE_POLICY_TERMINATE,
		WaitForCancellation:   true,
		StaticSummary:         shortened(stageSummary(s)),
		StaticDetails:         stageDetails(input),
		TypedSearchAttributes: stageAttributes(in, s),
	})
	r.children[s.Name] = workflow.ExecuteChildWorkflow(ctx, StageName, input)
	defer delete(r.children, s.Name)
	var result StageResult
	err := r.children[s.Name].Get(ctx, &result)
	return result, err
}

func stageAttributes(in RunInput, stage StageShape) temporal.SearchAttributes {
	attrs := []temporal.SearchAttributeUpdate{
		AttrRecipe.ValueSet(in.Recipe), AttrProfile.ValueSet(in.Profile), AttrStage.ValueSet(stage.Name), AttrState.ValueSet(string(r1.RunRunning)),
	}
	if in.Owner != "" {
		attrs = append(attrs, AttrOwner.ValueSet(in.Owner))
	}
	return temporal.NewSearchAttributes(attrs...)
}

// recordRun works on a cancelled context too.
func recordRun(ctx workflow.Context, in tasks.RunState) error {
	detached, _ := workflow.NewDisconnectedContext(ctx)
	if err := workflow.UpsertTypedSearchAttributes(detached, AttrState.ValueSet(string(in.State))); err != nil {
		return fmt.Errorf("set search attributes: %w", err)
	}
	return workflow.ExecuteActivity(short(detached, "record that the run is "+string(in.State)), tasks.RecordRun, in).Get(detached, nil)
}
