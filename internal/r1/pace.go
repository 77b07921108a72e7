package r1

import "time"

// Rate is the steps (or rows) a second since the trainer's first line; 0 while
// that cannot be said.
func (h *Heartbeat) Rate() float64 {
	if h.Since == nil || h.Step <= h.Since.Step {
		return 0
	}
	d := h.Time.Sub(h.Since.Time).Seconds()
	if d <= 0 {
		return 0
	}
	return float64(h.Step-h.Since.Step) / d
}

// Left is how long the rest of the job takes at that rate, seen from the
// heartbeat's time; 0 while that cannot be said.
func (h *Heartbeat) Left() time.Duration {
	rate := h.Rate()
	if rate == 0 || h.Total <= h.Step {
		return 0
	}
	return time.Duration(float64(h.Total-h.Step) / rate * float64(time.Second))
}
