package artifact

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"time"

	"github.com/r1ctl/r1ctl/internal/r1"
)

// cache keeps files by digest: <dir>/sha256/<2>/<digest>, read-only. Any number
// of processes may share it: entries appear by rename and are equal by name. An
// entry's modification time is when it was last asked for. Whoever uses the cache
// shares its lock, and TrimCache has it alone.
type cache struct {
	dir string
	use *os.File
}

func openCache(dir string) (*cache, error) {
	use, err := lockCache(dir, syscall.LOCK_SH)
	if err != nil {
		return nil, fmt.Errorf("make download cache: %w", err)
	}
	return &cache{dir: dir, use: use}, nil
}

// close lets the cache be trimmed.
func (c *cache) close() { _ = c.use.Close() }

// lockCache opens the cache's lock, and locks it as how says.
func lockCache(dir string, how int) (*os.File, error) {
	if err := os.MkdirAll(filepath.Join(dir, cacheTmp), 0o755); err != nil {
		return nil, err
	}
	f, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return nil, err
	}
	for {
		err = syscall.Flock(int(f.Fd()), how)
		if !errors.Is(err, syscall.EINTR) {
			break
		}
	}
	if err != nil {
		_ = f.Close()
		return nil, err
	}
	return f, nil
}

// Folders of a cache.
const (
	cacheTmp   = "tmp"
	cacheFiles = "sha256"
)

// TrimCache removes the files of a download cache that nobody asked for the
// longest, until at most keep bytes are left, and says how much it removed.
// Files that some folder still has as its own (hard links) stay: removing them
// would free nothing. While a download uses the cache nothing is removed; the
// next call has another chance.
func TrimCache(dir string, keep int64) (freed int64, err error) {
	alone, err := lockCache(dir, syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("trim download cache: %w", err)
	}
	defer alone.Close()
	// Nobody is filling anything: what lies here was left by a download that was killed.
	if err := os.RemoveAll(filepath.Join(dir, cacheTmp)); err != nil {
		return 0, fmt.Errorf("trim download cache: %w", err)
	}
	if err := os.MkdirAll(filepath.Join(dir, cacheTmp), 0o755); err != nil {
		return 0, fmt.Errorf("trim download cache: %w", err)
	}
	entries, total, err := cacheEntries(dir)
	if err != nil {
		return 0, fmt.Errorf("trim download cache: %w", err)
	}
	slices.SortFunc(entries, func(a, b cacheEntry) int { return a.used.Compare(b.used) })
	for _, e := range entries {
		if total-freed <= keep {
			break
		}
		if e.shared {
			continue
		}
		if err := os.Remove(e.path); err != nil {
			return freed, fmt.Errorf("trim download cache: %w", err)
		}
		freed += e.size
	}
	return freed, nil
}

// CacheLimit is a sane size for a cache in a folder: a quarter of its file system.
func CacheLimit(dir string) (int64, error) {
	var fs syscall.Statfs_t
	if err := syscall.Statfs(dir, &fs); err != nil {
		return 0, fmt.Errorf("size of the file system of %s: %w", dir, err)
	}
	return int64(fs.Blocks) * fs.Bsize / 4, nil
}

type cacheEntry struct {
	path   string
	size   int64
	used   time.Time
	shared bool
}

func cacheEntries(dir string) (entries []cacheEntry, total int64, err error) {
	err = filepath.WalkDir(filepath.Join(dir, cacheFiles), func(path string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		st, ok := info.Sys().(*syscall.Stat_t)
		entries = append(entries, cacheEntry{path: path, size: info.Size(), used: info.ModTime(), shared: ok && st.Nlink > 1})
		total += info.Size()
		return nil
	})
	return entries, total, err
}

func (c *cache) path(sum string) string { return filepath.Join(c.dir, cacheFiles, sum[:2], sum) }

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
	if whole {
		now := time.Now()
		_ = os.Chtimes(f.Name(), now, now) // another user's file keeps its time, and goes sooner
	}
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
	f, err := os.CreateTemp(filepath.Join(c.dir, cacheTmp), e.SHA256[:12]+"-*")
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
