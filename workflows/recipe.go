package workflows

import (
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

// Recipe runs every stage of a run: each in a child workflow, as soon as the
// stages it needs are committed. When a stage fails, the stages that do not
// need it still run; then the run fails and can be resumed.
func Recipe(ctx workflow.Context, in RunInput) (RunResult, error) {
	board := newBoard(in)
	if err := workflow.SetQueryHandler(ctx, "stages", board.snapshot); err != nil {
		return RunResult{}, fmt.Errorf("set query handler: %w", err)
	}
	listen(ctx, board)
	run := tasks.RunState{Recipe: in.Recipe, RunRecord: r1.RunRecord{
		Run: in.Run, State: r1.RunRunning, Started: workflow.Now(ctx),
	}}
	if err := recordRun(ctx, run); err != nil {
		return RunResult{}, err
	}

	result := RunResult{Stages: len(in.Stages)}
	byName := map[string]StageShape{}
	nodes := make([]node, 0, len(in.Stages))
	for _, s := range in.Stages {
		byName[s.Name] = s
		nodes = append(nodes, node{s.Name, s.Needs})
	}
	failed, skipped := walk(ctx, nodes, func(ctx workflow.Context, name string) error {
		board.set(ctx, name, func(row *BoardRow) { row.State, row.Started = r1.RunRunning, workflow.Now(ctx) })
		r, err := runStage(ctx, in, byName[name])
		board.set(ctx, name, func(row *BoardRow) { row.end(workflow.Now(ctx), r, err) })
		if err == nil {
			result.Ran += r.Ran
			result.Reused += r.Reused
			result.Attempts += r.Attempts
		}
		return err
	})

	err := finish(ctx, &run, failed)
	for _, name := range skipped {
		board.set(ctx, name, func(row *BoardRow) { row.State, row.Note = r1.RunSkipped, "a stage it needs failed" })
	}
	if rerr := recordRun(ctx, run); rerr != nil && err == nil {
		err = rerr
	}
	return result, err
}

// listen takes up what stages tell of their attempts.
func listen(ctx workflow.Context, board *board) {
	attempts := workflow.GetSignalChannel(ctx, attemptSignal)
	workflow.GoNamed(ctx, "listen", func(ctx workflow.Context) {
		var n AttemptNote
		for attempts.Receive(ctx, &n) {
			board.set(ctx, n.Stage, func(row *BoardRow) {
				row.Attempts++
				row.Live = &AttemptNote{Stage: n.Stage, Job: n.Job, Attempt: n.Attempt, Resume: n.Resume}
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
		r.Attempts = max(r.Attempts, result.Attempts)
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

func runStage(ctx workflow.Context, in RunInput, stage StageShape) (StageResult, error) {
	input := StageInput{Run: in.Run, Recipe: in.Recipe, Profile: in.Profile, Stage: stage, Budgets: in.Budgets, Links: in.Links}
	ctx = workflow.WithChildOptions(ctx, workflow.ChildWorkflowOptions{
		WorkflowID:            in.Run + "/" + stage.Name,
		TaskQueue:             QueueControl,
		ParentClosePolicy:     enumspb.PARENT_CLOSE_POLICY_TERMINATE,
		WaitForCancellation:   true,
		StaticSummary:         shortened(stageSummary(stage)),
		StaticDetails:         stageDetails(input),
		TypedSearchAttributes: stageAttributes(in, stage),
	})
	var r StageResult
	err := workflow.ExecuteChildWorkflow(ctx, StageName, input).Get(ctx, &r)
	return r, err
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
