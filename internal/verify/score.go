package verify

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"

	"github.com/r1ctl/r1ctl/internal/r1"
	"github.com/r1ctl/r1ctl/internal/verify/reward"
)

// Result is the judgement of one item. A nil reward could not be computed; it
// is null in JSON, and no trainer may read it as 0.
type Result struct {
	ID      json.RawMessage     `json:"id"` // as it was given; "" where it was not
	Verdict r1.Verdict          `json:"verdict"`
	Rewards map[string]*float64 `json:"rewards"`
	Reasons map[string]string   `json:"reasons,omitempty"` // why rewards that apply are null
	Ms      float64             `json:"ms"`                // that the verdict took
	Audit   *Audit              `json:"audit,omitempty"`
	// Behaviours are counts by name (internal/behaviours), where they were asked for.
	Behaviours map[string]int `json:"behaviours,omitempty"`
}

// Outside computes rewards of users; the values are in order, one an item.
type Outside interface {
	Score(ctx context.Context, items []reward.Item) []reward.Value
}

// Scorer judges items and computes rewards.
type Scorer struct {
	Judge *Judge
	// Outside finds what computes a reward of the user's own, or refuses it.
	Outside func(r *reward.Reward) (Outside, error)
}

// ScoreRaw judges raw items, each a JSON object in the shape of a row
// (reward.ParseRow). It gives exactly one result an item, in order, whatever they
// hold: an item that is no row is unverified with every reward null.
func (s Scorer) ScoreRaw(ctx context.Context, rewards []Wanted, raw []json.RawMessage, audit float64) ([]Result, error) {
	out := make([]Result, len(raw))
	items, places := make([]reward.Item, 0, len(raw)), make([]int, 0, len(raw))
	for i, one := range raw {
		it, err := reward.ParseRow(one)
		if err == nil {
			items, places = append(items, it), append(places, i)
			continue
		}
		out[i] = Result{ID: given(it.ID), Verdict: r1.Verdict{Label: r1.Unverified, Reason: ReasonMalformed}, Rewards: map[string]*float64{}}
		for _, w := range rewards {
			out[i].Rewards[w.Name] = nil
		}
	}
	scored, err := s.Score(ctx, rewards, items, audit)
	if err != nil {
		return nil, err
	}
	for k, place := range places {
		out[place] = scored[k]
	}
	return out, nil
}

func given(id json.RawMessage) json.RawMessage {
	if len(id) == 0 {
		return json.RawMessage(`""`)
	}
	return id
}

// Score judges items and computes their rewards: one result each, in order. A reward
// of a group compares the items of this call. The error is that of ctx, or of a
// reward of the user's own that is refused.
func (s Scorer) Score(ctx context.Context, rewards []Wanted, items []reward.Item, audit float64) ([]Result, error) {
	outside := make([]Outside, len(rewards))
	for i, w := range rewards {
		if w.Definition.Outside {
			var err error
			if s.Outside == nil {
				return nil, fmt.Errorf("this service computes no %s rewards", w.Definition.Name)
			}
			if outside[i], err = s.Outside(w.Reward); err != nil {
				return nil, err
			}
		}
	}
	judged := s.Judge.Verdicts(ctx, items, reward.Convention{}, audit)
	out := make([]Result, len(items))
	known := &remembering{Judge: s.Judge, verdicts: map[*reward.Message]r1.Verdict{}}
	for i, it := range items {
		j := judged[i]
		known.verdicts[&it.Completion[0]] = j.Verdict
		out[i] = Result{ID: given(it.ID), Verdict: j.Verdict, Rewards: make(map[string]*float64, len(rewards)), Ms: milliseconds(j.Took), Audit: j.Audit}
		for _, w := range rewards {
			out[i].Rewards[w.Name] = nil
		}
	}
	values := make([][]reward.Value, len(rewards))
	places := make([][]int, len(rewards))
	var wg sync.WaitGroup
	for k, w := range rewards {
		var some []reward.Item
		for i, it := range items {
			if w.applies(it.Domain) {
				some, places[k] = append(some, it), append(places[k], i)
			}
		}
		wg.Go(func() { values[k] = compute(ctx, w, outside[k], some, known) })
	}
	wg.Wait()
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	for k, w := range rewards {
		for n, i := range places[k] {
			out[i].put(w.Name, values[k], n)
		}
	}
	return out, nil
}

func (r *Result) put(name string, values []reward.Value, n int) {
	v := reward.Value{Reason: reward.ReasonFault}
	if n < len(values) {
		v = values[n]
	}
	if v.Known {
		r.Rewards[name] = &v.Reward
		return
	}
	if r.Reasons == nil {
		r.Reasons = map[string]string{}
	}
	r.Reasons[name] = v.Reason
}

// compute gives nil where the reward as a whole cannot be computed.
func compute(ctx context.Context, w Wanted, outside Outside, items []reward.Item, judge reward.Judge) (values []reward.Value) {
	defer func() {
		if recover() != nil {
			values = nil
		}
	}()
	if len(items) == 0 {
		return nil
	}
	if outside != nil {
		return outside.Score(ctx, items)
	}
	values, err := w.Score(ctx, items, judge)
	if err != nil {
		return nil // of ctx, which ends the request
	}
	return values
}

// remembering is a judge that knows the verdicts of a request's items already. An
// item is known by the address of its first message, which copies of it share.
type remembering struct {
	*Judge
	verdicts map[*reward.Message]r1.Verdict
}

func (r *remembering) Answers(ctx context.Context, items []reward.Item, how reward.Convention) []r1.Verdict {
	if how != (reward.Convention{}) {
		return r.Judge.Answers(ctx, items, how)
	}
	out := make([]r1.Verdict, len(items))
	for i, it := range items {
		v, ok := r.verdicts[&it.Completion[0]]
		if !ok {
			v = r1.Verdict{Label: r1.Unverified, Reason: reward.ReasonNoResult}
		}
		out[i] = v
	}
	return out
}
