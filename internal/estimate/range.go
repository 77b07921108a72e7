package estimate

import "math"

// A Range is a number that is not known yet. The zero Range is unknown.
type Range struct {
	Low    float64 `json:"low"`
	Likely float64 `json:"likely"`
	High   float64 `json:"high"`
	Known  bool    `json:"known"`
}

// Exactly is a number that is known.
func Exactly(v float64) Range { return Range{v, v, v, true} }

// Between is a number with bounds.
func Between(low, likely, high float64) Range { return Range{low, likely, high, true} }

// Plus adds; the sum is known where both are.
func (r Range) Plus(o Range) Range {
	return Range{r.Low + o.Low, r.Likely + o.Likely, r.High + o.High, r.Known && o.Known}
}

// Times multiplies low by low and high by high.
func (r Range) Times(o Range) Range {
	return Range{r.Low * o.Low, r.Likely * o.Likely, r.High * o.High, r.Known && o.Known}
}

// Scale multiplies by a number.
func (r Range) Scale(f float64) Range { return Range{r.Low * f, r.Likely * f, r.High * f, r.Known} }

// AtMost bounds from above; an unknown number takes the bound as likely and high.
func (r Range) AtMost(bound float64) Range {
	if !r.Known {
		return Range{0, bound, bound, true}
	}
	return Range{math.Min(r.Low, bound), math.Min(r.Likely, bound), math.Min(r.High, bound), true}
}
