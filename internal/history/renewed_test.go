package history

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"sync/atomic"
	"testing"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/temporalproto"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/client"
	sdk "go.temporal.io/sdk/temporal"

	"github.com/r1ctl/r1ctl/internal/r1"
	"github.com/r1ctl/r1ctl/internal/tasks"
	"github.com/r1ctl/r1ctl/workflows"
)

var save = flag.Bool("save-histories", false, "save the histories of a renewed stage for the replay tests in workflows")

// TestAnAttemptOutlivesItsExecution has one student preempted again and again, and
// another one that trains all the while: the stage goes on in new executions, and
// the attempt that lives is never told to stop, and followed by the next one.
func TestAnAttemptOutlivesItsExecution(t *testing.T) {
	e := newEngine(t, 60)
	var follows, others atomic.Int32
	s := &simulated{preempt: map[string]int{"distill/b": 12}}
	s.live = func(ctx context.Context, ref tasks.AttemptRef) error {
		if ref.Job != "a" {
			others.Add(1)
			return nil
		}
		if ref.Attempt != 1 {
			return fmt.Errorf("a second attempt, %d, beside one that lives", ref.Attempt)
		}
		follows.Add(1)
		for others.Load() < 13 {
			activity.RecordHeartbeat(ctx, tasks.Progress{Attempt: 1, State: "running"})
			select {
			case <-time.After(20 * time.Millisecond):
			case <-ctx.Done():
				if sdk.IsCanceledError(context.Cause(ctx)) {
					t.Error("the attempt that lives was told to stop")
				}
				return errors.New("this worker leaves the attempt as it is")
			}
		}
		return nil
	}
	students := []workflows.StageShape{{Name: "distill", Kind: r1.KindDistill, Jobs: []workflows.JobShape{{Name: "a"}, {Name: "b"}}}}
	c := e.count(t, "students", students, s)
	if len(c.executions) < 3 || follows.Load() < 2 {
		t.Errorf("%d executions, and the attempt that lives was followed %d times; want several of both", len(c.executions)-1, follows.Load())
	}
	if c.result.Ran != 2 || c.result.Attempts != 14 {
		t.Errorf("the run says %+v, want two jobs in 14 attempts", c.result)
	}
	e.replay(t, c.executions)
	last := c.executions[len(c.executions)-1]
	described, err := e.DescribeWorkflowExecution(t.Context(), last.id, last.run)
	if err != nil {
		t.Fatal(err)
	}
	attributes := described.GetWorkflowExecutionInfo().GetSearchAttributes().GetIndexedFields()
	if attributes[workflows.AttrStage.GetName()] == nil || attributes[workflows.AttrState.GetName()] == nil {
		t.Errorf("search attributes %v of the last execution, want those of the stage", attributes)
	}
	if *save {
		saveHistory(t, "stage-renewed", c.executions[1])
		saveHistory(t, "stage-renewed-last", last)
	}
}

// TestARenewedStageIsStillTheRuns: a pause and a cancellation of the run reach the
// execution that the stage is in by now.
func TestARenewedStageIsStillTheRuns(t *testing.T) {
	e := newEngine(t, 60)
	s := &simulated{preempt: map[string]int{"zero/main": 1 << 30}}
	defer e.serve(t, s)()
	run := e.start(t, workflows.RunInput{Run: "endless", Recipe: "full-r1", Stages: oneJob(), Budgets: workflows.DefaultBudgets()})
	renewed := func(times int) func() bool {
		return func() bool {
			all, err := e.histories(t.Context(), "endless")
			return err == nil && len(all) > 1+times
		}
	}
	await(t, "new executions of the stage", renewed(2))
	ask := func(update string, request any) {
		t.Helper()
		handle, err := e.UpdateWorkflow(t.Context(), client.UpdateWorkflowOptions{
			WorkflowID: "endless", UpdateName: update, WaitForStage: client.WorkflowUpdateStageCompleted, Args: []any{request},
		})
		if err != nil {
			t.Fatal(err)
		}
		if err := handle.Get(t.Context(), nil); err != nil {
			t.Fatal(err)
		}
	}
	ask(workflows.UpdatePause, workflows.PauseRequest{By: "ada"})
	await(t, "a paused stage", func() bool { return s.is(r1.RunPaused) })
	ask(workflows.UpdateUnpause, workflows.UnpauseRequest{By: "ada"})
	await(t, "a new execution after the pause", renewed(4))
	if err := e.CancelWorkflow(t.Context(), "endless", ""); err != nil {
		t.Fatal(err)
	}
	if err := run.Get(t.Context(), nil); !sdk.IsCanceledError(err) {
		t.Fatalf("the run ended with %v, want cancelled", err)
	}
	stage, err := e.DescribeWorkflowExecution(t.Context(), "endless/zero", "")
	if err != nil {
		t.Fatal(err)
	}
	if got := stage.GetWorkflowExecutionInfo().GetStatus(); got != enumspb.WORKFLOW_EXECUTION_STATUS_CANCELED || !s.is(r1.RunCancelled) {
		t.Errorf("the stage is %s, want cancelled like its run, and recorded so", got)
	}
}

// await asks now and then, for as long as the machine may need.
func await(t *testing.T, what string, is func() bool) {
	t.Helper()
	for end := time.Now().Add(time.Minute); !is(); time.Sleep(100 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("waited in vain for %s", what)
		}
	}
}

func saveHistory(t *testing.T, name string, x execution) {
	t.Helper()
	raw, err := temporalproto.CustomJSONMarshalOptions{Indent: " "}.Marshal(historyOf(x))
	if err != nil {
		t.Fatal(err)
	}
	if host, err := os.Hostname(); err == nil { // of no use to a replay, and nobody's business
		raw = regexp.MustCompile(regexp.QuoteMeta(host)).ReplaceAll(raw, []byte("machine"))
	}
	if err := os.WriteFile(filepath.Join("../../workflows/testdata", name+".json"), raw, 0o644); err != nil {
		t.Fatal(err)
	}
}
