package workflows

import (
	"fmt"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/r1ctl/r1ctl/internal/r1"
	"github.com/r1ctl/r1ctl/internal/tasks"
)

// Stage runs the jobs of one stage and keeps the stage record that status reads.
// When its history grows long it goes on in a new execution: see renew.go.
func Stage(ctx workflow.Context, in StageInput) (StageResult, error) {
	record := tasks.StageState{Recipe: in.Recipe, Run: in.Run, StageRecord: r1.StageRecord{
		Stage: in.Stage.Name, State: r1.RunRunning, Started: workflow.Now(ctx),
	}}
	left := in.Renewed
	if left == nil {
		left = &Renewed{}
	} else {
		record.Started = left.Started
	}
	if err := saveStage(ctx, record); err != nil { // its search attributes say so already
		return StageResult{}, err
	}
	hold := newHold()
	hold.note = left.Pause
	hold.listen(ctx)
	settle := hold.show(ctx, record)

	result := left.Result
	table := newJobTable(in)
	shapes := map[string]JobShape{}
	nodes := make([]node, 0, len(in.Stage.Jobs))
	for _, j := range in.Stage.Jobs {
		shapes[j.Name] = j
		nodes = append(nodes, node{j.Name, j.After})
	}
	w := newWalker(nodes, hold.paused)
	table.take(left, w)
	renewal, said := &renewal{}, &teller{launched: left.Launched, retried: left.Retried, told: left.Told}
	w.left = func() bool { return renewal.going && ctx.Err() == nil }
	w.run(ctx, func(ctx workflow.Context, job string) error {
		r, err := runJob(ctx, jobRun{in: in, shape: shapes[job], table: table, hold: hold, renew: renewal, said: said})
		if err == nil {
			result.add(r)
		}
		return err
	})
	if w.leaves() {
		return result, renew(ctx, in, record.Started, result, table, hold, said)
	}
	settle()
	table.skip(ctx, w.skipped())
	result.Metrics, result.Last = table.metrics(), table.lastAttempt()
	err := joined(w.errors)

	record.Ended = workflow.Now(ctx)
	switch {
	case err == nil && w.done(): // a cancelled walk has no error where it began nothing
		record.State = r1.RunCompleted
	case ctx.Err() != nil:
		record.State = r1.RunCancelled
		err = temporal.NewCanceledError() // whatever a job said while it was torn down
	default:
		why := explain(err)
		record.State, record.Error, record.ErrorName, record.Remedy = r1.RunFailed, why.Detail, why.Name, why.Remedy
	}
	if rerr := recordStage(ctx, record); rerr != nil && err == nil {
		err = rerr
	}
	return result, err
}

// recordStage shows a stage's new state. It works on a cancelled context too: how
// a stage ended must be seen.
func recordStage(ctx workflow.Context, s tasks.StageState) error {
	detached, _ := workflow.NewDisconnectedContext(ctx)
	if err := workflow.UpsertTypedSearchAttributes(detached, AttrState.ValueSet(string(s.State))); err != nil {
		return fmt.Errorf("set search attributes: %w", err)
	}
	return saveStage(detached, s)
}

// saveStage writes the stage record, also on a cancelled context.
func saveStage(ctx workflow.Context, s tasks.StageState) error {
	detached, _ := workflow.NewDisconnectedContext(ctx)
	return workflow.ExecuteActivity(short(detached, "record that "+s.Stage+" is "+string(s.State)), tasks.RecordStage, s).Get(detached, nil)
}

// joined gives one error for the failures of a walk, in stable order.
func joined(failed map[string]error) error {
	var errs []error
	for _, name := range workflow.DeterministicKeys(failed) {
		if temporal.IsCanceledError(failed[name]) {
			return failed[name]
		}
		errs = append(errs, failed[name])
	}
	switch len(errs) {
	case 0:
		return nil
	case 1:
		return errs[0]
	}
	return fail(several(errs))
}
