package chaos

import (
	"context"
	"fmt"
	"path"
	"reflect"
	"strings"
	"time"

	"github.com/r1ctl/r1ctl/internal/r1"
)

// one injects an order and waits until the run has got over it.
func (d *drive) one(ctx context.Context, o Order) (Row, error) {
	known := len(d.sampler.doubled())
	d.repaired = time.Time{}
	b, err := d.strike(ctx, o)
	if err == nil {
		err = d.armNext(o)
	}
	if err != nil {
		return Row{}, err
	}
	if !o.Kind.Fails { // a stage fails when its other jobs have ended
		defer d.hold()() // the moments of the faults to come must not pass meanwhile
	}
	row := Row{
		Fault: o.Kind.Name, What: o.Kind.What, Target: string(o.Kind.On), Trainer: d.trainer(), Rig: d.rig.base().name, Stage: o.Job.String(),
		Run: d.label, InjectedAt: b.at.UTC(), Step: b.before.position.step, Expected: "the run goes on", OK: true, Note: b.note,
	}
	if o.Kind.Error != "" {
		row.Expected = "an attempt fails as " + o.Kind.Error + ", and the run goes on"
	}
	if o.Kind.Fails {
		row.Expected = "the stage fails as " + o.Kind.Error + ", and goes on by r1ctl retry"
		if err := d.retryFailed(ctx, &b, &row); err != nil {
			return row, err
		}
	}
	if err := d.until(ctx, "progress after "+o.String(), func() (bool, error) { return d.recovered(&b), nil }); err != nil {
		return row, err
	}
	row.RecoveredS = seconds(time.Since(b.over))
	if err := d.measure(ctx, &b, &row); err != nil {
		return row, err
	}
	row.Doubled = len(d.sampler.doubled()) - known
	if row.Doubled > 0 {
		row.OK = false
	}
	return row, nil
}

func (d *drive) trainer() string {
	if d.rig.base().name == Real {
		return "real"
	}
	return "scripted"
}

func seconds(t time.Duration) float64 {
	return float64(t.Round(10*time.Millisecond)) / float64(time.Second)
}

// recovered says whether the run has moved since the cause was gone, and nothing is dead.
func (d *drive) recovered(b *blow) bool {
	if d.rig.lacks() || d.view.state().State.Ended() {
		return !d.rig.lacks()
	}
	j := b.order.Job
	if j.Stage == "" {
		return d.progress() != b.after.progress
	}
	k := d.key(j)
	if b.after.committed || d.view.committed(k) {
		return d.progress() != b.after.progress
	}
	if !b.order.Kind.endsAttempt() {
		return d.view.position(k).further(b.after.position)
	}
	p := d.view.position(k)
	return p.attempt > b.before.position.attempt && p.lines > 0
}

// endsAttempt says whether the attempt is sure to end by the fault, so that only a next one is progress.
func (k *Kind) endsAttempt() bool {
	return k.Error != "" && k.Act != Pass
}

// retryFailed waits until the stage has failed by its name, and retries it as a person would.
func (d *drive) retryFailed(ctx context.Context, b *blow, row *Row) error {
	stage := b.order.Job.Stage
	var rec r1.StageRecord
	err := d.until(ctx, "failure of "+stage, func() (bool, error) {
		rec = d.view.stage(stage)
		return rec.State == r1.RunFailed && d.view.state().State.Ended(), nil
	})
	if err != nil {
		return err
	}
	row.Seen = fmt.Sprintf("the stage failed as %q, remedy %q", rec.ErrorName, rec.Remedy)
	if rec.ErrorName != b.order.Kind.Error || rec.Remedy == "" {
		row.OK = false
	}
	failedAt := d.view.state()
	if _, err := d.rig.base().r1ctl(ctx, "retry", RunID, stage); err != nil {
		return err
	}
	// The run counts as failed until its new execution has written that it goes on.
	err = d.until(ctx, "new execution after the retry of "+stage, func() (bool, error) {
		return !reflect.DeepEqual(d.view.state(), failedAt), nil
	})
	b.over, b.after = time.Now(), d.look(b.order.Job)
	return err
}

// measure fills in what the fault cost.
func (d *drive) measure(ctx context.Context, b *blow, row *Row) error {
	k := b.order.Kind
	if b.order.Job.Stage == "" {
		row.Seen = "the run is " + string(d.view.state().State)
		return nil
	}
	if b.order.Job.in(Computed) { // the worker does it: there are no attempts that go on from one another
		row.Seen = "the job was committed"
		return nil
	}
	ended := d.attemptsSince(b)
	if row.Seen == "" {
		row.Seen = "the attempt lived on"
		if d.view.committed(d.key(b.order.Job)) {
			row.Seen = "the job was committed"
		}
		if len(ended) > 0 {
			row.Seen = "failed attempts: " + strings.Join(ended, ", ")
		}
	}
	if b.tooLate(d) {
		row.Seen, row.Note = "the job was committed", join(row.Note, "its training was over when the fault happened")
	} else if k.Error != "" && !k.Fails && !contains(ended, k.Error) {
		row.OK, row.Note = false, join(row.Note, "no attempt failed as "+k.Error)
	}
	d.measureLoss(b, row)
	if k.Act == Kill && k.On == PartTrainer {
		d.measureResume(b, row)
	}
	if k.Act == Kill && (k.On == PartEngine || k.On == PartWorkers) && k.At == "" {
		return d.measureFollow(ctx, b, row)
	}
	return nil
}

