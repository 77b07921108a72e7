package pool

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/r1ctl/r1ctl/internal/launch/childenv"
	"github.com/r1ctl/r1ctl/internal/r1"
)

// Options say what the processes are, and what they may take.
type Options struct {
	// Python is the interpreter of an environment with math-verify and reasoning-gym.
	Python string
	// Environ is the whole environment of the processes, without secrets; PYTHONPATH
	// leads to r1trainer. When nil, it is what childenv.Clean leaves of our own.
	Environ []string
	// Workers is how many processes there are; default one a core.
	Workers int
	// Deadline is when an item's process is killed; default 5 s. The process gives
	// up by itself after 2 to 4 s where it can.
	Deadline time.Duration
	// Recycle is after how many items a process is replaced, as SymPy's caches grow;
	// default 2000.
	Recycle int
	// Log gets what the processes print; nil discards it.
	Log io.Writer
}

// Pool is a number of processes, started when they are first needed.
type Pool struct {
	options Options
	free    chan *worker // those that judge nothing now
	alive   context.Context
	end     context.CancelFunc
	closing sync.Once
	warming sync.Mutex // Start needs every worker, so there is one at a time
	serial  atomic.Uint64
}

// New makes a pool. Nothing is started.
func New(o Options) *Pool {
	if o.Workers <= 0 {
		o.Workers = runtime.GOMAXPROCS(0)
	}
	if o.Deadline <= 0 {
		o.Deadline = 5 * time.Second
	}
	if o.Recycle <= 0 {
		o.Recycle = 2000
	}
	if o.Environ == nil {
		o.Environ = childenv.Clean()
	}
	if o.Log != nil {
		o.Log = &lockedWriter{to: o.Log}
	}
	p := &Pool{options: o, free: make(chan *worker, o.Workers)}
	p.alive, p.end = context.WithCancel(context.Background())
	for range o.Workers {
		p.free <- &worker{pool: p}
	}
	return p
}

// Start starts all processes and has them import their libraries, so that the
// first items need not wait for it and a broken environment shows: as the r1.Error
// verifier-workers. ctx bounds the wait.
func (p *Pool) Start(ctx context.Context) error {
	p.warming.Lock()
	defer p.warming.Unlock()
	workers := make([]*worker, 0, p.options.Workers) // all are held before one is released, so that none is left out
	release := func() {
		for _, w := range workers {
			p.free <- w
		}
	}
	for range p.options.Workers {
		w, err := p.acquire(ctx)
		if err != nil {
			release()
			return fmt.Errorf("start the verifier's processes: %w", err)
		}
		workers = append(workers, w)
	}
	ready := make(chan error, 1)
	go func() {
		var group errgroup.Group
		for _, w := range workers {
			group.Go(func() error { return errors.Join(w.ready(kindMaths), w.ready(kindPuzzle)) })
		}
		ready <- group.Wait()
		release()
	}()
	var failed error
	select {
	case failed = <-ready:
	case <-ctx.Done():
		return ctx.Err()
	}
	if failed == nil {
		return nil
	}
	return &r1.Error{
		Name: "verifier-workers", Detail: "the Python processes that judge mathematics and puzzles cannot be started",
		Remedy: "build the trainer's environment: r1ctl setup", Err: failed,
	}
}

// Close kills the processes and waits until they are gone. Items in flight are
// unverified. It may be called again.
func (p *Pool) Close() error {
	p.closing.Do(func() {
		p.end()
		for range p.options.Workers {
			w := <-p.free
			w.stop()
		}
	})
	return nil
}

var errClosed = errors.New("the pool is closed")

// acquire waits for a worker that is free.
func (p *Pool) acquire(ctx context.Context) (*worker, error) {
	if p.alive.Err() != nil {
		return nil, errClosed
	}
	select {
	case w := <-p.free:
		if p.alive.Err() != nil { // Close collects the workers
			p.free <- w
			return nil, errClosed
		}
		return w, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-p.alive.Done():
		return nil, errClosed
	}
}

func (p *Pool) nextID() string { return fmt.Sprint(p.serial.Add(1)) }

// lockedWriter is written to by all processes at once.
type lockedWriter struct {
	mu sync.Mutex
	to io.Writer
}

func (w *lockedWriter) Write(b []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.to.Write(b)
}
