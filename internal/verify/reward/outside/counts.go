package outside

import (
	"encoding/json"
	"maps"
	"math"
	"sync"

	"github.com/r1ctl/r1ctl/internal/verify/reward"
)

// The reasons of an unknown reward.
const (
	ReasonNone      = "none-returned" // it said so itself
	ReasonError     = "function-error"
	ReasonCrash     = "function-crash"
	ReasonStart     = "function-start"
	ReasonOutage    = "endpoint-outage"
	ReasonRefused   = "endpoint-refused"
	ReasonTimeout   = "timeout"
	ReasonMalformed = "malformed-answer"
	ReasonCancelled = "cancelled"
)

// counts counts unknown rewards by reason.
type counts struct {
	mu      sync.Mutex
	reasons map[string]int
}

// Counts gives how many rewards were unknown so far, by reason.
func (c *counts) Counts() map[string]int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return maps.Clone(c.reasons)
}

func (c *counts) note(values []reward.Value) []reward.Value {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, v := range values {
		if !v.Known {
			if c.reasons == nil {
				c.reasons = map[string]int{}
			}
			c.reasons[v.Reason]++
		}
	}
	return values
}

// unknown is n values of one reason.
func unknown(n int, reason string) []reward.Value {
	out := make([]reward.Value, n)
	for i := range out {
		out[i].Reason = reason
	}
	return out
}

// values reads a list of numbers and nulls; one that is not of the items' number
// says nothing, as nobody knows which item it left out.
func values(raw []json.RawMessage, n int) []reward.Value {
	if len(raw) != n {
		return unknown(n, ReasonMalformed)
	}
	out := make([]reward.Value, n)
	for i, r := range raw {
		var f *float64
		switch err := json.Unmarshal(r, &f); {
		case err != nil || f != nil && (math.IsNaN(*f) || math.IsInf(*f, 0)):
			out[i].Reason = ReasonMalformed
		case f == nil:
			out[i].Reason = ReasonNone
		default:
			out[i] = reward.Value{Reward: *f, Known: true}
		}
	}
	return out
}
