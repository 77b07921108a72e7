package artifact

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/r1ctl/r1ctl/internal/r1"
)

// Entries describes what lies below a folder of this bucket as files of an artifact,
// where they are: nothing is copied. An artifact there is taken as its manifest says.
// Objects that this store has not written are read once, for their digests. Nothing there
// is r1.ErrNotFound.
func (s *Store) Entries(ctx context.Context, folder string) ([]r1.ManifestEntry, error) {
	m, err := s.readManifest(ctx, folder)
	if err == nil {
		return m.Files, nil
	}
	if !errors.Is(err, r1.ErrNotFound) {
		return nil, err
	}
	objects, err := s.FilesUnder(ctx, folder)
	if err != nil {
		return nil, err
	}
	if len(objects) == 0 {
		return nil, fmt.Errorf("nothing below %s: %w", s.URI(folder), r1.ErrNotFound)
	}
	entries := make([]r1.ManifestEntry, len(objects))
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(s.parallel)
	for i, o := range objects {
		g.Go(func() error {
			e := r1.ManifestEntry{Path: strings.TrimPrefix(o.Key, folder+"/"), Size: o.Size, Key: o.Key}
			if err := checkPath(e.Path); err != nil {
				return err
			}
			var err error
			e.SHA256, err = s.digestOf(ctx, o.Key)
			entries[i] = e
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	slices.SortFunc(entries, func(a, b r1.ManifestEntry) int { return strings.Compare(a.Path, b.Path) })
	return entries, nil
}

// digestOf is an object's digest: as its writer has noted it, else of what is read.
func (s *Store) digestOf(ctx context.Context, key string) (string, error) {
	o, err := s.Head(ctx, key)
	if err != nil || isDigest(o.SHA256) {
		return o.SHA256, err
	}
	r, err := s.Get(ctx, key, 0, -1)
	if err != nil {
		return "", err
	}
	defer r.Close()
	h := sha256.New()
	if _, err := io.Copy(h, r); err != nil {
		return "", fmt.Errorf("read %s: %w", s.URI(key), err)
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// Refer makes an artifact of files that are stored already. Repeated, it returns the same
// artifact.
func (s *Store) Refer(ctx context.Context, files []r1.ManifestEntry, o UploadOptions) (r1.Artifact, error) {
	if err := CheckKey(o.Prefix); err != nil {
		return r1.Artifact{}, err
	}
	if err := checkEntries(files); err != nil {
		return r1.Artifact{}, fmt.Errorf("refer to files of %s: %w", o.Name, err)
	}
	a, err := s.putManifest(ctx, o.Prefix, r1.Manifest{Version: r1.ManifestVersion, Name: o.Name, Type: o.Type, Producer: o.Producer,
		Created: time.Now().UTC().Truncate(time.Second), Files: files})
	if err != nil {
		return a, err
	}
	// The manifest that stands may be that of an earlier adoption, which others rely on: it stays
	// whatever is found.
	doomed, lost, err := s.announced(ctx, a, s.intact)
	switch {
	case err != nil:
		return a, fmt.Errorf("refer to files of %s: %w", o.Name, err)
	case doomed:
		return a, &r1.Error{Name: "gc-under-way", Detail: "a garbage collection is about to remove files of " + o.Name,
			Remedy: "give a copy of them in a folder, or try again when it has ended"}
	case lost != "":
		return a, &r1.Error{Name: "artifact-missing", Detail: fmt.Sprintf("%s: %s is not there any more, or is another file now", o.Name, s.URI(lost)),
			Remedy: "give a copy of its files in a folder"}
	}
	return a, nil
}

// announced looks whether what an artifact is made of is there and stays, now that its
// manifest says that it is needed: a collection that did not see the manifest has said before
// what it removes. It tells whether something is about to go, and the key of an object that
// is not what it was.
func (s *Store) announced(ctx context.Context, a r1.Artifact, there func(context.Context, r1.ManifestEntry) (bool, error)) (doomed bool, lost string, err error) {
	m, err := s.Manifest(ctx, a)
	if err != nil {
		return false, "", err
	}
	if doomed, err = s.AnyDoomed(ctx, m.Files); err != nil || doomed {
		return doomed, "", err
	}
	for _, f := range m.Files {
		if ok, err := there(ctx, f); err != nil || !ok {
			return false, f.Key, err
		}
	}
	return false, "", nil
}

// intact tells whether a file's object is there, and is not known to hold other bytes: others
// than this store note no digest.
func (s *Store) intact(ctx context.Context, f r1.ManifestEntry) (bool, error) {
	there, err := s.Head(ctx, f.Key)
	if errors.Is(err, r1.ErrNotFound) {
		return false, nil
	}
	return err == nil && there.Size == f.Size && (there.SHA256 == "" || there.SHA256 == f.SHA256), err
}

// Prefer brings a commit to the front of those with its fingerprint, so that it is found
// first.
func (s *Store) Prefer(ctx context.Context, l r1.Layout, c r1.Commit) error {
	return indexing(c, UpdateJSON(ctx, s, r1.FingerprintIndex(c.Fingerprint), func(r *fingerprintRecord) error {
		r.put(entryOf(l.Commit(c.Key), c), func(committed) bool { return true })
		return nil
	}))
}
