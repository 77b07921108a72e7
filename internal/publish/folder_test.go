package publish_test

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/r1ctl/r1ctl/internal/artifact"
	"github.com/r1ctl/r1ctl/internal/publish"
	"github.com/r1ctl/r1ctl/internal/r1"
)

func TestPublishToAFolder(t *testing.T) {
	p := newPlace(t)
	to := filepath.Join(t.TempDir(), "models", "zero")
	in := p.input("r-1", r1.TypeModel, weights("a"), to)
	var done, total int64
	in.Progress = func(d, n int64) { done, total = d, n }
	rec := p.publish(in)
	if bad := differ(p.folder(to), want("r-1", weights("a"))); bad != "" || rec.Already || rec.URL != to || done == 0 || done != total {
		t.Errorf("%s: %+v, %d of %d", bad, rec, done, total)
	}
	// A second try finds it, a folder that lost a file is mended.
	if rec := p.publish(in); !rec.Already {
		t.Error("a second publication was made")
	}
	if err := os.Remove(filepath.Join(to, "config.json")); err != nil {
		t.Fatal(err)
	}
	p.gone(rec, "config.json")
	if rec := p.publish(in); rec.Already || differ(p.folder(to), want("r-1", weights("a"))) != "" {
		t.Error("it was not mended")
	}
	// The same artifact of another run takes its place; another artifact needs to be told so.
	p.publish(p.input("r-2", r1.TypeModel, weights("a"), to))
	other := p.input("r-3", r1.TypeModel, map[string]string{"config.json": "other"}, to)
	p.refused(other, "publish-exists")
	other.Replace = true
	p.publish(other)
	if bad := differ(p.folder(to), want("r-3", map[string]string{"config.json": "other"})); bad != "" {
		t.Error(bad)
	}
	p.gone(rec, "something else")
	if left, _ := os.ReadDir(filepath.Dir(to)); len(left) != 1 {
		t.Errorf("beside it lies %v", left)
	}
	if err := os.RemoveAll(to); err != nil {
		t.Fatal(err)
	}
	p.gone(rec, "no r1ctl-published.json")
}

// What r1ctl did not publish is not touched, whatever the recipe says.
func TestAFolderOfSomebodyElse(t *testing.T) {
	p := newPlace(t)
	to := t.TempDir()
	if err := os.WriteFile(filepath.Join(to, "thesis.tex"), []byte("years of work"), 0o600); err != nil {
		t.Fatal(err)
	}
	in := p.input("r-1", r1.TypeModel, weights("a"), to)
	in.Replace = true
	p.refused(in, "publish-foreign")
	in.To.Folder = filepath.Join(to, "thesis.tex")
	p.refused(in, "publish-foreign")
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(to, link); err != nil {
		t.Fatal(err)
	}
	in.To.Folder = link
	p.refused(in, "publish-foreign")
	in.To.Folder = filepath.Join(to, "thesis.tex", "below")
	p.refused(in, "publish-folder")
	if raw, err := os.ReadFile(filepath.Join(to, "thesis.tex")); err != nil || string(raw) != "years of work" {
		t.Errorf("it is %q, %v", raw, err)
	}
	if left, _ := os.ReadDir(to); len(left) != 1 {
		t.Errorf("beside it lies %v", left)
	}
	in.To.Folder = filepath.Join(t.TempDir(), "empty")
	if err := os.Mkdir(in.To.Folder, 0o755); err != nil {
		t.Fatal(err)
	}
	p.publish(in) // nothing is lost there
}

// dying is a store whose reader's process dies after so many files.
type dying struct {
	publish.Store
	after int
}

var errDied = errors.New("killed here")

func (d dying) DownloadFiles(ctx context.Context, name string, files []r1.ManifestEntry, dir string, o artifact.DownloadOptions) error {
	if err := d.Store.DownloadFiles(ctx, name, files[:min(d.after, len(files))], dir, o); err != nil {
		return err
	}
	return errDied
}

func (d dying) Get(ctx context.Context, key string, offset, length int64) (io.ReadCloser, error) {
	return d.Store.Get(ctx, key, offset, length)
}

// A publication that is not whole is not seen, and the next try clears up after it.
func TestAFolderThatWasNotFinished(t *testing.T) {
	p := newPlace(t)
	to := filepath.Join(t.TempDir(), "zero")
	in := p.input("r-1", r1.TypeModel, weights("a"), to)
	p.Publisher.Store = dying{p.store, 2}
	if _, err := p.Publish(t.Context(), in); !errors.Is(err, errDied) {
		t.Fatal(err)
	}
	if _, err := os.Stat(to); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("half a publication is seen: %v", err)
	}
	left, _ := os.ReadDir(filepath.Dir(to))
	if len(left) != 1 || !strings.HasPrefix(left[0].Name(), ".") {
		t.Errorf("beside it lies %v", left)
	}
	p.Publisher.Store = p.store
	in.Attempt = 2
	p.publish(in)
	if left, _ := os.ReadDir(filepath.Dir(to)); len(left) != 1 || left[0].Name() != "zero" || differ(p.folder(to), want("r-1", weights("a"))) != "" {
		t.Errorf("there is %v", left)
	}
}
