package slurm

import (
	"context"
	"sync"
	"time"
)

// poller asks squeue once for all who want to know at the same time.
type poller struct {
	look func(context.Context) (map[string][]job, error)
	now  func() time.Time

	mu     sync.Mutex
	last   *snapshot
	flight chan struct{} // closed when the question under way is answered; nil without one
}

// snapshot is an answer of squeue, or why there is none.
type snapshot struct {
	began time.Time // when it was asked: what happened later it may not show
	jobs  map[string][]job
	err   error
}

// jobs gives an answer to a question that was asked at most age before now.
// It waits for the question under way before it asks another.
func (p *poller) jobs(ctx context.Context, age time.Duration) (map[string][]job, error) {
	oldest := p.now().Add(-age)
	for {
		p.mu.Lock()
		if s := p.last; s != nil && !s.began.Before(oldest) {
			p.mu.Unlock()
			return s.jobs, s.err
		}
		if p.flight == nil {
			p.flight = make(chan struct{})
			go p.ask(context.WithoutCancel(ctx), p.flight) // others wait for it too
		}
		flight := p.flight
		p.mu.Unlock()
		select {
		case <-flight:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

func (p *poller) ask(ctx context.Context, done chan struct{}) {
	s := &snapshot{began: p.now()}
	s.jobs, s.err = p.look(ctx)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.last, p.flight = s, nil
	close(done)
}
