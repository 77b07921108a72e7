package chaos

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"
	sdklog "go.temporal.io/sdk/log"

	"github.com/r1ctl/r1ctl/internal/r1"
	"github.com/r1ctl/r1ctl/internal/tasks"
)

// follower is a worker that follows an attempt, as Temporal sees it.
type follower struct {
	pid   int
	since time.Time
}

// followers asks Temporal who follows the attempts of a job's stage now. It dials
// anew each time: a connection that was broken waits before it is tried again.
func followers(ctx context.Context, r rig, job r1.JobKey) ([]follower, error) {
	address, namespace, err := r.temporal()
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	c, err := client.DialContext(ctx, client.Options{HostPort: address, Namespace: namespace, Logger: sdklog.NewStructuredLogger(slog.New(slog.DiscardHandler))})
	if err != nil {
		return nil, fmt.Errorf("ask Temporal: %w", err)
	}
	defer c.Close()
	d, err := c.DescribeWorkflowExecution(ctx, job.Run+"/"+job.Stage, "")
	if err != nil {
		return nil, fmt.Errorf("ask Temporal about stage %s: %w", job.Stage, err)
	}
	var found []follower
	for _, a := range d.GetPendingActivities() {
		if a.GetActivityType().GetName() != tasks.RunAttempt || a.GetState() != enumspb.PENDING_ACTIVITY_STATE_STARTED {
			continue
		}
		f := follower{since: a.GetLastStartedTime().AsTime()}
		before, _, _ := strings.Cut(a.GetLastWorkerIdentity(), "@") // pid@host@
		if _, err := fmt.Sscan(before, &f.pid); err != nil {
			continue
		}
		found = append(found, f)
	}
	return found, nil
}
