package chaos

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/r1ctl/r1ctl/internal/fault"
	"github.com/r1ctl/r1ctl/internal/launch/procstat"
	"github.com/r1ctl/r1ctl/internal/r1"
)

// blow is a fault that happened.
type blow struct {
	order   Order
	at      time.Time
	over    time.Time // the cause is gone: at once, or when it has lasted
	victims []Process
	before  state // when it happened
	after   state // when the cause was gone
	note    string
}

// state is how far a job has come.
type state struct {
	position   position
	checkpoint int
	tries      int
	committed  bool
	progress   string
}

func (d *drive) look(j Job) state {
	if j.Stage == "" {
		return state{checkpoint: -1, progress: d.progress()}
	}
	k := d.key(j)
	return state{position: d.view.position(k), checkpoint: d.view.checkpoint(k), tries: len(d.view.tries(k)), committed: d.view.committed(k), progress: d.progress()}
}

// strike waits for the moment of an order and injects it.
func (d *drive) strike(ctx context.Context, o Order) (blow, error) {
	switch {
	case o.Kind.Act == Pass:
		return d.strikePoint(ctx, o)
	case o.Kind.Act == Misbehave:
		return d.strikeTrainer(ctx, o)
	case o.Kind.At != "":
		held := fault.Order{Do: fault.Delay, Delay: 3 * time.Second, Only: only(o, o.Kind.At)}
		if _, err := d.pass(ctx, o, o.Kind.At, held); err != nil {
			return blow{}, err
		}
	default:
		if err := d.training(ctx, o); err != nil {
			return blow{}, err
		}
	}
	d.hurting = true
	b := blow{order: o, before: d.look(o.Job)}
	undo, err := d.act(ctx, &b)
	if err != nil {
		return b, err
	}
	return b, d.last(ctx, &b, undo)
}

// last waits until what lasts has lasted, and undoes it.
func (d *drive) last(ctx context.Context, b *blow, undo func() error) error {
	b.over = b.at
	if undo != nil {
		select {
		case <-ctx.Done():
		case <-time.After(b.order.Kind.Lasts):
		}
		if err := undo(); err != nil {
			return fmt.Errorf("end the fault: %w", err)
		}
		b.over = time.Now()
	}
	b.after = d.look(b.order.Job)
	return ctx.Err()
}

// training waits until a trainer of the job is in the midst of its work.
func (d *drive) training(ctx context.Context, o Order) error {
	j := d.key(o.Job)
	lines := 2 + d.rng.IntN(5)
	if d.rig.base().name == Real {
		lines = 1
	}
	return d.until(ctx, "training of "+o.Job.String(), func() (bool, error) {
		if d.view.committed(j) || d.view.state().State.Ended() {
			return false, &missedError{"the job was over too soon"}
		}
		d.approach(o.Job)
		all := d.rig.base().processes()
		if len(with(leaders(all), RoleTrainer, &j)) == 0 || o.Kind.On == PartVerifier && len(with(all, RoleVerifier, &j)) == 0 {
			return false, nil
		}
		return d.view.position(j).lines >= lines, nil
	})
}

// act does what a kind is. What it returns undoes it; nil where it is over at once.
func (d *drive) act(ctx context.Context, b *blow) (undo func() error, err error) {
	k := b.order.Kind
	b.at = time.Now()
	switch k.Act {
	case Kill, Terminate, Freeze:
		if b.victims, err = d.victims(ctx, b.order); err != nil {
			return nil, err
		}
		b.at = time.Now()
		sig := map[Act]syscall.Signal{Kill: syscall.SIGKILL, Terminate: syscall.SIGTERM, Freeze: syscall.SIGSTOP}[k.Act]
		if err := send(b.victims, sig); err != nil {
			return nil, err
		}
		if k.Act == Freeze {
			return func() error { return send(b.victims, syscall.SIGCONT) }, nil
		}
		if k.Arg == "two" {
			return nil, d.resumeTwice(ctx)
		}
		return nil, nil
	case Spoil:
		return d.spoil(ctx, b)
	case Shift:
		file := filepath.Join(d.rig.base().faults(), "clock")
		return func() error { return os.Remove(file) }, os.WriteFile(file, []byte(k.Arg), 0o600)
	case Fill:
		return fill(d.rig.base().state())
	}
	return nil, fmt.Errorf("nobody knows how to do %q", k.Act)
}

