package reward

import (
	"context"
	"errors"
	"math"
	"runtime"
	"sync"
	"sync/atomic"

	"github.com/r1ctl/r1ctl/internal/r1"
	"github.com/r1ctl/r1ctl/internal/verify/response"
)

// Measure is what a reward of a group keeps of a response.
type Measure struct {
	Length  int // characters
	Verdict r1.Label
	Reason  string // why unverified
}

// Score computes the reward of each item, in order. A reward of a group sees as
// groups the items of equal GroupKey, or all of them under compat: upstream
// compares whatever is in one call.
func (r *Reward) Score(ctx context.Context, items []Item, judge Judge) ([]Value, error) {
	if !r.Grouped() {
		return r.each(ctx, items, judge)
	}
	measures, err := r.Measure(ctx, items, judge)
	if err != nil {
		return nil, err
	}
	keys := make([]string, len(items))
	for i, it := range items {
		keys[i] = it.GroupKey()
	}
	return r.Combine(keys, measures), nil
}

// Measure takes from each item what a reward of a group needs, so that texts
// need not be kept until the group is complete.
func (r *Reward) Measure(ctx context.Context, items []Item, judge Judge) ([]Measure, error) {
	verdicts, err := r.verdicts(ctx, items, judge)
	if err != nil {
		return nil, err
	}
	out := make([]Measure, len(items))
	for i, it := range items {
		v := verdicts[i]
		out[i] = Measure{Length: characters(r.read(it)), Verdict: v.Label, Reason: v.Reason}
		if r.Params.openR1() && goldUnread(v) {
			out[i].Verdict = r1.Correct
		}
	}
	return out, nil
}

// Combine computes the rewards of measures; keys names the group of each.
func (r *Reward) Combine(keys []string, measures []Measure) []Value {
	if r.Params.openR1() {
		return r.group(r.Params, measures)
	}
	members := map[string][]int{}
	for i, key := range keys {
		members[key] = append(members[key], i)
	}
	out := make([]Value, len(measures))
	for _, of := range members {
		group := make([]Measure, len(of))
		for j, i := range of {
			group[j] = measures[i]
		}
		for j, v := range r.group(r.Params, group) {
			out[of[j]] = v
		}
	}
	return out
}

func (r *Reward) each(ctx context.Context, items []Item, judge Judge) ([]Value, error) {
	out := make([]Value, len(items))
	switch {
	case r.text != nil:
		parallel(len(items), func(i int) {
			out[i] = guarded(func() Value { return r.text(r.Params, items[i]) })
		})
	case r.answer != nil:
		verdicts, err := r.verdicts(ctx, items, judge)
		if err != nil {
			return nil, err
		}
		for i, it := range items {
			out[i] = guarded(func() Value { return r.answer(r.Params, it, verdicts[i]) })
		}
	case r.program != nil:
		programs, err := r.programs(ctx, items, judge)
		if err != nil {
			return nil, err
		}
		for i, it := range items {
			out[i] = guarded(func() Value { return r.program(r.Params, it, programs[i]) })
		}
	default:
		return nil, errors.New("the reward " + r.Name + " is computed elsewhere")
	}
	return out, nil
}

// parallel does n things on every core.
func parallel(n int, do func(i int)) {
	var next atomic.Int64
	var wg sync.WaitGroup
	for range min(n, runtime.GOMAXPROCS(0)) {
		wg.Go(func() {
			for i := int(next.Add(1)) - 1; i < n; i = int(next.Add(1)) - 1 {
				do(i)
			}
		})
	}
	wg.Wait()
}

// guarded makes a fault of one item that item's unknown.
func guarded(compute func() Value) (v Value) {
	defer func() {
		if recover() != nil {
			v = unknown(ReasonFault)
		}
	}()
	v = compute()
	if v.Known && (math.IsNaN(v.Reward) || math.IsInf(v.Reward, 0)) {
		return unknown(ReasonNotFinite)
	}
	return v
}

func (r *Reward) verdicts(ctx context.Context, items []Item, judge Judge) ([]r1.Verdict, error) {
	if judge == nil {
		return nil, errors.New("the reward " + r.Name + " needs a judge")
	}
	verdicts := judge.Answers(ctx, items, r.convention(r.Params))
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	for len(verdicts) < len(items) {
		verdicts = append(verdicts, r1.Verdict{Label: r1.Unverified, Reason: ReasonNoResult})
	}
	return verdicts, nil
}

// programs asks the judge once for all items that are to be run alike.
func (r *Reward) programs(ctx context.Context, items []Item, judge Judge) ([]Program, error) {
	if judge == nil {
		return nil, errors.New("the reward " + r.Name + " needs a judge")
	}
	alike := map[ProgramOptions][]int{}
	var order []ProgramOptions
	for i, it := range items {
		how := r.options(r.Params, it)
		if alike[how] == nil {
			order = append(order, how)
		}
		alike[how] = append(alike[how], i)
	}
	out := make([]Program, len(items))
	for i := range out {
		out[i] = Program{State: ProgramUnverified, Reason: ReasonNoResult}
	}
	for _, how := range order {
		some := make([]Item, len(alike[how]))
		for j, i := range alike[how] {
			some[j] = items[i]
		}
		for j, p := range judge.Programs(ctx, some, how) {
			if j < len(some) {
				out[alike[how][j]] = p
			}
		}
	}
	return out, ctx.Err()
}

// read is the text that a reward looks at.
func (r *Reward) read(it Item) string { return read(r.Params, it) }

func read(p Params, it Item) string {
	if p.openR1() {
		return it.first()
	}
	if p.flag("prefilled") {
		return response.ThinkOpen + it.Text()
	}
	return it.Text()
}
