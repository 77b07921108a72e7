package main

import (
	"math"
	"strings"
	"testing"
)

func pairsOf(alone float64, factors ...float64) []pair {
	var pairs []pair
	for _, f := range factors {
		pairs = append(pairs, pair{alone: measurement{train: alone, cpu: 1, all: 1}, agent: measurement{train: f * alone, cpu: 1, all: 2}})
	}
	return pairs
}

func TestRatios(t *testing.T) {
	// Logarithms +0.1, 0, -0.1: mean 0, deviation 0.1, t(2) at 97.5 % is 4.3027.
	got := ratios(pairsOf(20, math.Exp(0.1), 1, math.Exp(-0.1)), trainTime)
	half := 4.302653 * 0.1 / math.Sqrt(3)
	for name, c := range map[string][2]float64{"mean": {got.mean, 1}, "low": {got.low, math.Exp(-half)}, "high": {got.high, math.Exp(half)}} {
		if math.Abs(c[0]-c[1]) > 1e-5 {
			t.Errorf("%s is %f, want %f", name, c[0], c[1])
		}
	}
	if same := ratios(pairsOf(3, 1.02, 1.02), trainTime); math.Abs(same.high-1.02) > 1e-9 || same.percent() != "+2.0 % (+2.0 to +2.0)" {
		t.Errorf("two equal pairs give %+v, %s", same, same.percent())
	}
}

func TestThePageSaysWhetherTheBoundHolds(t *testing.T) {
	for name, c := range map[string]struct {
		factors []float64
		want    string
	}{
		"cheap": {[]float64{1.01, 1.012, 1.008}, "The bound of 5 % holds."},
		"dear":  {[]float64{1.01, 1.2, 1.1}, "The bound of 5 % does not hold for sft."},
	} {
		t.Run(name, func(t *testing.T) {
			if strings.Contains(page{machine: machine{cores: 8, load: 1}}.markdown(), "busy") || !strings.Contains(page{machine: machine{cores: 2, load: 1}}.markdown(), "busy") {
				t.Error("a page says of a machine that it was busy when it was not, or the other way round")
			}
			p := page{options: options{pairs: 3, limit: 0.05}, machine: machine{cores: 2, model: "some CPU"},
				jobs: []comparison{{job: job{name: "sft"}, pairs: pairsOf(20, c.factors...)}}}
			text := p.markdown()
			if !strings.Contains(text, c.want) || !strings.Contains(text, "| sft | trainer's time | 20.0 s |") {
				t.Errorf("the page does not say %q:\n%s", c.want, text)
			}
		})
	}
}
