package source

import (
	"context"
	"io"

	"github.com/r1ctl/r1ctl/internal/artifact"
	"github.com/r1ctl/r1ctl/internal/curate"
	"github.com/r1ctl/r1ctl/internal/hub"
	"github.com/r1ctl/r1ctl/internal/puzzles"
	"github.com/r1ctl/r1ctl/internal/tinyworld"
	"github.com/r1ctl/r1ctl/internal/trainerenv"
)

// Config says where things from outside are.
type Config struct {
	S3      artifact.Config // its bucket does not matter
	Hub     hub.Settings
	Trainer trainerenv.Options // makes puzzles
}

// Openers are the schemes that can be read.
func Openers(c Config) map[string]curate.Opener {
	return map[string]curate.Opener{"tiny": openTiny, "rg": openPuzzles(c.Trainer), "s3": openS3(c.S3), "hf": openHub(c.Hub)}
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

// openHub opens the files of a data set of the Hub, one after another.
func openHub(settings hub.Settings) curate.Opener {
	return func(ctx context.Context, address string) (curate.Source, error) {
		d, err := hub.Open(ctx, settings, address, append(curate.Formats(), "json", "ndjson"))
		if err != nil {
			return nil, err
		}
		parts := make([]curate.Source, len(d.Files))
		for i, f := range d.Files {
			parts[i] = curate.Stream(f.Path, func(ctx context.Context) (io.ReadCloser, error) { return d.Read(ctx, f) })
		}
		return curate.Described(curate.Joined(parts...), curate.Origin{Address: d.Address.String(), Revision: d.Commit, Licence: d.Licence}), nil
	}
}
