package worker

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"sync"

	"github.com/r1ctl/r1ctl/activities"
	"github.com/r1ctl/r1ctl/internal/artifact"
	"github.com/r1ctl/r1ctl/internal/curate"
	"github.com/r1ctl/r1ctl/internal/hub"
	"github.com/r1ctl/r1ctl/internal/r1"
	"github.com/r1ctl/r1ctl/internal/source"
	"github.com/r1ctl/r1ctl/internal/trainerenv"
)

// curator runs curate jobs with the sources this build can read.
func curator(cfg artifact.Config, env trainerenv.Options, embedders curate.Embedders) activities.Curator {
	build := sync.OnceValue(executable)
	openers := source.Openers(source.Config{S3: cfg, Hub: hub.FromEnv(os.Getenv), Trainer: env})
	return func(ctx context.Context, in activities.CurateInput) (r1.Funnel, error) {
		inputs := make(map[string]curate.Source, len(in.Inputs))
		for name, dir := range in.Inputs {
			source, err := curate.Dir(dir)
			if err != nil {
				return r1.Funnel{}, fmt.Errorf("open input %s: %w", name, err)
			}
			inputs[name] = source
		}
		job := curate.Job{
			Params:    in.Params,
			Inputs:    inputs,
			Openers:   openers,
			Embedders: embedders,
			OutDir:    in.OutDir,
			Layout:    curate.Layout{ShardBytes: curate.DefaultShardBytes},
			Seed:      in.Seed,
			Progress:  in.Progress,
		}
		if in.Shards != nil {
			job.Journal, job.Build = in.Shards, build
		}
		return curate.Run(ctx, job)
	}
}

// executable is the digest of this program: another version may find out something
// else about rows. Where it cannot be read no other process is taken for the same.
func executable() string {
	path, err := os.Executable()
	if err != nil {
		return rand.Text()
	}
	f, err := os.Open(path)
	if err != nil {
		return rand.Text()
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return rand.Text()
	}
	return hex.EncodeToString(h.Sum(nil))
}
