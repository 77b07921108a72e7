package activities

import (
	"context"
	"errors"
	"fmt"

	"github.com/r1ctl/r1ctl/internal/r1"
	"github.com/r1ctl/r1ctl/internal/tasks"
)

// FindApproval looks for the answer to a stage's gate.
func (a *Activities) FindApproval(ctx context.Context, ref tasks.JobRef) (tasks.FoundApproval, error) {
	var found r1.Approval
	err := a.Store.GetJSON(ctx, ref.Layout().Approval(ref.Stage), &found)
	if errors.Is(err, r1.ErrNotFound) {
		return tasks.FoundApproval{}, nil
	}
	if err != nil {
		return tasks.FoundApproval{}, fmt.Errorf("look for an approval of %s: %w", ref.Stage, err)
	}
	return tasks.FoundApproval{Approval: &found}, nil
}

// RecordApproval stores the answer to a stage's gate, unless there is one: then
// that one holds, and is returned.
func (a *Activities) RecordApproval(ctx context.Context, in tasks.ApprovalInput) (r1.Approval, error) {
	key := r1.Layout{Recipe: in.Recipe, Run: in.Run}.Approval(in.Stage)
	won, err := a.Store.PutJSONIfAbsent(ctx, key, in.Approval)
	if err != nil {
		return r1.Approval{}, fmt.Errorf("record the approval of %s: %w", in.Stage, err)
	}
	if won {
		return in.Approval, nil
	}
	var first r1.Approval
	if err := a.Store.GetJSON(ctx, key, &first); err != nil {
		return r1.Approval{}, fmt.Errorf("read the approval of %s: %w", in.Stage, err)
	}
	return first, nil
}