// victims are the processes that a fault is about.
func (d *drive) victims(ctx context.Context, o Order) ([]Process, error) {
	j := d.key(o.Job)
	all := d.rig.base().processes()
	var list []Process
	switch o.Kind.On {
	case PartEngine, PartWorkers:
		list = d.rig.drivers()
	case PartWorker:
		list = d.following(ctx, o.Job)
	case PartAgent:
		list = with(leaders(all), RoleAgent, &j)
	case PartTrainer:
		list = with(leaders(all), RoleTrainer, &j)
	case PartVerifier:
		list = with(all, RoleVerifier, &j)
	case PartS3:
		list = with(all, RoleS3, nil)
	case PartTemporal:
		list = with(all, RoleTemporal, nil)
	}
	if len(list) == 0 {
		return nil, &missedError{fmt.Sprintf("there was no %s at the moment", o.Kind.On)}
	}
	return list, nil
}

// following is the worker that follows the job, or any where none is known to.
func (d *drive) following(ctx context.Context, j Job) []Process {
	workers := d.rig.drivers()
	found, _ := followers(ctx, d.rig, d.key(j)) // an answer that does not come leaves the choice open
	for _, f := range found {
		for _, w := range workers {
			if w.PID == f.pid {
				return []Process{w}
			}
		}
	}
	return workers[:min(1, len(workers))]
}

func send(list []Process, sig syscall.Signal) error {
	var errs []error
	for _, p := range list {
		errs = append(errs, procstat.SignalIf(p.PID, sig, p.same))
	}
	return errors.Join(errs...)
}

// resumeTwice is two people who run r1ctl resume at once, after an engine died.
func (d *drive) resumeTwice(ctx context.Context) error {
	other := make(chan error, 1)
	resume := func() error { _, err := d.rig.base().r1ctl(ctx, "resume", RunID, "--detach"); return err }
	d.repaired = time.Now()
	go func() { other <- resume() }()
	err := resume()
	return errors.Join(err, <-other)
}

// spoil takes a service of a cluster away, or lets S3 answer wrongly.
func (d *drive) spoil(ctx context.Context, b *blow) (func() error, error) {
	c, ok := d.rig.(*cluster)
	if !ok {
		return nil, fmt.Errorf("%s needs a cluster", b.order.Kind.Name)
	}
	k := b.order.Kind
	if k.Arg != "down" {
		return func() error { return c.proxy.Set("pass") }, c.proxy.Set(k.Arg)
	}
	name, role := serviceS3, RoleS3
	if k.On == PartTemporal {
		name, role = serviceTemporal, RoleTemporal
	}
	c.hold(name, true)
	b.victims = with(c.processes(), role, nil)
	return func() error { c.hold(name, false); return c.repair(ctx, RunID) }, send(b.victims, syscall.SIGKILL)
}

// arm puts an order where the process that passes the point finds it.
func (d *drive) arm(o Order) error {
	d.armed[o.Kind.Arg] = true
	return d.put(o.Kind.Arg, d.orderAt(o))
}

func (d *drive) orderAt(o Order) fault.Order {
	return fault.Order{Do: o.Kind.Do, Only: only(o, o.Kind.Arg)}
}

// only is the part of a point's detail that says that it is about the job.
func only(o Order, point string) string {
	switch {
	case o.Kind.In == Closing:
		return string(r1.RunCompleted)
	case aboutStage(point):
		return o.Job.Stage
	}
	return o.Job.Stage + "/" + o.Job.Name
}

// aboutStage says whether a point's detail names the stage, and not the job.
func aboutStage(point string) bool {
	return point == fault.EngineStage || point == fault.StoreFiles || point == fault.StoreManifest
}

// isOver says whether nobody will pass a point for the job any more.
func (d *drive) isOver(j Job, point string) bool {
	switch {
	case d.view.state().State.Ended():
		return true
	case j.Stage == "":
		return false
	case aboutStage(point):
		return d.view.stage(j.Stage).State == r1.RunCompleted
	}
	return d.view.committed(d.key(j))
}

