package artifact

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/r1ctl/r1ctl/internal/r1"
)

// Damage is a file whose object is not what its manifest says.
type Damage struct {
	Path    string `json:"path"`
	Key     string `json:"key"`
	Missing bool   `json:"missing,omitempty"`
	Problem string `json:"problem"` // for people: what was expected, and what was found
}

// CheckFiles reads every object that the files lie in, whole, and compares it with
// their digests. What is wrong is returned in the order of the paths; an error is
// that it could not be found out. Nothing is written, and memory stays bounded.
func (s *Store) CheckFiles(ctx context.Context, files []r1.ManifestEntry, progress func(done, total int64)) ([]Damage, error) {
	if err := checkEntries(files); err != nil {
		return nil, err
	}
	var total int64
	for _, f := range files {
		total += f.Size
	}
	m := newMeter(total, progress)
	var mu sync.Mutex
	var found []Damage
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(s.parallel)
	for _, f := range files {
		g.Go(func() error {
			d, err := s.checkFile(gctx, f, m)
			if err != nil {
				return fmt.Errorf("check %s: %w", f.Path, err)
			}
			if d != nil {
				mu.Lock()
				defer mu.Unlock()
				found = append(found, *d)
			}
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	slices.SortFunc(found, func(a, b Damage) int { return strings.Compare(a.Path, b.Path) })
	return found, nil
}

func (s *Store) checkFile(ctx context.Context, f r1.ManifestEntry, m *meter) (*Damage, error) {
	there, err := s.Head(ctx, f.Key)
	if errors.Is(err, r1.ErrNotFound) {
		m.add(f.Size)
		return &Damage{Path: f.Path, Key: f.Key, Missing: true, Problem: "there is no such object"}, nil
	}
	if err != nil {
		return nil, err
	}
	if there.Size != f.Size {
		m.add(f.Size)
		return &Damage{Path: f.Path, Key: f.Key, Problem: fmt.Sprintf("it has %d bytes, expected %d", there.Size, f.Size)}, nil
	}
	release, err := s.acquire(ctx)
	if err != nil {
		return nil, err
	}
	defer release()
	r, err := s.openObject(ctx, f.Key, 0, f.Size)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	h := sha256.New()
	if err := s.copyRange(ctx, io.MultiWriter(h, countWriter{m}), r); err != nil {
		return nil, err
	}
	if found := fmt.Sprintf("%x", h.Sum(nil)); found != f.SHA256 {
		return &Damage{Path: f.Path, Key: f.Key, Problem: "its sha256 is " + found + ", expected " + f.SHA256}, nil
	}
	return nil, nil
}

// FileHas tells whether a local file is the one that a manifest names.
func FileHas(ctx context.Context, file string, e r1.ManifestEntry) (bool, error) {
	f, err := os.Open(file)
	if errors.Is(err, os.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, &ctxReader{ctx, io.LimitReader(f, e.Size+1)}); err != nil {
		return false, err
	}
	return checkDigest("", e, h) == nil, nil
}
