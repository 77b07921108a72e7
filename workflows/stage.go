package workflows

import (
	"errors"
	"strings"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/r1ctl/r1ctl/internal/r1"
	"github.com/r1ctl/r1ctl/internal/tasks"
)

// Stage runs the jobs of one stage and keeps the stage record that status reads.
func Stage(ctx workflow.Context, in StageInput) (StageResult, error) {
	record := tasks.StageState{Recipe: in.Recipe, Run: in.Run, StageRecord: r1.StageRecord{
		Stage: in.Stage.Name, State: r1.RunRunning, Started: workflow.Now(ctx),
	}}
	if err := recordStage(ctx, record); err != nil {
		return StageResult{}, err
	}

	var result StageResult
	nodes := make([]node, 0, len(in.Stage.Jobs))
	for _, j := range in.Stage.Jobs {
		nodes = append(nodes, node{j.Name, j.After})
	}
	failed, _ := walk(ctx, nodes, func(ctx workflow.Context, job string) error {
		r, err := runJob(ctx, in, job)
		if err == nil {
			result.add(r)
		}
		return err
	})
	err := joined(failed)

	record.Ended = workflow.Now(ctx)
	switch {
	case err == nil:
		record.State = r1.RunCompleted
	case ctx.Err() != nil:
		record.State = r1.RunCancelled
	default:
		record.State, record.Error = r1.RunFailed, cause(err)
	}
	if rerr := recordStage(ctx, record); rerr != nil && err == nil {
		err = rerr
	}
	return result, err
}

// recordStage works on a cancelled context too: how a stage ended must be seen.
func recordStage(ctx workflow.Context, s tasks.StageState) error {
	detached, _ := workflow.NewDisconnectedContext(ctx)
	return workflow.ExecuteActivity(short(detached, "record: "+s.Stage+" "+string(s.State)), tasks.RecordStage, s).Get(detached, nil)
}

// joined gives one error for the failures of a walk, in stable order.
func joined(failed map[string]error) error {
	names := workflow.DeterministicKeys(failed)
	switch len(names) {
	case 0:
		return nil
	case 1:
		return failed[names[0]]
	}
	texts := make([]string, 0, len(names))
	for _, name := range names {
		if temporal.IsCanceledError(failed[name]) {
			return failed[name]
		}
		texts = append(texts, cause(failed[name]))
	}
	return temporal.NewNonRetryableApplicationError(strings.Join(texts, "; "), "jobs-failed", nil)
}

// cause is the message of the innermost application error: what happened,
// without the layers it went through.
func cause(err error) string {
	text := err.Error()
	for e := err; e != nil; e = errors.Unwrap(e) {
		var app *temporal.ApplicationError
		if errors.As(e, &app) {
			text = app.Message()
			e = app
		}
	}
	return text
}
