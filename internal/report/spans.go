package report

import (
	"slices"
	"time"

	"github.com/r1ctl/r1ctl/internal/r1"
)

// span is a stretch of time.
type span struct{ from, to time.Time }

func (s span) clip(o span) span {
	if o.from.After(s.from) {
		s.from = o.from
	}
	if o.to.Before(s.to) {
		s.to = o.to
	}
	return s
}

func (s span) seconds() float64 { return max(0, s.to.Sub(s.from).Seconds()) }

// slice is a part of an attempt with what it was spent on.
type slice struct {
	span
	in func(*Spent) *float64
}

func inTrain(s *Spent) *float64    { return &s.Train }
func inStartup(s *Spent) *float64  { return &s.Startup }
func inDownload(s *Spent) *float64 { return &s.Download }
func inUpload(s *Spent) *float64   { return &s.Upload }
func inCompute(s *Spent) *float64  { return &s.Compute }
func inUnsplit(s *Spent) *float64  { return &s.Unsplit }

// slices splits an attempt's time, as far as it is known.
func (a *Attempt) slices(kind r1.Kind) []slice {
	whole := span{a.Started, a.last()}
	if a.Started.IsZero() || !whole.to.After(whole.from) {
		return nil
	}
	if kind.Computed() {
		return []slice{{whole, inCompute}}
	}
	if a.Timing == nil {
		if a.Ended.IsZero() && a.Phase == "train" {
			return []slice{{whole, inTrain}}
		}
		return []slice{{whole, inUnsplit}}
	}
	var out []slice
	at := a.Started
	for _, part := range []struct {
		seconds float64
		in      func(*Spent) *float64
	}{{a.Timing.Download, inDownload}, {a.Timing.Startup, inStartup}, {a.Timing.Train, inTrain}, {a.Timing.Upload, inUpload}} {
		to := at.Add(time.Duration(part.seconds * float64(time.Second)))
		if s := (span{at, to}).clip(whole); s.seconds() > 0 {
			out = append(out, slice{s, part.in})
		}
		at = to
	}
	return out
}

// union is how many seconds the spans cover together.
func union(spans []span) float64 {
	slices.SortFunc(spans, func(a, b span) int { return a.from.Compare(b.from) })
	var sum float64
	var end time.Time
	for _, s := range spans {
		if s.from.Before(end) {
			s.from = end
		}
		if s.to.After(s.from) {
			sum += s.seconds()
			end = s.to
		}
	}
	return sum
}

func clipAll(spans []span, to span) []span {
	var out []span
	for _, s := range spans {
		if s = s.clip(to); s.seconds() > 0 {
			out = append(out, s)
		}
	}
	return out
}
