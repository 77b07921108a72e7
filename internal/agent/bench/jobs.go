package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/r1ctl/r1ctl/internal/artifact"
	"github.com/r1ctl/r1ctl/internal/r1"
	"github.com/r1ctl/r1ctl/internal/tinyworld"
	"github.com/r1ctl/r1ctl/recipes"
)

// job is what is trained.
type job struct {
	name    string
	every   int // steps between checkpoints
	planned r1.PlannedJob
	dirs    map[string]string // its inputs, on disk
	inputs  map[string]r1.Artifact
}

// laptop is the recipe of the jobs, and rows their data: what the stages before
// would make, as far as it costs no training.
const (
	laptop      = "full-r1"
	grpoPrompts = "tiny://arithmetic?split=train&size=448&seed=1"
	grpoHeldOut = "tiny://arithmetic?split=test&size=96&seed=1"
	sftRows     = "tiny://general-sft?split=train&size=384&seed=1"
	sftBatch    = 32
)

// jobs plans the first RL stage and the first SFT stage of the laptop profile,
// and stores their inputs.
func (b *bench) jobs(ctx context.Context) ([]job, error) {
	o := b.options
	perEpoch := 384 / sftBatch
	recipe, err := recipes.Load(laptop, recipes.Options{Profile: "laptop", Set: []string{
		fmt.Sprintf("zero.params.steps=%d", o.steps["grpo"]), fmt.Sprintf("zero.params.reference_refresh_steps=%d", o.steps["grpo"]),
		fmt.Sprintf("zero.params.checkpoint_steps=%d", o.every["grpo"]),
		fmt.Sprintf("dev1.params.epochs=%d", max(1, o.steps["sft"]/perEpoch)), fmt.Sprintf("dev1.params.checkpoint_steps=%d", o.every["sft"]),
	}})
	if err != nil {
		return nil, err
	}
	plan, err := recipes.Plan(recipe, recipes.PlanOptions{})
	if err != nil {
		return nil, err
	}
	model := filepath.Join(b.env.SourceDir, "r1trainer", "assets", "tiny-base")
	jobs := []job{
		{name: "grpo", every: o.every["grpo"], planned: plan.Stage("zero").Jobs[0], dirs: map[string]string{"policy": model}},
		{name: "sft", every: o.every["sft"], planned: plan.Stage("dev1").Jobs[0], dirs: map[string]string{"model": model}},
	}
	for input, address := range map[string]string{"prompts": grpoPrompts, "problems": grpoHeldOut} {
		if jobs[0].dirs[input], err = b.write(input, address); err != nil {
			return nil, err
		}
	}
	if jobs[1].dirs["data"], err = b.write("data", sftRows); err != nil {
		return nil, err
	}
	for i := range jobs {
		if err := b.keep(ctx, &jobs[i]); err != nil {
			return nil, err
		}
	}
	return jobs, nil
}

// write makes a dataset on disk.
func (b *bench) write(name, address string) (string, error) {
	rows, err := tinyworld.Open(address)
	if err != nil {
		return "", err
	}
	var text bytes.Buffer
	for row := range rows {
		text.Write(row)
		text.WriteByte('\n')
	}
	dir := filepath.Join(b.dir, "data", name)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", err
	}
	return dir, os.WriteFile(filepath.Join(dir, "rows.jsonl"), text.Bytes(), 0o644)
}

// keep stores the inputs of a job.
func (b *bench) keep(ctx context.Context, j *job) error {
	j.inputs = map[string]r1.Artifact{}
	for name, dir := range j.dirs {
		kind := r1.TypeDataset
		if name == "policy" || name == "model" {
			kind = r1.TypeModel
		}
		stored, err := b.store.Upload(ctx, dir, artifact.UploadOptions{
			Name: "bench." + name, Type: kind, Prefix: "bench/inputs/" + j.name + "/" + name,
			Producer: r1.JobKey{Run: "bench", Stage: "inputs", Job: r1.MainJob}.Attempt(1),
		})
		if err != nil {
			return fmt.Errorf("store input %s of %s: %w", name, j.name, err)
		}
		j.inputs[name] = stored
	}
	return nil
}
