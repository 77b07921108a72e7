package workflows

import (
	"path/filepath"
	"testing"

	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"
)

// TestSavedHistoriesReplay replays histories of real runs: a change that would
// break runs in flight fails here. make histories saves new ones.
func TestSavedHistoriesReplay(t *testing.T) {
	files, err := filepath.Glob("testdata/*.json")
	if err != nil || len(files) < 5 {
		t.Fatalf("%d saved histories (%v), want at least 5", len(files), err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			r := worker.NewWorkflowReplayer()
			Register(r)
			if err := r.ReplayWorkflowHistoryFromJSONFile(nil, file); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestReplayNoticesAChange guards the guard: another workflow under the same
// name must not replay.
func TestReplayNoticesAChange(t *testing.T) {
	r := worker.NewWorkflowReplayer()
	r.RegisterWorkflowWithOptions(func(ctx workflow.Context, in RunInput) (RunResult, error) {
		return RunResult{}, workflow.Sleep(ctx, 1)
	}, workflow.RegisterOptions{Name: RecipeName})
	if err := r.ReplayWorkflowHistoryFromJSONFile(nil, "testdata/recipe.json"); err == nil {
		t.Error("a workflow that does something else replayed without an error")
	}
}
