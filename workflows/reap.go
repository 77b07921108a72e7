package workflows

import (
	"go.temporal.io/sdk/workflow"

	"github.com/r1ctl/r1ctl/internal/tasks"
)

// Reap stops what a run left alive when its own workflow can no longer do it,
// and returns how many attempts that were.
func Reap(ctx workflow.Context, in tasks.ReapInput) (int, error) {
	in.Now = workflow.Now(ctx)
	var stopped int
	err := workflow.ExecuteActivity(short(ctx, "stop what still lives of "+in.Run), tasks.Reap, in).Get(ctx, &stopped)
	return stopped, err
}
