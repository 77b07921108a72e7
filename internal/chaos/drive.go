package chaos

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"time"

	"github.com/r1ctl/r1ctl/internal/r1"
)

// RunID is the id of every run: each has a state dir of its own, and equal ids
// make equal outputs.
const RunID = "chaos-run"

// Limits of patience. What takes longer is stuck, and said to be.
const (
	patience = 3 * time.Minute // with a run that does not move at all
	tick     = 100 * time.Millisecond
)

// drive is one run with its faults.
type drive struct {
	rig     rig
	recipe  Recipe
	label   string // for people, such as "laptop 3"
	view    view
	orders  []Order
	rng     *rand.Rand
	sampler *sampler
	say     func(string)
	tell    func(label string, row Row)

	rows     []Row
	left     []Order  // not injected
	problems []string // what happened and was not asked for
	hurting  bool     // a part may be dead now: somebody killed it
	repaired time.Time
	paced    time.Duration
	armed    map[string]bool // points that were armed ahead of their turn
}

// finding is all that came of a run.
type finding struct {
	Rows     []Row
	Left     []Order
	Problems []string // what happened and was not asked for
	Audit    audit
	State    r1.RunState
	Took     time.Duration
}

// run starts the run, injects its faults one after another, waits for its end and audits it.
func (d *drive) run(ctx context.Context, reference map[string]string) (f finding, err error) {
	began := time.Now()
	defer func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Minute)
		defer cancel()
		err = errors.Join(err, d.rig.down(ctx))
		d.sweep()
		f.Rows, f.Left, f.Problems, f.Took = d.rows, append(d.left, d.orders...), d.problems, time.Since(began)
	}()
	if err := d.rig.up(ctx); err != nil {
		return f, fmt.Errorf("bring the rig up: %w", err)
	}
	d.armed = map[string]bool{}
	d.view = viewOf(d.rig, d.recipe.Name, RunID)
	sampling, stop := context.WithCancel(ctx)
	defer stop()
	go d.sampler.run(sampling)
	d.pace(quick)
	if len(d.orders) > 0 && d.orders[0].Kind.Act == Pass { // it may be passed while the run starts
		if err := d.arm(d.orders[0]); err != nil {
			return f, err
		}
		d.hurting = true
	}
	if err := d.start(ctx); err != nil {
		return f, err
	}
	if err := d.faults(ctx); err != nil {
		return f, err
	}
	if err := d.awaitEnd(ctx); err != nil {
		return f, err
	}
	f.State = d.view.state().State
	f.Audit, err = d.auditRun(ctx, reference)
	if err != nil {
		return f, err
	}
	if err := d.rig.down(ctx); err != nil {
		return f, err
	}
	f.Audit.Orphans = append(f.Audit.Orphans, d.survivors()...)
	return f, nil
}

// start starts the run. Where a fault met it, the person tries again.
func (d *drive) start(ctx context.Context) error {
	err := d.rig.base().startRun(ctx, RunID, d.recipe.Args)
	for range 3 {
		if err == nil || !d.hurting {
			return err
		}
		if rerr := d.rig.repair(ctx, RunID); rerr == nil {
			if _, serr := d.rig.base().r1ctl(ctx, "resume", RunID, "--detach"); serr == nil {
				return nil
			}
		}
		err = d.rig.base().startRun(ctx, RunID, d.recipe.Args)
	}
	return err
}

// faults injects the orders one after another.
func (d *drive) faults(ctx context.Context) error {
	for len(d.orders) > 0 {
		o := d.orders[0]
		row, err := d.one(ctx, o)
		d.orders = d.orders[1:]
		var missed *missedError
		switch {
		case errors.As(err, &missed):
			d.disarm(o)
			d.say(fmt.Sprintf("%s: %s did not happen: %s", d.label, o, missed.why))
			d.putOff(o)
		case err != nil:
			return fmt.Errorf("%s: %w", o, err)
		default:
			d.rows = append(d.rows, row)
			d.tell(d.label, row)
		}
		d.hurting = false
	}
	d.pace(quick)
	return nil
}

// missedError says that a job was over before its fault could happen.
type missedError struct{ why string }

func (e *missedError) Error() string { return e.why }

// putOff gives a fault that came too late to a later job of this run, if there is one that can have it.
func (d *drive) putOff(o Order) {
	at := slices.Index(d.recipe.Jobs, o.Job)
	for _, j := range d.recipe.Jobs[at+1:] {
		taken := slices.ContainsFunc(d.orders, func(other Order) bool { return other.Job == j && other.Kind.Name == o.Kind.Name })
		if !j.in(o.Kind.In) || taken || d.view.committed(d.key(j)) {
			continue
		}
		o.Job = j
		d.orders = append(d.orders, o)
		sortOrders(d.orders, d.recipe.Jobs)
		return
	}
	d.left = append(d.left, o)
}

