package worker

import (
	"context"
	"crypto/tls"
	"fmt"
	"log/slog"
	"time"

	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/interceptor"
	sdklog "go.temporal.io/sdk/log"
	"go.temporal.io/sdk/worker"

	"github.com/r1ctl/r1ctl/activities"
	"github.com/r1ctl/r1ctl/internal/config"
	"github.com/r1ctl/r1ctl/internal/tasks"
	"github.com/r1ctl/r1ctl/workflows"
)

// Options is what a worker is made of.
type Options struct {
	Client     client.Client
	Activities *activities.Activities
	Slots      int    // attempts followed side by side
	Ready      func() // called once the worker serves; nil is fine
	Log        *slog.Logger
}

// Run serves the task queues until ctx ends. Attempts in flight go on without
// the worker; the next one finds them again.
func Run(ctx context.Context, o Options) error {
	control := worker.New(o.Client, workflows.QueueControl, worker.Options{
		WorkerStopTimeout:                  2 * time.Second,
		MaxHeartbeatThrottleInterval:       time.Second,
		MaxConcurrentActivityExecutionSize: 16,
		Interceptors:                       []interceptor.WorkerInterceptor{&beating{}},
	})
	workflows.Register(control)
	o.Activities.RegisterControl(control)

	attempts := worker.New(o.Client, o.Activities.Queue, worker.Options{
		DisableWorkflowWorker:              true,
		WorkerStopTimeout:                  2 * time.Second,
		MaxHeartbeatThrottleInterval:       time.Second,
		MaxConcurrentActivityExecutionSize: o.Slots,
	})
	o.Activities.RegisterAttempts(attempts)

	// What is to be stopped may hold every slot of the attempts queue.
	reaper := worker.New(o.Client, tasks.ReapQueue(o.Activities.Queue), worker.Options{
		DisableWorkflowWorker:        true,
		WorkerStopTimeout:            2 * time.Second,
		MaxHeartbeatThrottleInterval: time.Second,
	})
	o.Activities.RegisterReap(reaper)

	if err := control.Start(); err != nil {
		return fmt.Errorf("start the control worker: %w", err)
	}
	defer control.Stop()
	if err := attempts.Start(); err != nil {
		return fmt.Errorf("start the attempts worker: %w", err)
	}
	defer attempts.Stop()
	if err := reaper.Start(); err != nil {
		return fmt.Errorf("start the reaping worker: %w", err)
	}
	defer reaper.Stop()
	o.Log.Info("worker is serving", "queues", []string{workflows.QueueControl, o.Activities.Queue}, "slots", o.Slots)
	if o.Ready != nil {
		o.Ready()
	}
	<-ctx.Done()
	return nil
}

// Dial connects to Temporal as the config says.
func Dial(ctx context.Context, t config.Temporal, log *slog.Logger) (client.Client, error) {
	options := client.Options{
		HostPort:  t.Address,
		Namespace: t.Namespace,
		Logger:    sdklog.NewStructuredLogger(log),
	}
	if t.APIKey != "" {
		options.Credentials = client.NewAPIKeyStaticCredentials(t.APIKey)
	}
	if t.TLS || t.APIKey != "" {
		options.ConnectionOptions.TLS = &tls.Config{MinVersion: tls.VersionTLS12}
	}
	c, err := client.DialContext(ctx, options)
	if err != nil {
		return nil, fmt.Errorf("connect to Temporal at %s: %w", t.Address, err)
	}
	return c, nil
}
