package verify

import (
	"context"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/r1ctl/r1ctl/internal/r1"
	"github.com/r1ctl/r1ctl/internal/verify/reward"
)

var _ reward.Judge = (*Judge)(nil)

// Verdicts judges items: one judgement each, in order. audit is the share of the
// verdicts of tier 0 and 1 that are judged a second time. The quick part of every
// item is done before slow ones are waited for.
func (j *Judge) Verdicts(ctx context.Context, items []reward.Item, how reward.Convention, audit float64) []Judgement {
	out := make([]Judgement, len(items))
	left := make([]*rest, len(items))
	var quick sync.WaitGroup
	const chunk = 16 // handing out work costs nothing then, and chunks are small enough to balance
	starts := make(chan int)
	for range min(j.o.Workers, (len(items)+chunk-1)/chunk) {
		quick.Go(func() {
			for start := range starts {
				for i := start; i < min(start+chunk, len(items)); i++ {
					began := time.Now()
					out[i], left[i] = j.begin(items[i], how, audit)
					out[i].Took = time.Since(began)
				}
			}
		})
	}
	for start := 0; start < len(items); start += chunk {
		starts <- start
	}
	close(starts)
	quick.Wait()
	j.finish(ctx, out, left)
	for _, judged := range out {
		j.o.Metrics.note(judged)
	}
	return out
}

// finish does what is left, each kind with as many at once as it has slots.
func (j *Judge) finish(ctx context.Context, out []Judgement, left []*rest) {
	var pooled, runs errgroup.Group
	pooled.SetLimit(cap(j.pool))
	runs.SetLimit(cap(j.runs))
	var feeding sync.WaitGroup
	for group, slots := range map[*errgroup.Group]chan struct{}{&pooled: j.pool, &runs: j.runs} {
		feeding.Go(func() {
			for i, r := range left {
				if r != nil && r.slots == slots {
					group.Go(func() error { j.slow(ctx, r, &out[i]); return nil })
				}
			}
			_ = group.Wait() // they give none
		})
	}
	feeding.Wait()
}

// slow does the slow part of one item, when there is a slot for it.
func (j *Judge) slow(ctx context.Context, r *rest, out *Judgement) {
	select {
	case r.slots <- struct{}{}:
	case <-ctx.Done():
		out.lose(ReasonTimeout)
		return
	}
	defer func() { <-r.slots }()
	ctx, cancel := context.WithTimeout(ctx, j.o.Deadline)
	defer cancel()
	began := time.Now()
	defer func() {
		if out.Audit == nil { // an audit is no part of the verdict
			out.Took += time.Since(began)
		}
		if recover() != nil {
			out.lose(ReasonFault)
		}
	}()
	out.Verdict, out.Audit = r.run(ctx)
	if ctx.Err() != nil && out.Audit == nil && out.Verdict.Label != r1.Correct {
		out.lose(ReasonTimeout) // what was cut short is not wrong
	}
}

// lose makes a verdict that was still open unverified; one that is only audited stands.
func (judged *Judgement) lose(reason string) {
	if v := &judged.Verdict; v.Tier == 2 || v.Label != r1.Correct && v.Label != r1.Wrong || judged.verifier == Code {
		v.Label, v.Reason = r1.Unverified, reason
	}
}

// Answers judges items as rewards want it (reward.Judge).
func (j *Judge) Answers(ctx context.Context, items []reward.Item, how reward.Convention) []r1.Verdict {
	out := make([]r1.Verdict, len(items))
	for i, judged := range j.Verdicts(ctx, items, how, 0) {
		out[i] = judged.Verdict
	}
	return out
}

// Programs runs the programs of items (reward.Judge).
func (j *Judge) Programs(ctx context.Context, items []reward.Item, how reward.ProgramOptions) []reward.Program {
	if j.o.Programs != nil {
		return j.o.Programs.Programs(ctx, items, how)
	}
	out := make([]reward.Program, len(items))
	for i := range out {
		out[i] = reward.Program{State: reward.ProgramUnverified, Reason: ReasonNoSandbox}
	}
	return out
}
