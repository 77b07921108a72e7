package verify

import (
	"encoding/json"

	"github.com/r1ctl/r1ctl/internal/behaviours"
)

// countBehaviours counts in the response of each item what it shows: an empty one nothing. An
// item that is no row has no counts.
func countBehaviours(items []json.RawMessage, results []Result) {
	counter := behaviours.New()
	for i, item := range items {
		var r behaviours.Row
		if json.Unmarshal(item, &r) == nil && results[i].Verdict.Reason != ReasonMalformed {
			results[i].Behaviours = counter.Row(r).ByName()
		}
	}
}
