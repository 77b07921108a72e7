package artifact

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/r1ctl/r1ctl/internal/r1"
)

// cache keeps files by digest: <dir>/sha256/<2>/<digest>, read-only. Any number
// of processes may share it: entries appear by rename and are equal by name.
type cache struct{ dir string }

func openCache(dir string) (*cache, error) {
	if err := os.MkdirAll(filepath.Join(dir, "tmp"), 0o755); err != nil {
		return nil, fmt.Errorf("make download cache: %w", err)
	}
	return &cache{dir: dir}, nil
}

func (c *cache) path(sum string) string { return filepath.Join(c.dir, "sha256", sum[:2], sum) }

// verify tells whether the cache has the file, whole. A damaged one is removed:
// a program that wrote through a link must not spoil the next job.
func (c *cache) verify(ctx context.Context, s *Store, e r1.ManifestEntry) (bool, error) {
	f, err := os.Open(c.path(e.SHA256))
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	defer f.Close()
	whole, err := s.hasDigest(ctx, f, e)
	if err != nil || whole {
		return whole, err
	}
	if err := os.Remove(c.path(e.SHA256)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return false, fmt.Errorf("remove damaged cache entry: %w", err)
	}
	return false, nil
}

// fill adds a file that fetch writes and checks.
func (c *cache) fill(e r1.ManifestEntry, fetch func(*os.File) error) error {
	f, err := os.CreateTemp(filepath.Join(c.dir, "tmp"), e.SHA256[:12]+"-*")
	if err != nil {
		return fmt.Errorf("add to download cache: %w", err)
	}
	defer os.Remove(f.Name()) // gone already after the rename
	defer f.Close()
	if err := fetch(f); err != nil {
		return err
	}
	if err := f.Chmod(0o444); err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	entry := c.path(e.SHA256)
	if err := os.MkdirAll(filepath.Dir(entry), 0o755); err != nil {
		return err
	}
	return os.Rename(f.Name(), entry)
}
