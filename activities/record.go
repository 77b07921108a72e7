package activities

import (
	"context"
	"errors"
	"fmt"

	"github.com/r1ctl/r1ctl/internal/fault"
	"github.com/r1ctl/r1ctl/internal/r1"
	"github.com/r1ctl/r1ctl/internal/tasks"
)

// RecordRun writes the run record. The start of the first execution is kept
// over resumes.
func (a *Activities) RecordRun(ctx context.Context, in tasks.RunState) error {
	key := r1.Layout{Recipe: in.Recipe, Run: in.Run}.StateFile()
	var old r1.RunRecord
	switch err := a.Store.GetJSON(ctx, key, &old); {
	case err == nil && !old.Started.IsZero():
		in.Started = old.Started
	case err != nil && !errors.Is(err, r1.ErrNotFound):
		return fmt.Errorf("read the record of run %s: %w", in.Run, err)
	}
	if err := a.Store.PutJSON(ctx, key, in.RunRecord); err != nil {
		return fmt.Errorf("record run %s: %w", in.Run, err)
	}
	fault.Point(fault.EngineRun, string(in.State))
	return nil
}

// RecordStage writes a stage record. A stage that was complete before a resume
// keeps the times it really ran.
func (a *Activities) RecordStage(ctx context.Context, in tasks.StageState) error {
	key := r1.Layout{Recipe: in.Recipe, Run: in.Run}.StageFile(in.Stage)
	var old r1.StageRecord
	switch err := a.Store.GetJSON(ctx, key, &old); {
	case err == nil && old.State == r1.RunCompleted:
		return nil
	case err == nil && !old.Started.IsZero():
		in.Started = old.Started
	case err != nil && !errors.Is(err, r1.ErrNotFound):
		return fmt.Errorf("read the record of stage %s: %w", in.Stage, err)
	}
	if err := a.Store.PutJSON(ctx, key, in.StageRecord); err != nil {
		return fmt.Errorf("record stage %s: %w", in.Stage, err)
	}
	fault.Point(fault.EngineStage, in.Stage)
	return nil
}