func (d *drive) key(j Job) r1.JobKey { return r1.JobKey{Run: RunID, Stage: j.Stage, Job: j.Name} }

// Paces of the scripted trainer: quick on the way to a fault, and slow where one is
// meant for the midst of a job or the run gets over one, so that nothing is over too soon.
const (
	quick = 20 * time.Millisecond
	slow  = 400 * time.Millisecond
)

// pace tells the scripted trainer how long a step takes.
func (d *drive) pace(step time.Duration) {
	if step == d.paced {
		return
	}
	file := filepath.Join(d.rig.base().control(), "pace")
	part := file + ".part"
	if os.WriteFile(part, []byte(step.String()), 0o600) == nil && os.Rename(part, file) == nil {
		d.paced = step // else it is told again
	}
}

// hold lets scripted trainers speak and take no step, until the function it gives is called.
func (d *drive) hold() func() {
	file := filepath.Join(d.rig.base().control(), "hold")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		return func() {} // then they go on
	}
	return func() { _ = os.Remove(file) }
}

// approach is the pace on the way to the midst of a job.
func (d *drive) approach(j Job) {
	if d.atStage(j.Stage) {
		d.pace(slow)
	} else {
		d.pace(quick)
	}
}

// atStage says whether the run has come to a stage: all before it are done.
func (d *drive) atStage(stage string) bool {
	for _, j := range d.recipe.Jobs {
		if j.Stage == stage {
			return true
		}
		if j.Stage != "" && !d.view.committed(d.key(j)) {
			return false
		}
	}
	return false
}

// tend starts again what is dead. A part that nobody killed and that is dead is a problem.
func (d *drive) tend(ctx context.Context) error {
	if !d.rig.lacks() {
		return nil
	}
	if !d.hurting {
		d.problem("a part of the rig died by itself")
	}
	began := time.Now()
	if err := d.rig.repair(ctx, RunID); err != nil {
		if d.hurting { // the fault met this command as well; it is tried again
			return nil
		}
		return fmt.Errorf("start again what is dead: %w", err)
	}
	d.repaired = began
	return nil
}

func (d *drive) problem(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	if !slices.Contains(d.problems, text) {
		d.problems = append(d.problems, text)
		d.say(d.label + ": problem: " + text)
	}
}

// until polls until ok, and keeps the rig alive meanwhile. It gives up when the run
// does not move: whoever looks then finds it as it is.
func (d *drive) until(ctx context.Context, what string, ok func() (bool, error)) error {
	last, since := "", time.Now()
	for {
		if err := d.tend(ctx); err != nil {
			return err
		}
		done, err := ok()
		if done || err != nil {
			return err
		}
		if now := d.progress(); now != last {
			last, since = now, time.Now()
		}
		if time.Since(since) > patience {
			return fmt.Errorf("stuck: no %s, and nothing has moved for %s: %s", what, patience, last)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(tick):
		}
	}
}

// awaitEnd waits until the run has ended.
func (d *drive) awaitEnd(ctx context.Context) error {
	return d.until(ctx, "end of the run", func() (bool, error) { return d.view.state().State.Ended(), nil })
}

// progress is a text that changes whenever the run moves.
func (d *drive) progress() string {
	text := string(d.view.state().State)
	for _, j := range d.recipe.Jobs {
		if j.Stage == "" || d.view.committed(d.key(j)) {
			continue
		}
		p := d.view.position(d.key(j))
		text += fmt.Sprintf(" %s:%s,%d,%d,%d", j, d.view.stage(j.Stage).State, len(d.view.tries(d.key(j))), p.attempt, p.lines)
	}
	return text
}

// sweep kills all that is left of a run: one that was interrupted leaves jobs, as r1ctl means it to.
func (d *drive) sweep() {
	for range 20 {
		left := d.others()
		if len(left) == 0 || send(left, syscall.SIGKILL) != nil {
			return
		}
		time.Sleep(tick)
	}
}

// others are the processes of the run, but for this program.
func (d *drive) others() []Process {
	self := filepath.Base(d.rig.base().binaries.Self) + " " + verbDisk
	return slices.DeleteFunc(d.rig.base().processes(), func(p Process) bool { return p.command == self })
}

// survivors are processes of the run that live although everything was ended.
func (d *drive) survivors() []string {
	var list []string
	for deadline := time.Now().Add(3 * time.Second); ; time.Sleep(tick) { // what was just killed is there for an instant
		list = nil
		for _, p := range d.others() {
			list = append(list, "after everything was ended: "+p.String())
		}
		if len(list) == 0 || time.Now().After(deadline) {
			return list
		}
	}
}
