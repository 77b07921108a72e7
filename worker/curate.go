package worker

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"

	"github.com/r1ctl/r1ctl/activities"
	"github.com/r1ctl/r1ctl/internal/artifact"
	"github.com/r1ctl/r1ctl/internal/curate"
	"github.com/r1ctl/r1ctl/internal/puzzles"
	"github.com/r1ctl/r1ctl/internal/r1"
	"github.com/r1ctl/r1ctl/internal/tinyworld"
	"github.com/r1ctl/r1ctl/internal/trainerenv"
)

// curator runs curate jobs with the sources this build can read.
func curator(cfg artifact.Config, env trainerenv.Options) activities.Curator {
	build := sync.OnceValue(executable)
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
			Params:   in.Params,
			Inputs:   inputs,
			Openers:  map[string]curate.Opener{"tiny": openTiny, "s3": openS3(cfg), "rg": openPuzzles(env)},
			OutDir:   in.OutDir,
			Seed:     in.Seed,
			Progress: in.Progress,
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

// openTiny opens a dataset of the tiny world.
func openTiny(_ context.Context, address string) (curate.Source, error) {
	rows, err := tinyworld.Open(address)
	if err != nil {
		return nil, err
	}
	return curate.Generated(address, rows), nil
}

// openPuzzles opens puzzles, which the trainer's environment makes.
func openPuzzles(env trainerenv.Options) curate.Opener {
	return func(ctx context.Context, address string) (curate.Source, error) {
		rows, err := puzzles.OpenIn(ctx, address, env)
		return curate.Stream(address, rows), err
	}
}

// openS3 opens one JSONL object, in any bucket of the configured S3.
func openS3(cfg artifact.Config) curate.Opener {
	return func(ctx context.Context, address string) (curate.Source, error) {
		bucket, key, _ := strings.Cut(strings.TrimPrefix(address, "s3://"), "/")
		cfg := cfg
		cfg.Bucket = bucket
		store, err := artifact.New(ctx, cfg)
		if err != nil {
			return nil, fmt.Errorf("open %s: %w", address, err)
		}
		if err := mustExist(ctx, store, address, key); err != nil {
			return nil, err
		}
		return curate.Stream(address, func(ctx context.Context) (io.ReadCloser, error) { return store.Get(ctx, key, 0, -1) }), nil
	}
}

func mustExist(ctx context.Context, store *artifact.Store, address, key string) error {
	there, err := store.Exists(ctx, key)
	if err != nil {
		return fmt.Errorf("look for %s: %w", address, err)
	}
	if !there {
		return &r1.Error{Name: "source-not-found", Detail: fmt.Sprintf("there is no object %s", address), Remedy: "check the address, or upload the object first"}
	}
	return nil
}
