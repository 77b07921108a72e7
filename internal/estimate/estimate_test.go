package estimate_test

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/r1ctl/r1ctl/internal/estimate"
	"github.com/r1ctl/r1ctl/internal/golden"
	"github.com/r1ctl/r1ctl/internal/lint"
	"github.com/r1ctl/r1ctl/internal/r1"
	"github.com/r1ctl/r1ctl/recipes"
)

func model(address string) (estimate.Model, bool) {
	if strings.HasPrefix(address, "tiny://") {
		return estimate.Model{Total: 150e3, Active: 150e3, Exact: true}, true
	}
	return estimate.OfAddress(address)
}

func plan(t *testing.T, name, profile string) *r1.Plan {
	t.Helper()
	r, err := recipes.Load(name, recipes.Options{Profile: profile})
	if err != nil {
		t.Fatal(err)
	}
	p, err := recipes.Plan(r, recipes.PlanOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func options(accelerator string) estimate.Options {
	m, _ := estimate.MachineOf(accelerator)
	m.Slots = 2
	return estimate.Options{Machine: m, Model: model, Rows: lint.Size, KeepCheckpoints: 2}
}

func of(t *testing.T, p *r1.Plan, o estimate.Options) *estimate.Estimate {
	t.Helper()
	e, err := estimate.Of(p, o)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// What is said of the shipped recipes, stage by stage, in a form that can be read.
func TestShippedRecipes(t *testing.T) {
	var b strings.Builder
	for _, c := range []struct{ name, profile, machine string }{{"full-r1", "laptop", ""}, {"full-r1", "paper", "H800"}, {"r1-zero", "paper", "H100"}} {
		e := of(t, plan(t, c.name, c.profile), options(c.machine))
		fmt.Fprintf(&b, "== %s %s on %s\n", c.name, c.profile, c.machine)
		for _, j := range e.Jobs {
			fmt.Fprintf(&b, "%s/%s: rows %s > %s; %.4g s (%.4g to %.4g); %.4g h; %.4g B; %d machines; %s\n", j.Stage, j.Job, j.RowsIn.Rows(), j.RowsOut.Rows(),
				j.Seconds.Likely, j.Seconds.Low, j.Seconds.High, j.Hours.Likely, j.Bytes.Likely, j.Accelerators, j.Formula)
		}
		fmt.Fprintf(&b, "all: %.4g s, %.4g h, %.4g B\n%s\n", e.Seconds.Likely, e.Hours.Likely, e.Bytes.Likely, strings.Join(e.Unknown, "\n"))
	}
	golden.Check(t, "testdata/shipped.golden", b.String())
}

// The arithmetic of one RL job, worked out by hand.
func TestGRPOByHand(t *testing.T) {
	p := &r1.Plan{Stages: []r1.PlannedStage{
		{Name: "base", Jobs: []r1.PlannedJob{{
			Stage: "base", Name: "main", Kind: r1.KindBase, Params: []byte(`{"source":"hf://org/m-7B"}`), Outputs: []r1.OutputDecl{{Name: "model", Type: r1.TypeModel}},
		}}},
		{Name: "rl", Needs: []string{"base"}, Jobs: []r1.PlannedJob{{
			Stage: "rl", Name: "main", Kind: r1.KindGRPO, ToStep: 10, Outputs: []r1.OutputDecl{{Name: "model", Type: r1.TypeModel}},
			Inputs: map[string]r1.OutputRef{"policy": {Stage: "base", Job: "main", Output: "model"}},
			Params: []byte(`{"group_size":8,"questions_per_step":4,"inner_epochs":1,"max_tokens":[{"until_step":5,"tokens":1000},{"tokens":2000}]}`),
		}}},
	}}
	j := of(t, p, options("H100")).Job("rl", "main")
	// Likely: 30 % of max_tokens, a prompt of 128; 32 responses a step.
	generated := 32 * (5*300.0 + 5*600.0)
	seen := generated + 32*10*128
	flops := 7e9 * (2*generated + 10*seen)
	seconds := 7e9*2*generated/(989e12*0.06) + 7e9*10*seen/(989e12*0.35)
	memory := 7e9 * (12 + 4 + 4) * 1.3 // optimizer; weights and gradients; reference and sampler
	count := math.Ceil(memory / (80 * (1 << 30)))
	seconds = seconds/count + 300
	for name, c := range map[string][2]float64{
		"tokens": {j.Tokens.Likely, generated}, "flops": {j.Compute.Likely, flops}, "accelerators": {float64(j.Accelerators), count},
		"seconds": {j.Seconds.Likely, seconds}, "hours": {j.Hours.Likely, seconds * count / 3600}, "bytes": {j.Bytes.Likely, 14e9},
	} {
		if math.Abs(c[0]-c[1]) > 1e-6*c[1] {
			t.Errorf("%s: %g, want %g", name, c[0], c[1])
		}
	}
	if j.Seconds.Low >= j.Seconds.Likely || j.Seconds.High <= j.Seconds.Likely {
		t.Errorf("seconds are no range: %+v", j.Seconds)
	}
}

func TestModelsByAddress(t *testing.T) {
	for address, want := range map[string]float64{
		"hf://deepseek-ai/DeepSeek-V3-Base": 671e9, "hf://Qwen/Qwen2.5-Math-1.5B@abc": 1.54e9, "hf://org/some-3B-instruct": 3e9, "hf://org/tiny-135M": 135e6,
		"hf://org/model": 0, "hf://org/v2b": 0, "s3://bucket/7B": 0,
	} {
		m, ok := estimate.OfAddress(address)
		if m.Total != want || ok != (want > 0) || ok && m.Source == "" {
			t.Errorf("%s: %+v, want %g", address, m, want)
		}
	}
	if m, _ := estimate.OfAddress("hf://Qwen/Qwen3-30B-A3B"); m.Total != 30e9 || m.Active != 3e9 {
		t.Errorf("a mixture of experts by its name: %+v", m)
	}
}

func TestModelByConfig(t *testing.T) {
	// Embeddings 10·8, tied; a layer: 4·8² + 3·8·16 + 2·8; a last norm of 8.
	m, ok := estimate.OfConfig([]byte(`{"hidden_size":8,"num_hidden_layers":2,"num_attention_heads":2,"num_key_value_heads":2,"intermediate_size":16,"vocab_size":10,"tie_word_embeddings":true,"max_position_embeddings":64}`), "x")
	if want := float64(80 + 2*(256+384+16) + 8); !ok || m.Total != want || m.Positions != 64 {
		t.Errorf("%+v, want %g", m, want)
	}
	if _, ok := estimate.OfConfig([]byte(`{"hidden_size":8}`), "x"); ok {
		t.Error("half a config gives a size")
	}
}

// Rows of sources that do not say how many they have are unknown, and so is all that hangs on them,
// until a cap bounds it or a person says.
func TestWhatIsUnknownIsCalledUnknown(t *testing.T) {
	p, o := plan(t, "full-r1", "paper"), options("H800")
	e := of(t, p, o)
	for stage, known := range map[string]bool{"zero": false, "rejection-samples": false, "sft-data": true} {
		if got := e.Jobs[0]; got.Stage == "" {
			t.Fatal("no jobs")
		}
		for _, j := range e.Jobs {
			if j.Stage == stage && stage != "zero" && j.RowsOut.Known != known {
				t.Errorf("%s: rows known is %v, want %v", stage, j.RowsOut.Known, known)
			}
			if j.Stage == "zero" && !j.Hours.Known {
				t.Error("the hours of RL hang on steps, not on rows, and are known")
			}
		}
	}
	if len(e.Unknown) == 0 || e.Money.Known {
		t.Errorf("unknown: %v, money %+v", e.Unknown, e.Money)
	}
	o.Given = map[string]float64{"rl-prompts.math": 26e3, "rl-prompts.code": 17e3, "rl-prompts.stem": 22e3, "rl-prompts.logic": 15e3}
	if j := of(t, p, o).Job("rejection-samples", "main"); !j.RowsOut.Known || j.RowsOut.High != 80e3*16 {
		t.Errorf("with the rows given: %+v", j.RowsOut)
	}
}

// With one run behind it, the estimate of the same plan is what that run took.
func TestThePastCorrects(t *testing.T) {
	p, o := plan(t, "full-r1", "laptop"), options("")
	first := of(t, p, o)
	for _, j := range first.Jobs {
		o.Past = append(o.Past, estimate.Past{Run: "before", Stage: j.Stage, Job: j.Job, Kind: j.Kind, Estimated: j, Seconds: 3 * j.Seconds.Likely})
	}
	second := of(t, p, o)
	if got, want := second.Seconds.Likely, 3*first.Seconds.Likely; math.Abs(got-want) > 0.01*want {
		t.Errorf("%g s, want %g", got, want)
	}
	o.Past = o.Past[len(o.Past)-1:] // an evaluation only: its kind is corrected, others are not
	third := of(t, p, o)
	if a, b := third.Job("eval-zero", "main"), first.Job("eval-zero", "main"); math.Abs(a.Seconds.Likely-3*b.Seconds.Likely) > 1e-6 {
		t.Errorf("another evaluation: %g s, want three times %g", a.Seconds.Likely, b.Seconds.Likely)
	}
	if a, b := third.Job("dev1", "main"), first.Job("dev1", "main"); a.Seconds != b.Seconds {
		t.Error("an evaluation corrects a training")
	}
}

func TestThePastKnowsHowManyRowsAreKept(t *testing.T) {
	p, o := plan(t, "full-r1", "laptop"), options("")
	o.Past = []estimate.Past{{Run: "before", Stage: "cold-start", Job: "main", Kind: r1.KindCurate, In: 3072, Kept: 96}}
	j := of(t, p, o).Job("cold-start", "main")
	if got, want := j.RowsOut.Likely, j.RowsIn.Likely/32; math.Abs(got-want) > 1e-6 {
		t.Errorf("%g rows, want %g", got, want)
	}
}

func TestMoneyAndFit(t *testing.T) {
	o := options("H100")
	o.Machine.Count = 8
	o.Prices = estimate.Prices{AcceleratorHour: 2, StorageTBMonth: 20, Currency: "EUR"}
	e := of(t, plan(t, "r1-zero", "paper"), o)
	if !e.Money.Known || e.Money.Likely != 2*e.Hours.Likely || e.Currency != "EUR" || math.Abs(e.Month.Likely-20*e.Bytes.Likely/1e12) > 1e-6 {
		t.Errorf("money %+v of %+v hours; %+v a month", e.Money, e.Hours, e.Month)
	}
	if len(e.Warnings) == 0 || !strings.Contains(e.Warnings[0], "the site has 8") {
		t.Errorf("671B parameters fit 8 × 80 GiB: %v", e.Warnings)
	}
}

// The paper's table is set beside the estimate; it is no part of it.
func TestBesideThePaper(t *testing.T) {
	e := of(t, plan(t, "full-r1", "paper"), options("H800"))
	lines := estimate.BesidePaper(e)
	if len(lines) != 3 || lines[0].Hours != 101_000 || lines[1].Estimated.Known || !lines[1].Partly {
		t.Fatalf("%+v", lines)
	}
	for _, l := range []estimate.PaperCost{lines[0], lines[2]} {
		if l.Hours < l.Estimated.Low || l.Hours > l.Estimated.High {
			t.Errorf("%s: the paper's %g hours are outside %+v", l.Name, l.Hours, l.Estimated)
		}
	}
	if got := estimate.BesidePaper(of(t, plan(t, "r1-zero", "paper"), options("H800"))); len(got) != 1 {
		t.Errorf("a plan with zero alone has %d lines", len(got))
	}
}

// Two slots halve what is independent, and the low time is the longest chain.
func TestWallTime(t *testing.T) {
	job := func(stage string, needs ...string) r1.PlannedStage {
		return r1.PlannedStage{Name: stage, Needs: needs, Jobs: []r1.PlannedJob{{Stage: stage, Name: "main", Kind: r1.KindBase, Params: []byte(`{"source":"tiny://x"}`)}}}
	}
	p := &r1.Plan{Stages: []r1.PlannedStage{job("a"), job("b"), job("c"), job("d", "a")}}
	for slots, want := range map[int][3]float64{1: {4, 16, 40}, 2: {4, 8, 20}, 4: {4, 8, 20}} { // 2, 4 and 10 s each
		o := options("")
		o.Machine.Slots = slots
		e := of(t, p, o)
		if got := [3]float64{e.Seconds.Low, e.Seconds.Likely, e.Seconds.High}; got != want {
			t.Errorf("%d slots: %v, want %v", slots, got, want)
		}
	}
}
