package gate_test

import (
	"math"
	"strings"
	"testing"

	"github.com/r1ctl/r1ctl/internal/gate"
	"github.com/r1ctl/r1ctl/internal/r1"
)

func TestJudge(t *testing.T) {
	numbers := func(stage, metric string) (float64, bool) {
		v, ok := map[string]float64{
			"base.pass@1": 0.40, "base.pass@1_low": 0.34, "base.pass@1_high": 0.46,
			"zero.pass@1": 0.50, "zero.pass@1_low": 0.42, "zero.pass@1_high": 0.58,
			"zero.pass@1_math-hard": 0.3, "zero.pass@1_low_math-hard": 0.1, "zero.pass@1_high_math-hard": 0.5,
			"again.pass@1": 0.42, "data.rows": 600, "data.share": 0.25, "odd.pass@1": math.NaN(),
		}[stage+"."+metric]
		return v, ok
	}
	for _, c := range []struct {
		text  string
		holds bool
		why   string
	}{
		{"zero.pass@1 >= base.pass@1 + 0.05", true, "holds: 0.5 against 0.45"},
		{"zero.pass@1 >= base.pass@1 + 0.2", false, "does not hold: 0.5 against 0.6"},
		{"zero.pass@1 > 0.5", false, "0.5 against 0.5"},
		{"zero.pass@1 >= 0.5", true, ""},
		{"base.pass@1 < zero.pass@1", true, ""},
		{"base.pass@1 <= zero.pass@1 - 0.2", false, "0.4 against 0.3"},
		{"data.rows >= 600", true, ""},
		{"data.share>=0.3", false, "0.25"},
		// The half widths are 0.08 and 0.06, so 0.1 of difference are noise.
		{"zero.pass@1 > base.pass@1 beyond noise", false, "0.1 are noise by their 95 % intervals"},
		{"zero.pass@1 > base.pass@1 - 0.05 beyond noise", true, ""},
		{"zero.pass@1_math-hard > 0.2 beyond noise", false, "0.2 are noise"},
		// s = 0.01414, t(1) = 12.706, so 0.254 between two measurements, 0.18 for one.
		{"zero.pass@1 > base.pass@1 beyond noise of base, again", false, "0.254 are noise by 2 measurements"},
		{"zero.pass@1 > 0.3 beyond noise of base, again", true, "0.18"},
		{"zero.cons@k > 0.3", false, "there is no number zero.cons@k"},
		{"again.pass@1 > 0.3 beyond noise", false, "no number again.pass@1_low and _high"},
		{"odd.pass@1 < 1", false, ""},
		{"odd.pass@1 >= 0", false, ""},
	} {
		parsed, err := gate.Parse(c.text)
		if err != nil {
			t.Errorf("%s: %v", c.text, err)
			continue
		}
		if got := parsed.Judge(numbers); got.Holds != c.holds || !strings.Contains(got.Why, c.why) {
			t.Errorf("%s: %+v, want %v, %q", c.text, got, c.holds, c.why)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	for text, want := range map[string]string{
		"":                                    "expected STAGE.METRIC >=",
		"zero.pass@1":                         "expected STAGE.METRIC >=",
		"zero.pass@1 = 3":                     "expected STAGE.METRIC >=",
		"1 < 2":                               "the number of a stage",
		"zero.pass@1 >= base":                 `found "base"`,
		"zero.pass@1 >= base.pass@1 + some":   `expected a number after "+"`,
		"zero.pass@1 >= a.x + b.x":            `expected a number after "+", found "b.x"`,
		"zero.pass@1 > 0.1 beyond noise of a": "two or more",
		"0.1 < a.x beyond noise of a, b":      "on the left",
	} {
		if _, err := gate.Parse(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q gives %v, want %q", text, err, want)
		}
	}
}

func TestMetric(t *testing.T) {
	for _, c := range []struct {
		kind r1.Kind
		name string
		ok   bool
	}{
		{r1.KindEvaluate, "pass@1", true}, {r1.KindEvaluate, "pass@8", true}, {r1.KindEvaluate, "pass@1_low_code", true},
		{r1.KindEvaluate, "tokens_correct", true}, {r1.KindEvaluate, "pas@1", false}, {r1.KindEvaluate, "rows", false},
		{r1.KindCurate, "share", true}, {r1.KindCurate, "rows_in", true}, {r1.KindCurate, "pass@1", false},
		{r1.KindGRPO, "anything", true},
	} {
		if ok, names := gate.Metric(c.kind, c.name); ok != c.ok || (!ok && len(names) == 0) {
			t.Errorf("%s of %s: %v %v", c.name, c.kind, ok, names)
		}
	}
}
