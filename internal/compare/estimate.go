package compare

import (
	"math"

	"gonum.org/v1/gonum/stat"
	"gonum.org/v1/gonum/stat/distuv"
)

// Estimate is a mean over runs with its 95 % interval: Student's t, n-1 degrees
// of freedom. One run has no interval.
type Estimate struct {
	Mean float64  `json:"mean"`
	Low  *float64 `json:"low,omitempty"`
	High *float64 `json:"high,omitempty"`
	Runs int      `json:"runs"`
}

// confidence is that of every interval here.
const confidence = 0.95

// estimate is nil of no values.
func estimate(values []float64) *Estimate {
	if len(values) == 0 {
		return nil
	}
	mean, deviation := stat.MeanStdDev(values, nil)
	e := &Estimate{Mean: mean, Runs: len(values)}
	if n := float64(len(values)); n > 1 {
		t := distuv.StudentsT{Mu: 0, Sigma: 1, Nu: n - 1}.Quantile(1 - (1-confidence)/2)
		half := t * deviation / math.Sqrt(n)
		low, high := mean-half, mean+half
		e.Low, e.High = &low, &high
	}
	return e
}
