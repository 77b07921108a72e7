package main

import (
	"fmt"
	"math"
	"time"

	"gonum.org/v1/gonum/stat"
	"gonum.org/v1/gonum/stat/distuv"
)

// measurement is one training.
type measurement struct {
	first, last time.Time // of the trainer's lines of metrics: the first one, and the summary
	train       float64   // seconds of these in which it was its turn
	cpu         float64   // CPU seconds of the trainer, its start included
	all         float64   // and of all that served it: verifier, agent, S3 server
	steps       int
	checkpoints int   // stored in S3
	bytes       int64 // of one checkpoint
}

// pair is one job trained twice at once, by turns.
type pair struct {
	alone, agent measurement
	agentFirst   bool
}

func trainTime(m measurement) float64 { return m.train }
func trainCPU(m measurement) float64  { return m.cpu }
func allCPU(m measurement) float64    { return m.all }

// interval is a ratio over pairs with its two-sided 95 % interval.
type interval struct{ mean, low, high float64 }

// ratios is the geometric mean of what a number is under the agent to what it is
// alone. The interval is Student's t over the logarithms, n-1 degrees of freedom.
func ratios(pairs []pair, of func(measurement) float64) interval {
	logs := make([]float64, len(pairs))
	for i, p := range pairs {
		logs[i] = math.Log(of(p.agent) / of(p.alone))
	}
	mean, deviation := stat.MeanStdDev(logs, nil)
	n := float64(len(logs))
	half := distuv.StudentsT{Mu: 0, Sigma: 1, Nu: n - 1}.Quantile(0.975) * deviation / math.Sqrt(n)
	return interval{math.Exp(mean), math.Exp(mean - half), math.Exp(mean + half)}
}

func (i interval) percent() string {
	return fmt.Sprintf("%+.1f %% (%+.1f to %+.1f)", 100*(i.mean-1), 100*(i.low-1), 100*(i.high-1))
}

// mean is the arithmetic mean of a number over one side of the pairs.
func mean(pairs []pair, side func(pair) measurement, of func(measurement) float64) float64 {
	sum := 0.0
	for _, p := range pairs {
		sum += of(side(p))
	}
	return sum / float64(len(pairs))
}

func alone(p pair) measurement   { return p.alone }
func byAgent(p pair) measurement { return p.agent }