func (d *drive) put(point string, order fault.Order) error {
	raw, err := json.Marshal(order)
	if err != nil {
		return fmt.Errorf("encode an order: %w", err)
	}
	file := filepath.Join(d.rig.base().faults(), point)
	if err := os.Remove(file + ".fired"); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("arm %s: %w", point, err)
	}
	if err := os.WriteFile(file+".part", raw, 0o600); err != nil {
		return fmt.Errorf("arm %s: %w", point, err)
	}
	return os.Rename(file+".part", file+".armed")
}

func (d *drive) disarm(o Order) {
	for _, point := range []string{o.Kind.Arg, o.Kind.At} {
		if point != "" {
			_ = os.Remove(filepath.Join(d.rig.base().faults(), point+".armed")) // most often it is not there
			delete(d.armed, point)
		}
	}
	_ = os.Remove(d.behaviour(o))
}

// fired reads what became of an armed point.
func (d *drive) fired(point string) (fault.Record, bool) {
	var rec fault.Record
	raw, err := os.ReadFile(filepath.Join(d.rig.base().faults(), point+".fired"))
	return rec, err == nil && json.Unmarshal(raw, &rec) == nil
}

// armNext arms the point of the next fault while the run gets over this one: it may be
// passed as soon as the run goes on. A job is hurt a second time at a later point only.
func (d *drive) armNext(o Order) error {
	if len(d.orders) < 2 {
		return nil
	}
	next := d.orders[1]
	switch {
	case next.Kind.Act != Pass, next.Kind.Arg == o.Kind.Arg, next.Kind.Arg == o.Kind.At, d.armed[next.Kind.Arg]:
		return nil
	case next.Job == o.Job && next.Kind.rankIn() <= o.Kind.rankIn() && lifeOf(next.Kind.Arg) <= lifeOf(o.Kind.Arg):
		return nil
	case next.Job == o.Job && o.Kind.endsAttempt(): // the attempt that ends must be able to say how
		return nil
	}
	return d.arm(next)
}

// pass arms a point, unless it was armed ahead, and waits until somebody passes it.
func (d *drive) pass(ctx context.Context, o Order, point string, order fault.Order) (fault.Record, error) {
	if !d.armed[point] {
		if d.isOver(o.Job, point) {
			return fault.Record{}, &missedError{"the job was over before " + point + " was armed"}
		}
		if err := d.put(point, order); err != nil {
			return fault.Record{}, err
		}
	}
	delete(d.armed, point)
	var rec fault.Record
	var over time.Time
	err := d.until(ctx, "passing of "+point, func() (bool, error) {
		if rankOf(point) == midst {
			d.approach(o.Job)
		} else {
			d.pace(quick)
		}
		var ok bool
		if rec, ok = d.fired(point); ok {
			d.pace(slow)
			return true, nil
		}
		done := d.isOver(o.Job, point)
		if done && over.IsZero() {
			over = time.Now()
		}
		if done && time.Since(over) > time.Second {
			return false, &missedError{"the job was over before anybody passed " + point}
		}
		return false, nil
	})
	return rec, err
}

// strikePoint lets whoever passes a point die or stop there.
func (d *drive) strikePoint(ctx context.Context, o Order) (blow, error) {
	d.hurting = true
	rec, err := d.pass(ctx, o, o.Kind.Arg, d.orderAt(o))
	if err != nil {
		return blow{}, err
	}
	b := blow{order: o, at: rec.Time, before: d.look(o.Job), note: rec.Detail}
	if o.Kind.Do == fault.Kill {
		for range 1000 { // it tells, and then dies
			if st, err := procstat.Read(rec.PID); err != nil || st.Zombie {
				break
			}
			time.Sleep(5 * time.Millisecond)
		}
		return b, d.last(ctx, &b, nil)
	}
	st, err := procstat.Read(rec.PID)
	if err != nil {
		return b, fmt.Errorf("find the process that stopped at %s: %w", o.Kind.Arg, err)
	}
	b.victims = []Process{{PID: rec.PID, Start: st.Start}}
	return b, d.last(ctx, &b, func() error { return send(b.victims, syscall.SIGCONT) })
}
