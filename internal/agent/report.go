package agent

import (
	"context"
	"path"
	"sync"
	"time"

	"github.com/r1ctl/r1ctl/internal/fault"
	"github.com/r1ctl/r1ctl/internal/r1"
)

// The phases of a heartbeat.
const (
	phaseDownload = "download"
	phaseTrain    = "train"
	phaseStopping = "stopping"
	phaseUpload   = "upload"
)

// piecesPerTick bounds what one tick sends of a stream, so that a flood of
// output does not hold up the heartbeats.
const piecesPerTick = 16

// live is what heartbeats say besides the progress.
type live struct {
	mu         sync.Mutex
	phase      string
	pid        int
	meter      *meter // of the trainer, while it lives
	checkpoint *r1.Checkpoint
}

func (l *live) set(change func(*live)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	change(l)
}

// beat writes heartbeat.json.
func (a *agent) beat(ctx context.Context) error {
	// An older heartbeat must never land on a newer one: the checkpoint it names may be gone.
	a.beating.Lock()
	defer a.beating.Unlock()
	p := a.progress.now()
	hb := r1.Heartbeat{Key: a.spec.Key, Time: fault.Now().UTC(), Step: p.Step, Total: p.Total, Values: p.Values, LogBytes: a.log.Sent(), Host: a.host,
		Since: p.since(), Began: p.began(), Text: p.Text, Warnings: p.Warnings}
	var m *meter
	a.live.set(func(l *live) { hb.Phase, hb.PID, hb.Checkpoint, m = l.phase, l.pid, l.checkpoint, l.meter })
	if m != nil {
		hb.Usage = m.sample(a.cfg.Interval / 2)
	}
	return a.cfg.Store.PutJSON(ctx, path.Join(a.prefix, r1.HeartbeatFile), hb)
}

// ship sends what was added to metrics and log.
func (a *agent) ship(ctx context.Context, maxPieces int) error {
	a.shipping.Lock()
	defer a.shipping.Unlock()
	if _, err := a.metrics.Flush(ctx, maxPieces); err != nil {
		return err
	}
	_, err := a.log.Flush(ctx, maxPieces)
	return err
}

// report sends heartbeats and streams until ctx ends. What fails is tried
// again at the next tick.
func (a *agent) report(ctx context.Context) {
	away := outage{a: a, doing: "report progress"}
	a.everyTick(ctx, func() {
		err := a.beat(ctx)
		if err == nil {
			err = a.ship(ctx, piecesPerTick)
		}
		away.note(ctx, err)
	})
}

// everyTick calls fn now and then once an interval, until ctx ends.
func (a *agent) everyTick(ctx context.Context, fn func()) {
	ticker := time.NewTicker(a.cfg.Interval)
	defer ticker.Stop()
	for ctx.Err() == nil {
		fn()
		select {
		case <-ticker.C:
		case <-ctx.Done():
		}
	}
}

// outage logs when something begins to fail and when it works again, and not
// every time in between.
type outage struct {
	a     *agent
	doing string
	since time.Time
}

func (o *outage) note(ctx context.Context, err error) {
	switch {
	case ctx.Err() != nil:
	case err != nil && o.since.IsZero():
		o.since = time.Now()
		o.a.cfg.Logger.Warn("cannot "+o.doing+" now; trying again", "error", err)
	case err == nil && !o.since.IsZero():
		o.a.cfg.Logger.Info("can "+o.doing+" again", "after", time.Since(o.since).Round(time.Second))
		o.since = time.Time{}
	}
}
