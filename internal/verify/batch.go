package verify

import (
	"encoding/json"
	"runtime"
	"sync"

	"github.com/r1ctl/r1ctl/internal/r1"
)

// ScoreAll judges raw items, each a JSON object in the shape of Item, on up to
// workers goroutines (0: one a core). It gives exactly one result an item, in
// the items' order, whatever they hold: an item that is no Item is unverified
// with every reward null. Rewards must have passed CheckRewards.
func ScoreAll(rewards []Reward, items []json.RawMessage, workers int) []Result {
	if workers <= 0 {
		workers = runtime.GOMAXPROCS(0)
	}
	const chunk = 32 // large enough that handing out work costs nothing, small enough to balance
	results := make([]Result, len(items))
	starts := make(chan int)
	var wg sync.WaitGroup
	for range min(workers, (len(items)+chunk-1)/chunk) {
		wg.Go(func() {
			for start := range starts {
				for i := start; i < min(start+chunk, len(items)); i++ {
					results[i] = scoreRaw(rewards, items[i])
				}
			}
		})
	}
	for start := 0; start < len(items); start += chunk {
		starts <- start
	}
	close(starts)
	wg.Wait()
	return results
}

func scoreRaw(rewards []Reward, raw json.RawMessage) Result {
	var it struct {
		Item
		Response *string `json:"response"` // a row without a response is not an empty response
	}
	if err := json.Unmarshal(raw, &it); err == nil && it.Response != nil {
		it.Item.Response = *it.Response
		return Score(rewards, it.Item)
	}
	var named struct {
		ID json.RawMessage `json:"id"`
	}
	res := Result{
		Verdict: r1.Verdict{Label: r1.Unverified, Reason: ReasonMalformed},
		Rewards: make(map[string]*float64, len(rewards)),
	}
	if json.Unmarshal(raw, &named) == nil && json.Unmarshal(named.ID, &res.ID) != nil {
		res.ID = clip(string(named.ID))
	}
	for _, r := range rewards {
		res.Rewards[r.Name] = nil
	}
	return res
}
