package activities

import (
	"context"
	"errors"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/r1ctl/r1ctl/internal/r1"
	"github.com/r1ctl/r1ctl/internal/tasks"
)

const (
	// pastReads is how many objects of earlier attempts are read at once.
	pastReads = 16
	// pastFresh is how many of the newest attempts are looked at anew each time.
	pastFresh = 16
	// pastLimit is how many attempts are remembered: of one job that was preempted
	// every few minutes for weeks.
	pastLimit = 10_000
)

// past remembers old attempts that have left a result: neither that nor their
// checkpoints change any more. Preparing the thousandth attempt of a job would
// otherwise read some thousand objects again.
type past struct {
	mu          sync.Mutex
	results     map[string]r1.Result // by the attempt's key
	checkpoints map[string][]r1.Checkpoint
}

func (p *past) result(key r1.AttemptKey) (r1.Result, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	res, ok := p.results[key.String()]
	return res, ok
}

func (p *past) stored(key r1.AttemptKey) ([]r1.Checkpoint, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	list, ok := p.checkpoints[key.String()]
	return list, ok
}

func (p *past) ended(key r1.AttemptKey, res r1.Result) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.results) >= pastLimit || p.results == nil {
		p.results, p.checkpoints = map[string]r1.Result{}, map[string][]r1.Checkpoint{}
	}
	p.results[key.String()] = res
}

// keep remembers the checkpoints of an attempt that has a result; those of another
// may become more.
func (p *past) keep(key r1.AttemptKey, list []r1.Checkpoint) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if _, ok := p.results[key.String()]; ok {
		p.checkpoints[key.String()] = list
	}
}

// recall reads what is not remembered of the older ones of a job's attempts, many
// at once.
func (a *Activities) recall(ctx context.Context, ref tasks.JobRef, attempts []int) error {
	attempts = attempts[:max(0, len(attempts)-pastFresh)]
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(pastReads)
	for _, n := range attempts {
		g.Go(func() error {
			key := ref.Key().Attempt(n)
			_, err := a.result(ctx, ref.Layout(), key)
			if errors.Is(err, r1.ErrNotFound) {
				return nil
			}
			if err != nil {
				return err
			}
			stored, err := a.checkpoints(ctx, ref, key)
			if err == nil {
				a.past.keep(key, stored)
			}
			return err
		})
	}
	return g.Wait()
}

// decisive are the beginnings that the proof of a resume goes by: of those at an
// earlier step than the checkpoint the one furthest in the data, and of those at a
// later one, before a roll-back, the one least far.
func decisive(began []r1.Beginning, resume *r1.Checkpoint) []r1.Beginning {
	if resume == nil {
		return nil // nothing is asked of a fresh start
	}
	var before, after *r1.Beginning
	for i := range began {
		b := &began[i]
		switch {
		case b.Step < resume.Step && (before == nil || b.Cursor > before.Cursor):
			before = b
		case b.Step > resume.Step && (after == nil || b.Cursor < after.Cursor):
			after = b
		}
	}
	var out []r1.Beginning
	for _, b := range []*r1.Beginning{before, after} {
		if b != nil {
			out = append(out, *b)
		}
	}
	return out
}
