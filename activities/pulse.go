package activities

import (
	"context"
	"sync"
	"time"

	"go.temporal.io/sdk/activity"

	"github.com/r1ctl/r1ctl/internal/tasks"
)

// pulsePause is how often an activity tells Temporal that it lives.
const pulsePause = time.Second

// pulse is an activity's own heartbeat. It beats beside the work, so that a
// scheduler or an S3 that keeps the work waiting never makes the activity look lost.
type pulse struct {
	mu   sync.Mutex
	now  tasks.Progress
	quit context.CancelFunc
	done chan struct{}
}

// startPulse beats until stop. A cancelled activity beats on while it tears down.
func startPulse(ctx context.Context, first tasks.Progress) *pulse {
	ctx, quit := context.WithCancel(context.WithoutCancel(ctx))
	p := &pulse{now: first, quit: quit, done: make(chan struct{})}
	go func() {
		defer close(p.done)
		ticker := time.NewTicker(pulsePause)
		defer ticker.Stop()
		for {
			activity.RecordHeartbeat(ctx, p.progress())
			select {
			case <-ticker.C:
			case <-ctx.Done():
				return
			}
		}
	}()
	return p
}

func (p *pulse) stop() { p.quit(); <-p.done }

func (p *pulse) set(change func(*tasks.Progress)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	change(&p.now)
}

func (p *pulse) progress() tasks.Progress {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.now
}
