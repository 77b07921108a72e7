package worker

import (
	"context"
	"time"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/interceptor"

	"github.com/r1ctl/r1ctl/internal/tasks"
)

// beatPause is how often the worker tells Temporal that an activity lives.
const beatPause = 2 * time.Second

// beating beats for activities that do not do so themselves. One whose worker was
// killed is then missed within its heartbeat timeout, and not only when all the
// time that a slow S3 may take is over.
type beating struct {
	interceptor.WorkerInterceptorBase
}

// InterceptActivity implements interceptor.WorkerInterceptor.
func (beating) InterceptActivity(_ context.Context, next interceptor.ActivityInboundInterceptor) interceptor.ActivityInboundInterceptor {
	return &beat{interceptor.ActivityInboundInterceptorBase{Next: next}}
}

type beat struct {
	interceptor.ActivityInboundInterceptorBase
}

// ExecuteActivity implements interceptor.ActivityInboundInterceptor.
func (b *beat) ExecuteActivity(ctx context.Context, in *interceptor.ExecuteActivityInput) (any, error) {
	info := activity.GetInfo(ctx)
	switch {
	case info.HeartbeatTimeout == 0, info.ActivityType.Name == tasks.RunAttempt, info.ActivityType.Name == tasks.Compute:
		return b.Next.ExecuteActivity(ctx, in) // it says nothing, or more than that it lives
	}
	beats, stop := context.WithCancel(ctx)
	defer stop()
	go func() {
		ticker := time.NewTicker(beatPause)
		defer ticker.Stop()
		for {
			select {
			case <-ticker.C:
				activity.RecordHeartbeat(ctx)
			case <-beats.Done():
				return
			}
		}
	}()
	return b.Next.ExecuteActivity(ctx, in)
}
