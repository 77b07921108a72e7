package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/r1ctl/r1ctl/internal/embedded/statedir"
	"github.com/r1ctl/r1ctl/internal/embedded/temporal"
)

// maxIdleCheck bounds how rarely the server looks whether it is needed.
const maxIdleCheck = 10 * time.Second

// running is a server all of whose parts are up.
type running struct {
	dir       statedir.Dir
	options   RunOptions
	endpoints Endpoints
	engine    *temporal.Server
	log       *slog.Logger
	reports   *reporter
}

// untilDone runs the worker, announces the server, and stays until one of the
// reasons to end. Clients stop finding the server before anything is torn down.
func (r *running) untilDone(ctx context.Context) error {
	w := r.startWorker(ctx)
	defer r.stopWorker(w)
	select {
	case <-w.ready:
	case <-w.ended:
		return r.workerEnded(ctx, w)
	case err := <-r.engine.Failed():
		return err
	case <-ctx.Done():
		return nil
	}

	if err := r.announce(); err != nil {
		return err
	}
	defer func() {
		if err := r.withdraw(); err != nil {
			r.log.Error("cannot withdraw", "cause", err)
		}
	}()
	r.log.Info("server is ready", "endpoints", r.endpoints.String())
	r.reports.send(report{Ready: true})
	r.reports.close()

	idle := make(chan struct{})
	if r.options.IdleTimeout > 0 {
		idleCtx, cancel := context.WithCancel(ctx)
		defer cancel()
		go r.watchIdle(idleCtx, idle)
	}
	select {
	case <-ctx.Done():
		r.log.Info("server was asked to end")
		return nil
	case <-idle:
		r.log.Info("server ends: nothing needs it")
		return nil
	case err := <-r.engine.Failed():
		r.log.Error("Temporal failed", "cause", err)
		return err
	case <-w.ended:
		return r.workerEnded(ctx, w)
	}
}

// worker is the running RunWorker.
type worker struct {
	cancel context.CancelFunc
	ready  chan struct{}
	ended  chan struct{}
	err    error // once ended
}

func (r *running) startWorker(ctx context.Context) *worker {
	ctx, cancel := context.WithCancel(ctx)
	w := &worker{cancel: cancel, ready: make(chan struct{}), ended: make(chan struct{})}
	ready := sync.OnceFunc(func() { close(w.ready) })
	go func() {
		defer close(w.ended)
		w.err = r.options.RunWorker(ctx, r.endpoints, ready)
	}()
	return w
}

func (r *running) stopWorker(w *worker) {
	w.cancel()
	select {
	case <-w.ended:
	case <-time.After(workerPatience):
		r.log.Warn("the worker did not end in time; the next server takes up its activities again")
	}
}

// workerEnded is the error of a worker that ended by itself.
func (r *running) workerEnded(ctx context.Context, w *worker) error {
	if ctx.Err() != nil && (w.err == nil || errors.Is(w.err, context.Canceled)) {
		return nil
	}
	err := w.err
	if err == nil {
		err = errors.New("it returned without being asked to")
	}
	r.log.Error("the worker ended", "cause", err)
	return fmt.Errorf("worker: %w", err)
}

func (r *running) announce() error { return statedir.WriteJSON(r.dir.ServerFile(), r.endpoints) }

func (r *running) withdraw() error { return removeIfThere(r.dir.ServerFile()) }

// watchIdle closes idle when for IdleTimeout there was neither a client nor work.
func (r *running) watchIdle(ctx context.Context, idle chan<- struct{}) {
	tick := time.NewTicker(max(10*time.Millisecond, min(r.options.IdleTimeout/4, maxIdleCheck)))
	defer tick.Stop()
	needed := time.Now()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if lease := leased(r.dir); lease.After(needed) {
			needed = lease
		}
		if time.Since(needed) < r.options.IdleTimeout {
			continue
		}
		busy, err := r.busy(ctx)
		if err != nil {
			r.log.Warn("cannot tell whether work is open; staying", "cause", err)
		}
		if err != nil || busy {
			needed = time.Now()
			continue
		}
		left, err := r.leave(needed)
		if err != nil {
			r.log.Error("cannot leave", "cause", err)
			continue
		}
		if left {
			close(idle)
			return
		}
	}
}

// leave withdraws the server unless a client has just come. A client touches
// the lease and then looks for the server; the server withdraws and then looks
// at the lease: so one of the two always notices the other.
func (r *running) leave(needed time.Time) (bool, error) {
	if err := r.withdraw(); err != nil {
		return false, err
	}
	if !leased(r.dir).After(needed) {
		return true, nil
	}
	return false, r.announce()
}

func (r *running) busy(ctx context.Context) (bool, error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	if r.options.Busy != nil {
		return r.options.Busy(ctx)
	}
	n, err := r.engine.OpenWorkflows(ctx)
	return n > 0, err
}
