package gate

import (
	"fmt"
	"math"
	"strings"

	"gonum.org/v1/gonum/stat"
	"gonum.org/v1/gonum/stat/distuv"

	"github.com/r1ctl/r1ctl/internal/r1"
)

// Numbers finds the number of a stage.
type Numbers func(stage, metric string) (float64, bool)

// Judge says whether the condition holds, and by which numbers. One that lacks a
// number does not hold.
func (c Condition) Judge(numbers Numbers) r1.GateCheck {
	out := r1.GateCheck{Condition: c.Text}
	var missing []string
	value := func(t Term) float64 {
		if t.Stage == "" {
			return t.Value
		}
		v, ok := numbers(t.Stage, t.Metric)
		if !ok {
			missing = append(missing, t.String())
		}
		return v
	}
	left, right := value(c.Left), value(c.Right)
	room, how := 0.0, ""
	if c.Beyond {
		var lack []string
		room, how, lack = c.noise(numbers)
		missing = append(missing, lack...)
	}
	if len(missing) > 0 {
		out.Why = "there is no number " + strings.Join(missing, ", ")
		return out
	}
	right += c.Offset
	switch c.Operator {
	case ">=":
		out.Holds = left-right >= room
	case ">":
		out.Holds = left-right > room
	case "<=":
		out.Holds = right-left >= room
	case "<":
		out.Holds = right-left > room
	}
	if math.IsNaN(left) || math.IsNaN(right) || math.IsNaN(room) {
		out.Holds = false
	}
	verb := map[bool]string{true: "holds", false: "does not hold"}[out.Holds]
	out.Why = fmt.Sprintf("%s: %s against %s%s", verb, r1.Number(left), r1.Number(right), how)
	return out
}

// noise is by how much the terms must differ to be more than noise.
func (c Condition) noise(numbers Numbers) (room float64, how string, missing []string) {
	if len(c.Repeats) > 0 {
		return c.spread(numbers)
	}
	sum := 0.0
	for _, t := range []Term{c.Left, c.Right} {
		if t.Stage == "" {
			continue
		}
		// NAME_low and NAME_high stand before the domain: pass@1_low_arithmetic.
		base, domain, _ := strings.Cut(t.Metric, "_")
		if domain != "" {
			domain = "_" + domain
		}
		low, okLow := numbers(t.Stage, base+"_low"+domain)
		high, okHigh := numbers(t.Stage, base+"_high"+domain)
		if !okLow || !okHigh {
			missing = append(missing, fmt.Sprintf("%s.%s_low and _high, its interval", t.Stage, base+domain))
			continue
		}
		half := (high - low) / 2
		sum += half * half
	}
	room = math.Sqrt(sum)
	return room, ", and " + r1.Number(room) + " are noise by their 95 % intervals", missing
}

// spread is the noise between two single measurements, from repeated ones: Student's
// t times their standard deviation times the square root of 2.
func (c Condition) spread(numbers Numbers) (room float64, how string, missing []string) {
	values := make([]float64, 0, len(c.Repeats))
	for _, stage := range c.Repeats {
		v, ok := numbers(stage, c.Left.Metric)
		if !ok {
			missing = append(missing, stage+"."+c.Left.Metric)
		}
		values = append(values, v)
	}
	n := float64(len(values))
	room = distuv.StudentsT{Mu: 0, Sigma: 1, Nu: n - 1}.Quantile(0.975) * stat.StdDev(values, nil)
	if c.Right.Stage != "" { // both sides are noisy
		room *= math.Sqrt2
	}
	return room, fmt.Sprintf(", and %s are noise by %d measurements of one thing", r1.Number(room), len(values)), missing
}
