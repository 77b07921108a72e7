package main

import (
	"context"
	"fmt"
	"log/slog"
	"path/filepath"

	"github.com/r1ctl/r1ctl/internal/config"
	"github.com/r1ctl/r1ctl/internal/r1"
	"github.com/r1ctl/r1ctl/internal/trainerenv"
)

// vllmOptions are those of the environment that jobs with vLLM run in.
func (a *app) vllmOptions(cfg config.Config) trainerenv.Options {
	o := a.trainerOptions(cfg)
	o.Packages = trainerenv.VLLM()
	return o
}

// needsVLLM says whether a job runs in the environment of vLLM: where a program of the
// user's own trains, it has to have vLLM itself, and where there is no GPU the trainer
// says so before anything of some gigabytes is installed.
func needsVLLM(cfg config.Config, spec r1.Spec) bool {
	return r1.GeneratorOf(spec.Kind, spec.Params) == r1.VLLM && len(cfg.Trainer.Command) == 0 && hasGPU()
}

// vllmCommand is the trainer of a job with vLLM, and its environment, which is built
// where it is not there.
func (a *app) vllmCommand(ctx context.Context, cfg config.Config) (command, environ []string, err error) {
	env, err := trainerenv.Ensure(ctx, a.vllmOptions(cfg))
	if err != nil {
		return nil, nil, err
	}
	return []string{env.Python, "-m", "r1trainer"}, env.Environ, nil
}

// trainerFor names the trainer of jobs that have another one than most: those that ask
// an endpoint, and those with vLLM.
func (a *app) trainerFor(ctx context.Context, cfg config.Config, self string, log *slog.Logger) func(r1.Spec) (command, environ []string) {
	asks := generatorFor(cfg, self)
	return func(spec r1.Spec) (command, environ []string) {
		if !needsVLLM(cfg, spec) {
			return asks(spec)
		}
		command, environ, err := a.vllmCommand(ctx, cfg)
		if err != nil { // the trainer will find no vLLM, and say so
			log.Error("the environment of vLLM cannot be built", "error", err)
			return nil, nil
		}
		return command, environ
	}
}

// checkGenerators refuses a plan with vLLM for a machine that it cannot run on.
func checkGenerators(cfg config.Config, plan *r1.Plan, gpu func() bool) error {
	if len(cfg.Trainer.Command) > 0 || gpu() { // what a program of the user's own has is not known here
		return nil
	}
	for _, s := range plan.Stages {
		for _, j := range s.Jobs {
			if r1.GeneratorOf(j.Kind, j.Params) == r1.VLLM {
				return &r1.Error{
					Name:   "vllm-no-gpu",
					Detail: fmt.Sprintf("stage %s samples with vLLM (generator: vllm), and this machine shows no NVIDIA GPU", s.Name),
					Remedy: fmt.Sprintf("run where there is one, or take the trainer's own generator: --set %s.params.generator=transformers", s.Name),
				}
			}
		}
	}
	return nil
}

// hasGPU says whether the kernel shows an NVIDIA GPU, as drivers and container runtimes
// do it; WSL has a device of its own.
func hasGPU() bool {
	for _, pattern := range []string{"/dev/nvidia[0-9]*", "/dev/dxg"} {
		if found, _ := filepath.Glob(pattern); len(found) > 0 { // the pattern is right
			return true
		}
	}
	return false
}
