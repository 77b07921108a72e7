package main

import (
	"encoding/json"
	"testing"

	"github.com/r1ctl/r1ctl/internal/config"
	"github.com/r1ctl/r1ctl/internal/r1"
)

func TestVLLMWantsAGPU(t *testing.T) {
	job := func(kind r1.Kind, params string) *r1.Plan {
		return &r1.Plan{Stages: []r1.PlannedStage{{Name: "samples", Jobs: []r1.PlannedJob{{Kind: kind, Params: json.RawMessage(params)}}}}}
	}
	gpu, none := func() bool { return true }, func() bool { return false }
	var own config.Config
	own.Trainer.Command = []string{"/opt/trainer"}
	for name, c := range map[string]struct {
		cfg  config.Config
		plan *r1.Plan
		gpu  func() bool
		want string
	}{
		"vllm without a GPU":            {plan: job(r1.KindSample, `{"generator": "vllm"}`), gpu: none, want: "vllm-no-gpu"},
		"evaluation without a GPU":      {plan: job(r1.KindEvaluate, `{"generator": "vllm"}`), gpu: none, want: "vllm-no-gpu"},
		"vllm with a GPU":               {plan: job(r1.KindSample, `{"generator": "vllm"}`), gpu: gpu},
		"a program of the user's own":   {cfg: own, plan: job(r1.KindSample, `{"generator": "vllm"}`), gpu: none},
		"the trainer's own generator":   {plan: job(r1.KindSample, `{"generator": "transformers"}`), gpu: none},
		"no generator":                  {plan: job(r1.KindSample, `{}`), gpu: none},
		"another kind with such a name": {plan: job(r1.KindSFT, `{"generator": "vllm"}`), gpu: none},
	} {
		t.Run(name, func(t *testing.T) {
			err := checkGenerators(c.cfg, c.plan, c.gpu)
			got, _ := r1.AsError(err)
			if (err == nil) != (c.want == "") || c.want != "" && (got == nil || got.Name != c.want) {
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
}
