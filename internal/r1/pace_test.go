package r1

import (
	"testing"
	"time"
)

func TestPaceIsSaidOnlyWhenItIsKnown(t *testing.T) {
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	beat := func(since *Mark, step, total, after int) Heartbeat {
		return Heartbeat{Since: since, Step: step, Total: total, Time: at.Add(time.Duration(after) * time.Second)}
	}
	for name, c := range map[string]struct {
		beat Heartbeat
		rate float64
		left time.Duration
	}{
		"from the first line on":            {beat(&Mark{0, at}, 20, 80, 10), 2, 30 * time.Second},
		"a resume does not count old steps": {beat(&Mark{60, at}, 65, 80, 10), 0.5, 30 * time.Second},
		"an agent that says no first line":  {beat(nil, 20, 80, 10), 0, 0},
		"no step yet":                       {beat(&Mark{60, at}, 60, 80, 10), 0, 0},
		"no time has passed":                {beat(&Mark{0, at}, 5, 80, 0), 0, 0},
		"a clock that went back":            {beat(&Mark{0, at}, 5, 80, -3), 0, 0},
		"the end":                           {beat(&Mark{0, at}, 80, 80, 40), 2, 0},
		"total not known":                   {beat(&Mark{0, at}, 20, 0, 10), 2, 0},
	} {
		if got := c.beat.Rate(); got != c.rate {
			t.Errorf("%s: rate %v, want %v", name, got, c.rate)
		}
		if got := c.beat.Left(); got != c.left {
			t.Errorf("%s: left %v, want %v", name, got, c.left)
		}
	}
}
