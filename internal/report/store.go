package report

import (
	"context"
	"errors"
	"io"

	"github.com/r1ctl/r1ctl/internal/artifact"
	"github.com/r1ctl/r1ctl/internal/r1"
	"github.com/r1ctl/r1ctl/internal/runs"
)

// Store is what a report is read from.
type Store interface {
	runs.Store
	FilesUnder(ctx context.Context, folder string) ([]artifact.Object, error)
	Get(ctx context.Context, key string, offset, length int64) (io.ReadCloser, error)
	OpenFile(ctx context.Context, a r1.Artifact, path string) (io.ReadCloser, error)
}

// absent says that a part of a run cannot be read and never will be: it was not
// written, was deleted, or is damaged. An outage is not that.
func absent(err error) bool {
	if errors.Is(err, r1.ErrNotFound) {
		return true
	}
	known, ok := r1.AsError(err)
	return ok && (known.Name == "artifact-missing" || known.Name == "artifact-corrupt")
}
