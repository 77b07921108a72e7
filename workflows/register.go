package workflows

import (
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"
)

// Register adds the workflows to a worker of QueueControl.
func Register(w worker.WorkflowRegistry) {
	w.RegisterWorkflowWithOptions(Recipe, workflow.RegisterOptions{Name: RecipeName})
	w.RegisterWorkflowWithOptions(Reap, workflow.RegisterOptions{Name: ReapName})
	w.RegisterWorkflowWithOptions(Stage, workflow.RegisterOptions{Name: StageName})
}