// tooLate says whether a signal met an attempt that had nothing left to train: it became the job's commit.
func (b *blow) tooLate(d *drive) bool {
	j := d.key(b.order.Job)
	return b.order.Kind.Act == Terminate && d.view.committed(j) && len(d.view.tries(j)) == b.before.tries
}

// attemptsSince lists how the attempts ended that the fault may have ended.
func (d *drive) attemptsSince(b *blow) []string {
	var names []string
	k := d.key(b.order.Job)
	newest := len(d.view.tries(k))
	for n := max(1, b.before.tries); n < newest || n == newest && b.order.Kind.Fails; n++ {
		var res r1.Result
		switch err := d.view.read(path.Join(d.view.layout.Attempt(k.Attempt(n)), r1.ResultFile), &res); {
		case err != nil:
			names = append(names, "attempt-lost")
		case res.Outcome != r1.Succeeded:
			names = append(names, res.Name)
		}
	}
	return names
}

// measureLoss sets the steps that the next attempt does again against the
// checkpoint that was complete when the fault happened.
func (d *drive) measureLoss(b *blow, row *Row) {
	k := d.key(b.order.Job)
	next := b.before.tries + 1
	var spec r1.Spec
	if d.view.read(path.Join(d.view.layout.Attempt(k.Attempt(next)), r1.SpecFile), &spec) != nil {
		return
	}
	from := spec.FromStep
	if spec.Resume != nil {
		from = spec.Resume.Step
	}
	reached := max(b.before.position.step, from)
	if p := d.view.positionOf(k.Attempt(b.before.tries)); p.lines > 0 { // its folder is there: killed, not ended in order
		reached = max(reached, p.step)
	}
	if lost := reached - from; b.order.Job.in(Checkpointed) {
		row.StepsLost = &lost
	} else {
		row.Note = join(row.Note, fmt.Sprintf("its kind saves nothing on its way: it began anew, %d steps again", lost))
	}
	if b.before.checkpoint > from {
		row.OK, row.Note = false, join(row.Note, fmt.Sprintf("a checkpoint of step %d was complete, and the next attempt began at %d", b.before.checkpoint, from))
	}
}

// measureResume takes the time from the trainer's death to the next one's first
// line, less what that trainer took to start.
func (d *drive) measureResume(b *blow, row *Row) {
	p := d.view.position(d.key(b.order.Job))
	if p.attempt <= b.before.position.attempt || p.lines == 0 || p.job.IsZero() {
		return
	}
	took := seconds(p.job.Sub(b.at))
	row.ResumedS = &took
	if took > resumeBound.Seconds() {
		row.Note = join(row.Note, fmt.Sprintf("the next trainer was started after %.1f s", took))
	}
}

// measureFollow waits until r1ctl follows the attempt again, with the trainer
// that was there before, and takes the time since the restart command.
func (d *drive) measureFollow(ctx context.Context, b *blow, row *Row) error {
	k := d.key(b.order.Job)
	trainer := with(leaders(d.rig.base().processes()), RoleTrainer, &k)
	var seen time.Time
	err := d.until(ctx, "worker that follows "+b.order.Job.String(), func() (bool, error) {
		if d.view.committed(k) {
			return true, nil
		}
		found, err := followers(ctx, d.rig, k)
		if err != nil {
			return false, nil // not up yet
		}
		for _, f := range found {
			if f.since.After(d.repaired) && d.drives(f.pid) {
				seen = time.Now()
				return true, nil
			}
		}
		return false, nil
	})
	if err != nil || seen.IsZero() {
		return err
	}
	took := seconds(seen.Sub(d.repaired))
	row.FollowedS = &took
	row.RecoveredS = seconds(seen.Sub(b.at))
	now := with(leaders(d.rig.base().processes()), RoleTrainer, &k)
	if len(trainer) == 1 && len(now) == 1 && trainer[0].PID == now[0].PID {
		row.Note = join(row.Note, "the same trainer process")
	}
	if n := len(d.view.tries(k)); n > b.before.tries {
		row.OK, row.Note = false, join(row.Note, fmt.Sprintf("attempt %d was made although attempt %d lived", n, b.before.tries))
	}
	return nil
}

func (d *drive) drives(pid int) bool {
	for _, p := range d.rig.drivers() {
		if p.PID == pid {
			return true
		}
	}
	return false
}

func contains(list []string, text string) bool {
	for _, t := range list {
		if t == text {
			return true
		}
	}
	return false
}

func join(a, b string) string {
	if a == "" {
		return b
	}
	return a + "; " + b
}

// line is a row for people.
func (r Row) line() string {
	text := fmt.Sprintf("%s at %s", r.Fault, r.Stage)
	if r.Step > 0 {
		text += fmt.Sprintf(", step %d", r.Step)
	}
	text += fmt.Sprintf(": went on after %.1f s", r.RecoveredS)
	if r.FollowedS != nil {
		text += fmt.Sprintf(", followed %.1f s after the restart", *r.FollowedS)
	}
	if r.ResumedS != nil {
		text += fmt.Sprintf(", next trainer started after %.1f s", *r.ResumedS)
	}
	if r.StepsLost != nil {
		text += fmt.Sprintf(", %d steps again", *r.StepsLost)
	}
	if r.Seen != "" {
		text += "; " + r.Seen
	}
	if !r.OK {
		text += "; NOT AS EXPECTED (" + r.Expected + "): " + r.Note
	}
	return text
}
