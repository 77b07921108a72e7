package history

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"testing"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/log"
	"go.temporal.io/sdk/worker"

	"github.com/r1ctl/r1ctl/internal/embedded/temporal"
	"github.com/r1ctl/r1ctl/workflows"
)

// engine is a real Temporal server with a client.
type engine struct {
	client.Client
	logger log.Logger
}

// newEngine starts a server that asks for new executions after so many events; 0
// is its own number.
func newEngine(t *testing.T, renewAfter int) *engine {
	t.Helper()
	const host = "127.0.0.1"
	var ports []int
	var held []net.Listener
	for range 3 {
		l, err := net.Listen("tcp4", net.JoinHostPort(host, "0"))
		if err != nil {
			t.Fatal(err)
		}
		held = append(held, l) // until all are known, so that they differ
		ports = append(ports, l.Addr().(*net.TCPAddr).Port)
	}
	for _, l := range held {
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
	}
	var attributes []string
	for _, a := range []interface{ GetName() string }{workflows.AttrRecipe, workflows.AttrProfile, workflows.AttrStage, workflows.AttrState, workflows.AttrOwner} {
		attributes = append(attributes, a.GetName())
	}
	s, err := temporal.Start(t.Context(), temporal.Config{
		DatabaseDir: t.TempDir(), Host: host, Port: ports[0], HTTPPort: ports[1], UIPort: ports[2],
		Namespace: "r1ctl", Retention: 24 * time.Hour, SearchAttributes: attributes,
		Logger: temporal.NewLogger(io.Discard), RenewAfter: renewAfter,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Stop)
	logger := log.NewStructuredLogger(slog.New(slog.DiscardHandler))
	c, err := client.Dial(client.Options{HostPort: s.Address(), Namespace: "r1ctl", Logger: logger})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return &engine{Client: c, logger: logger}
}

// serve runs workers with the real workflows and simulated attempts, until stop.
func (e *engine) serve(t *testing.T, s *simulated) (stop func()) {
	t.Helper()
	control := worker.New(e.Client, workflows.QueueControl, worker.Options{})
	workflows.Register(control)
	s.register(control)
	attempts := worker.New(e.Client, queue, worker.Options{DisableWorkflowWorker: true, MaxHeartbeatThrottleInterval: time.Second})
	s.registerAttempts(attempts)
	for _, w := range []worker.Worker{control, attempts} {
		if err := w.Start(); err != nil {
			t.Fatal(err)
		}
	}
	return func() {
		attempts.Stop()
		control.Stop()
	}
}

// start begins a run.
func (e *engine) start(t *testing.T, in workflows.RunInput) client.WorkflowRun {
	t.Helper()
	run, err := e.ExecuteWorkflow(t.Context(), client.StartWorkflowOptions{ID: in.Run, TaskQueue: workflows.QueueControl}, workflows.RecipeName, in)
	if err != nil {
		t.Fatal(err)
	}
	return run
}

// drive brings a run to its end.
func (e *engine) drive(t *testing.T, s *simulated, in workflows.RunInput) workflows.RunResult {
	t.Helper()
	defer e.serve(t, s)()
	var result workflows.RunResult
	if err := e.start(t, in).Get(t.Context(), &result); err != nil {
		t.Fatal(err)
	}
	return result
}

// execution is one history.
type execution struct {
	id, run string
	events  []*historypb.HistoryEvent
	bytes   int64
}

// histories are those of a run and of its stages, with all their executions.
func (e *engine) histories(ctx context.Context, run string) ([]execution, error) {
	recipe, err := e.history(ctx, run, "")
	if err != nil {
		return nil, err
	}
	all := []execution{recipe}
	for _, event := range recipe.events {
		started := event.GetChildWorkflowExecutionStartedEventAttributes()
		if started == nil {
			continue
		}
		id := started.GetWorkflowExecution().GetWorkflowId()
		for next := started.GetWorkflowExecution().GetRunId(); next != ""; {
			stage, err := e.history(ctx, id, next)
			if err != nil {
				return nil, err
			}
			all = append(all, stage)
			next = stage.events[len(stage.events)-1].GetWorkflowExecutionContinuedAsNewEventAttributes().GetNewExecutionRunId()
		}
	}
	return all, nil
}

func (e *engine) history(ctx context.Context, id, run string) (execution, error) {
	x := execution{id: id, run: run}
	events := e.GetWorkflowHistory(ctx, id, run, false, enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	for events.HasNext() {
		event, err := events.Next()
		if err != nil {
			return x, fmt.Errorf("read the history of %s: %w", id, err)
		}
		x.events = append(x.events, event)
	}
	described, err := e.DescribeWorkflowExecution(ctx, id, run)
	if err != nil {
		return x, fmt.Errorf("describe %s: %w", id, err)
	}
	x.bytes = described.GetWorkflowExecutionInfo().GetHistorySizeBytes()
	return x, nil
}
