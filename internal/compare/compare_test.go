package compare_test

import (
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/r1ctl/r1ctl/internal/compare"
	"github.com/r1ctl/r1ctl/internal/r1"
)

// run is a plan of base -> zero -> dev, each measured, with numbers for arithmetic.
func run(id string, seed int64, base, zero, dev float64) compare.Run {
	job := func(stage string, kind r1.Kind, inputs map[string]r1.OutputRef) r1.PlannedStage {
		ref := r1.OutputRef{Stage: stage, Job: r1.MainJob, Output: "model"}
		return r1.PlannedStage{
			Name: stage, Kind: kind, Title: strings.ToUpper(stage), Outputs: map[string]r1.OutputRef{"model": ref},
			Jobs: []r1.PlannedJob{{Stage: stage, Name: r1.MainJob, Kind: kind, Inputs: inputs, Params: []byte(`{}`)}},
		}
	}
	model := func(stage string) r1.OutputRef { return r1.OutputRef{Stage: stage, Job: r1.MainJob, Output: "model"} }
	plan := r1.Plan{Recipe: "tiny", Seed: seed, Stages: []r1.PlannedStage{
		job("base", r1.KindBase, nil),
		job("eval-base", r1.KindEvaluate, map[string]r1.OutputRef{"model": model("base")}),
		job("zero", r1.KindGRPO, map[string]r1.OutputRef{"policy": model("base")}),
		job("eval-zero", r1.KindEvaluate, map[string]r1.OutputRef{"model": model("zero")}),
		job("dev", r1.KindSFT, map[string]r1.OutputRef{"model": model("base")}),
		job("eval-dev", r1.KindEvaluate, map[string]r1.OutputRef{"model": model("dev")}),
	}}
	numbers := func(pass, tokens float64) map[string]float64 {
		return map[string]float64{
			"pass@1": pass, "pass@1_low": pass - .1, "tokens": tokens, "tokens_correct": tokens, "format": 1,
			"pass@1_arithmetic": pass, "pass@1_low_arithmetic": pass - .1, "tokens_arithmetic": tokens, "format_arithmetic": 1,
		}
	}
	return compare.Run{Run: &r1.Run{ID: id, Recipe: "tiny", Plan: plan}, Metrics: map[string]map[string]float64{
		"eval-base": numbers(base, 10), "eval-zero": numbers(zero, 10*float64(seed)), "eval-dev": numbers(dev, 20),
	}}
}

func TestGainsOverSeeds(t *testing.T) {
	c, err := compare.New([]compare.Run{run("a", 1, .4, .9, .8), run("b", 2, .5, .9, .8), run("c", 3, .45, 1, .8)}, []string{"eval-zero=eval-dev"})
	if err != nil {
		t.Fatal(err)
	}
	if len(c.Models) != 3 || len(c.Models[1].Domains) != 2 {
		t.Fatalf("got %+v", c.Models)
	}
	zero := c.Models[1].Domains[1]
	if zero.Name != "arithmetic" || c.Models[1].Before != "eval-base" {
		t.Fatalf("got %+v before %s", zero, c.Models[1].Before)
	}
	// Gains .5, .4, .55: mean .4833, sd .0764, t(2) = 4.3027.
	gain := zero.Values["pass@1"].Change
	half := 4.302653 * 0.0763763 / math.Sqrt(3)
	if !near(gain.Mean, 0.4833333) || !near(*gain.Low, gain.Mean-half) || !near(*gain.High, gain.Mean+half) {
		t.Errorf("gain is %v (%v to %v), want 0.4833 ± %.4f", gain.Mean, *gain.Low, *gain.High, half)
	}
	if ratio := zero.Values["tokens"].Change; !near(ratio.Mean, 2) {
		t.Errorf("tokens grew %v times, want the mean of 1, 2 and 3", ratio.Mean)
	}
	if above := c.Against[len(c.Against)-1]; above.Domain != "arithmetic" || !near(above.Above.Mean, 0.1333333) {
		t.Errorf("got %+v", above)
	}
	text := c.Markdown()
	for _, want := range []string{"seeds 1 2 3", "### Arithmetic", "| ZERO | eval-zero | eval-base | 0.93 (", "+0.48 (+0.29 to +0.67)", "× 2.00 (", "| eval-zero | eval-dev | arithmetic |"} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
}

func TestOneRunHasNoInterval(t *testing.T) {
	c, err := compare.New([]compare.Run{run("a", 1, .4, .9, .8)}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if gain := c.Models[1].Domains[0].Values["pass@1"].Change; !near(gain.Mean, .5) || gain.Low != nil {
		t.Errorf("got %+v", gain)
	}
}

// What a run lacks is left out of the mean, and not taken for 0.
func TestMissingNumbers(t *testing.T) {
	lacking := run("b", 2, .5, .9, .8)
	delete(lacking.Metrics, "eval-zero")
	c, err := compare.New([]compare.Run{run("a", 1, .4, .9, .8), lacking}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if v := c.Models[1].Domains[0].Values["pass@1"]; v.Runs != 1 || !near(v.Change.Mean, .5) {
		t.Errorf("got %+v", v)
	}
}

func TestRefusals(t *testing.T) {
	other := run("b", 2, .5, .9, .8)
	other.Run.Plan.Stages = other.Run.Plan.Stages[:4]
	cases := map[string]struct {
		runs    []compare.Run
		against []string
		want    string
	}{
		"no run":           {nil, nil, "runs-differ"},
		"different plans":  {[]compare.Run{run("a", 1, 0, 0, 0), other}, nil, "runs-differ"},
		"no such stage":    {[]compare.Run{run("a", 1, 0, 0, 0)}, []string{"eval-zero=zero"}, "unknown-stage"},
		"no pair of names": {[]compare.Run{run("a", 1, 0, 0, 0)}, []string{"eval-zero"}, "unknown-stage"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			_, err := compare.New(c.runs, c.against)
			var named *r1.Error
			if !errors.As(err, &named) || named.Name != c.want {
				t.Errorf("got %v, want %s", err, c.want)
			}
		})
	}
}

func near(a, b float64) bool { return math.Abs(a-b) < 1e-5 }
