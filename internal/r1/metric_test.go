package r1

import (
	"fmt"
	"math"
	"testing"
)

func TestKeyMetricsOfAKind(t *testing.T) {
	values := map[string]float64{"tokens": 25.66, "reward": 1.8349, "accuracy": 0.84, "loss": 0.01, "pass@1": 0.3125, "rows": 582, "parameters": 1.25e6}
	for kind, want := range map[Kind]string{
		KindGRPO:     "[reward 1.83 accuracy 0.84 tokens 25.7]",
		KindSFT:      "[loss 0.01 rows 582]",
		KindEvaluate: "[pass@1 0.312 accuracy 0.84 tokens 25.7]",
		KindBase:     "[loss 0.01 parameters 1.25M]",
	} {
		if got := fmt.Sprint(KeyMetrics(kind, values)); got != want {
			t.Errorf("%s: %s, want %s", kind, got, want)
		}
	}
	for _, k := range Kinds() {
		if len(keyMetrics[k]) == 0 {
			t.Errorf("no key metrics for kind %s", k)
		}
	}
}

func TestNumbersAreShort(t *testing.T) {
	for v, want := range map[float64]string{
		0: "0", 1: "1", 0.8349: "0.835", -2.5: "-2.5", 99.96: "100", 1242: "1242", -640.4: "-640", 3e-6: "3e-06", 671e9: "671B", 1234567: "1.23M",
	} {
		if got := Number(v); got != want {
			t.Errorf("%v: %s, want %s", v, got, want)
		}
	}
	if got := Number(math.NaN()); got != "NaN" {
		t.Errorf("NaN: %s", got)
	}
}
