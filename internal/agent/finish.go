package agent

import (
	"context"
	"errors"
	"fmt"
	"math"
	"path"
	"time"

	"github.com/r1ctl/r1ctl/internal/artifact"
	"github.com/r1ctl/r1ctl/internal/fault"
	"github.com/r1ctl/r1ctl/internal/r1"
)

// errStopped is the cause of a context that ended because the time after SIGTERM was over.
var errStopped = errors.New("stopped from outside")

// finish brings to S3 what the attempt made, and then its result.
func (a *agent) finish(ctx context.Context, res r1.Result, k *keeper, stopReports func()) (r1.Result, error) {
	a.live.set(func(l *live) { l.phase = phaseUpload })
	began := time.Now()
	ctx, cancel := a.finishing(ctx)
	defer cancel()
	var err error
	if res.Outcome == r1.Succeeded {
		err = a.uploadOutputs(ctx, &res)
	} else {
		err = a.retry(ctx, "store the last checkpoint", k.tick)
	}
	if err == nil {
		err = a.retry(ctx, "store metrics and log", func(ctx context.Context) error { return a.ship(ctx, math.MaxInt) })
	}
	if err != nil && (isPassing(err) || ctx.Err() != nil) {
		return r1.Result{}, err // S3 is away for good: the folder stays, and another agent may finish
	}
	if err != nil {
		a.cfg.Logger.Error("cannot store what the attempt made", "error", err)
		if res.Outcome == r1.Succeeded { // a failure keeps its own cause
			settle(&res, failed(r1.ClassInfrastructure, named(err, &r1.Error{Name: "upload-failed", Detail: "the outputs could not be stored", Remedy: "see the launcher's own log of the attempt"})))
			res.Outputs = nil
		}
	}
	a.live.set(func(l *live) { res.Checkpoint = l.checkpoint })
	if res.Timing != nil {
		res.Timing.Upload = time.Since(began).Seconds()
	}
	stopReports()
	if err := a.retry(ctx, "write the last heartbeat", a.beat); err != nil {
		return r1.Result{}, err
	}
	fault.Point(fault.AgentResult, a.spec.Key.String())
	err = a.retry(ctx, "write the result", func(ctx context.Context) error {
		won, err := a.cfg.Store.PutJSONIfAbsent(ctx, path.Join(a.prefix, r1.ResultFile), res)
		if err == nil && !won {
			// Another agent of this attempt was first: its word counts.
			return a.cfg.Store.GetJSON(ctx, path.Join(a.prefix, r1.ResultFile), &res)
		}
		return err
	})
	if err != nil {
		return r1.Result{}, err
	}
	fault.Point(fault.AgentDone, a.spec.Key.String())
	a.clean()
	return res, nil
}

// finishing is a context that outlives SIGTERM by the grace time.
func (a *agent) finishing(ctx context.Context) (context.Context, context.CancelFunc) {
	finishing, cancel := context.WithCancelCause(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() {
		select {
		case <-time.After(a.cfg.Grace):
			cancel(errStopped)
		case <-finishing.Done():
		}
	})
	return finishing, func() { stop(); cancel(nil) }
}

// uploadOutputs stores the outputs and puts them, and their numbers, into the result.
func (a *agent) uploadOutputs(ctx context.Context, res *r1.Result) error {
	funnel, err := a.funnel(ctx)
	if err != nil {
		return err
	}
	outputs := make(map[string]r1.Artifact, len(a.spec.Outputs))
	for _, o := range a.spec.Outputs {
		options := artifact.UploadOptions{
			Name: fmt.Sprintf("%s.%s", a.spec.Key.Stage, o.Name), Type: o.Type, Producer: a.spec.Key,
			Prefix: a.layout.Artifact(o, a.spec.Key.Attempt),
		}
		err := a.retry(ctx, "upload output "+o.Name, func(ctx context.Context) error {
			stored, err := a.cfg.Store.Upload(ctx, a.path("outputs", o.Name), options)
			outputs[o.Name] = stored
			return err
		})
		if err != nil {
			return err
		}
		fault.Point(fault.AgentOutput, a.spec.Key.String())
	}
	res.Outputs, res.Funnel = outputs, funnel
	return nil
}
