package worker

import (
	"context"
	"os"

	"github.com/r1ctl/r1ctl/internal/artifact"
	"github.com/r1ctl/r1ctl/internal/hub"
	"github.com/r1ctl/r1ctl/internal/publish"
)

// publisher brings artifacts of the store out: to folders of this machine, to buckets of
// the same S3, and to the Hub that the environment names.
func publisher(store *artifact.Store, cfg artifact.Config) *publish.Publisher {
	return &publish.Publisher{
		Store: store,
		OpenBucket: func(ctx context.Context, bucket string) (publish.Bucket, error) {
			cfg := cfg
			cfg.Bucket = bucket
			s, err := artifact.New(ctx, cfg)
			if err != nil || !cfg.Embedded {
				return s, err
			}
			return s, s.EnsureBucket(ctx) // nobody else makes one there
		},
		Hub: hub.FromEnv(os.Getenv),
	}
}
