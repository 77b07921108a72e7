package activities

import (
	"context"
	"errors"
	"os"
	"path"
	"path/filepath"

	"github.com/r1ctl/r1ctl/internal/artifact"
	"github.com/r1ctl/r1ctl/internal/curate"
	"github.com/r1ctl/r1ctl/internal/r1"
	"github.com/r1ctl/r1ctl/internal/tasks"
)

// keepAccounts stores what a curation that failed says of its rows (the
// quarantine, the dropped rows, the funnel) below its attempt, and adds to the
// error where. Rows themselves are not kept: they are no dataset.
func (a *Activities) keepAccounts(ctx context.Context, ref tasks.JobRef, attempt int, dir string, cause error) error {
	user, ok := r1.AsError(cause)
	entries, err := os.ReadDir(dir)
	if !ok || err != nil {
		return cause
	}
	kept := 0
	for _, e := range entries {
		if curate.HoldsRows(e.Name()) {
			err = errors.Join(err, os.Remove(filepath.Join(dir, e.Name())))
		} else {
			kept++
		}
	}
	if err != nil || kept == 0 {
		return cause
	}
	key := ref.Key().Attempt(attempt)
	art, err := a.Store.Upload(ctx, dir, artifact.UploadOptions{
		Name: ref.Stage + ".accounts", Type: r1.TypeReport, Producer: key, Prefix: path.Join(ref.Layout().Attempt(key), r1.AccountsDir),
	})
	if err != nil {
		return cause
	}
	return &r1.Error{Name: user.Name, Detail: user.Detail + "; what became of each row is in " + art.URI, Remedy: user.Remedy, Err: user.Err}
}
