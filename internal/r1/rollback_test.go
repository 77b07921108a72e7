package r1

import (
	"encoding/json"
	"strings"
	"testing"
)

// A phase over steps 40 to 80 with guards of every policy.
const guarded = `{"template":{"text":"<think>{prompt}"},"learning_rate":1e-4,"kl_beta":0.001,"guards":{
	"kl":{"do":"roll-back","most":2,"change":{"learning_rate":{"times":0.3},"kl_beta":{"to":0.01}}},
	"nan":{"do":"roll-back","most":1,"change":{"kl_beta":{"to":0.001}}},
	"length":{"do":"stop","change":{"learning_rate":{"times":0.5}}}}}`

func TestRollBack(t *testing.T) {
	good := func(step int) *int { return &step }
	before := func(job, guard string, n int) (out []Rollback) {
		for range n {
			out = append(out, Rollback{Job: job, Guard: guard})
		}
		return out
	}
	for what, c := range map[string]struct {
		name   string
		class  Class
		good   *int
		before []Rollback
		want   string // what it does, or why nothing
	}{
		"by a guard":                  {"kl", ClassDiverged, good(50), nil, "rolled back to step 0 by kl: kl_beta 0.001 → 0.01, learning_rate 0.0001 → 3e-05"},
		"to the beginning":            {"kl", ClassDiverged, good(40), nil, "rolled back to step 0 by kl: kl_beta 0.001 → 0.01, learning_rate 0.0001 → 3e-05"},
		"again":                       {"kl", ClassDiverged, good(50), before("phase-02", "kl", 1), "rolled back to step 0 by kl: kl_beta 0.001 → 0.01, learning_rate 0.0001 → 3e-05"},
		"too often":                   {"kl", ClassDiverged, good(50), before("phase-02", "kl", 2), "it has been rolled back for that 2 times already, the most that its policy allows"},
		"for other guards":            {"kl", ClassDiverged, good(50), before("phase-02", "nan", 3), "rolled back to step 0 by kl: kl_beta 0.001 → 0.01, learning_rate 0.0001 → 3e-05"},
		"in other phases":             {"kl", ClassDiverged, good(50), before("phase-01", "kl", 2), "rolled back to step 0 by kl: kl_beta 0.001 → 0.01, learning_rate 0.0001 → 3e-05"},
		"before the phase":            {"kl", ClassDiverged, good(39), nil, "it is not rolled back, because the trouble began before its first step, 40: the phase before is in doubt"},
		"to nowhere":                  {"kl", ClassDiverged, nil, nil, "it is not rolled back, because the trainer did not say which step was the last good one"},
		"with nothing changed":        {"nan", ClassDiverged, good(50), nil, "it is not rolled back, because no parameter would change by it: the same would come again"},
		"by a guard that stops":       {"length", ClassDiverged, good(50), nil, ""},
		"by a guard that is off":      {"loss", ClassDiverged, good(50), nil, ""},
		"by a failure of the program": {"kl", ClassProgram, good(50), nil, ""},
	} {
		key := JobKey{Run: "r", Stage: "zero", Job: "phase-02"}.Attempt(3)
		spec := &Spec{Key: key, Params: json.RawMessage(guarded), FromStep: 40, ToStep: 80, Rollbacks: c.before}
		back, why, err := RollBack(spec, &Result{Class: c.class, Name: c.name, LastGoodStep: c.good, Step: 60})
		if err != nil {
			t.Errorf("%s: %v", what, err)
			continue
		}
		got := why
		if back != nil {
			got = back.String()
			if back.Attempt != 3 || back.AtStep != 60 || back.LastGoodStep != *c.good || why != "" {
				t.Errorf("%s: %+v, %q", what, back, why)
			}
		}
		if got != c.want {
			t.Errorf("%s: %q, want %q", what, got, c.want)
		}
	}
}

// A learning rate takes the end of its schedule with it, unless that is named.
func TestALearningRateTakesItsScheduleAlong(t *testing.T) {
	for change, want := range map[string]string{
		`{"learning_rate":{"times":0.5}}`:                                    "final_learning_rate 0.001 → 0.0005, learning_rate 0.01 → 0.005",
		`{"learning_rate":{"to":0.001}}`:                                     "final_learning_rate 0.001 → 0.0001, learning_rate 0.01 → 0.001",
		`{"learning_rate":{"times":0.5},"final_learning_rate":{"to":0}}`:     "final_learning_rate 0.001 → 0, learning_rate 0.01 → 0.005",
		`{"learning_rate":{"times":0.5},"final_learning_rate":{"to":0.001}}`: "learning_rate 0.01 → 0.005",
		`{"final_learning_rate":{"times":0.5}}`:                              "final_learning_rate 0.001 → 0.0005",
	} {
		spec := &Spec{Params: json.RawMessage(`{"learning_rate":0.01,"final_learning_rate":0.001,"guards":{"loss":{"do":"roll-back","most":1,"change":` + change + `}}}`)}
		back, _, err := RollBack(spec, &Result{Class: ClassDiverged, Name: "loss", LastGoodStep: new(int)})
		if err != nil || back == nil || back.Changes() != want {
			t.Errorf("%s: %+v, %v; want %s", change, back, err, want)
		}
	}
}

// Changes add up, and all else stays as it was written.
func TestChanged(t *testing.T) {
	one := Rollback{Change: []ParamChange{{"learning_rate", 1e-4, 3e-5}, {"kl_beta", 0.001, 0.01}}}
	two := Rollback{Change: []ParamChange{{"learning_rate", 3e-5, 9e-6}}}
	got, err := Changed(json.RawMessage(guarded), []Rollback{one, two})
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`"learning_rate":9e-06`, `"kl_beta":0.01`, `"text":"<think>{prompt}"`, `"most":2`} {
		if !strings.Contains(string(got), want) {
			t.Errorf("%s has no %s", got, want)
		}
	}
	if same, err := Changed(json.RawMessage(guarded), nil); err != nil || string(same) != guarded {
		t.Errorf("without a roll-back: %s, %v", same, err)
	}
}
