package workflows

import (
	"fmt"
	"strings"

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

// Recipe runs every stage of a run: each in a child workflow, as soon as the
// stages it needs are committed. When a stage fails, the stages that do not
// need it still run; then the run fails and can be resumed.
func Recipe(ctx workflow.Context, in RunInput) (RunResult, error) {
	board := newBoard(in.Stages)
	if err := workflow.SetQueryHandler(ctx, "stages", board.snapshot); err != nil {
		return RunResult{}, fmt.Errorf("set query handler: %w", err)
	}
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
		board.set(ctx, name, r1.RunRunning, "")
		r, err := runStage(ctx, in, byName[name])
		if err != nil {
			state := r1.RunFailed
			if temporal.IsCanceledError(err) {
				state = r1.RunCancelled
			}
			board.set(ctx, name, state, cause(err))
			return err
		}
		note := ""
		if r.Ran == 0 {
			note = "nothing to run"
		}
		if r.Reused > 0 {
			note = fmt.Sprintf("%d of %d jobs reused", r.Reused, r.Jobs)
		}
		board.set(ctx, name, r1.RunCompleted, note)
		result.Ran += r.Ran
		result.Reused += r.Reused
		result.Attempts += r.Attempts
		return nil
	})

	err := finish(ctx, &run, failed)
	for _, name := range skipped {
		board.set(ctx, name, r1.RunSkipped, "a stage it needs failed")
	}
	if rerr := recordRun(ctx, run); rerr != nil && err == nil {
		err = rerr
	}
	return result, err
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
	texts := make([]string, 0, len(failed))
	for _, name := range workflow.DeterministicKeys(failed) {
		texts = append(texts, cause(failed[name]))
	}
	run.State, run.Error = r1.RunFailed, strings.Join(texts, "; ")
	return temporal.NewNonRetryableApplicationError(run.Error, "run-failed", nil)
}

func runStage(ctx workflow.Context, in RunInput, stage StageShape) (StageResult, error) {
	summary := string(stage.Kind)
	if stage.Title != "" {
		summary = stage.Title
	}
	ctx = workflow.WithChildOptions(ctx, workflow.ChildWorkflowOptions{
		WorkflowID:            in.Run + "/" + stage.Name,
		TaskQueue:             QueueControl,
		ParentClosePolicy:     enumspb.PARENT_CLOSE_POLICY_TERMINATE,
		WaitForCancellation:   true,
		StaticSummary:         summary,
		TypedSearchAttributes: temporal.NewSearchAttributes(AttrRecipe.ValueSet(in.Recipe), AttrProfile.ValueSet(in.Profile), AttrStage.ValueSet(stage.Name)),
	})
	input := StageInput{Run: in.Run, Recipe: in.Recipe, Profile: in.Profile, Stage: stage, Budgets: in.Budgets}
	var r StageResult
	err := workflow.ExecuteChildWorkflow(ctx, StageName, input).Get(ctx, &r)
	return r, err
}

// recordRun works on a cancelled context too.
func recordRun(ctx workflow.Context, in tasks.RunState) error {
	detached, _ := workflow.NewDisconnectedContext(ctx)
	if err := workflow.UpsertTypedSearchAttributes(detached, AttrState.ValueSet(string(in.State))); err != nil {
		return fmt.Errorf("set search attributes: %w", err)
	}
	return workflow.ExecuteActivity(short(detached, "record: run "+string(in.State)), tasks.RecordRun, in).Get(detached, nil)
}
