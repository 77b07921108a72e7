package agent

import (
	"context"
	"fmt"
	"time"

	"github.com/r1ctl/r1ctl/internal/artifact"
	"github.com/r1ctl/r1ctl/internal/r1"
)

// maxPause is the longest pause between two tries.
const maxPause = 30 * time.Second

// retry calls fn until it succeeds, fails for good, or S3 was away for longer
// than the agent's patience. The store has tried for a minute or so by itself each time.
func (a *agent) retry(ctx context.Context, doing string, fn func(context.Context) error) error {
	began := time.Now()
	pause := min(a.cfg.Interval, maxPause)
	for {
		err := fn(ctx)
		switch {
		case err == nil:
			return nil
		case ctx.Err() != nil:
			return fmt.Errorf("%s: %w", doing, context.Cause(ctx))
		case !isPassing(err):
			return fmt.Errorf("%s: %w", doing, err)
		case time.Since(began) > a.cfg.Patience:
			return fmt.Errorf("%s: gave up after %s: %w", doing, a.cfg.Patience, err)
		}
		a.cfg.Logger.Warn("waiting for S3", "doing", doing, "error", err)
		select {
		case <-ctx.Done():
		case <-time.After(pause):
		}
		pause = min(2*pause, maxPause)
	}
}

// isPassing says whether an error may go away by itself: an outage, or access
// that is refused until somebody renews the credentials.
func isPassing(err error) bool {
	if artifact.IsUnavailable(err) {
		return true
	}
	named, ok := r1.AsError(err)
	return ok && named.Name == "s3-denied"
}
