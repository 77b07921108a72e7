package puzzles

import (
	"context"
	"fmt"
	"io"

	"github.com/r1ctl/r1ctl/internal/launch/childenv"
	"github.com/r1ctl/r1ctl/internal/trainerenv"
)

// OpenIn is Open in the trainer's environment, which is built first where it is
// not there: with a right address only.
func OpenIn(ctx context.Context, text string, o trainerenv.Options) (func(ctx context.Context) (io.ReadCloser, error), error) {
	if _, err := Parse(text); err != nil {
		return nil, err
	}
	env, err := trainerenv.Ensure(ctx, o)
	if err != nil {
		return nil, fmt.Errorf("make the trainer's environment, which makes puzzles: %w", err)
	}
	return Open(text, Options{Python: env.Python, Environ: childenv.Clean(env.Environ...)})
}
