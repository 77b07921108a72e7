package artifact

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"

	"github.com/r1ctl/r1ctl/internal/r1"
)

func manifestKey(prefix string) string { return prefix + "/" + r1.ManifestFile }

// reference is what travels instead of an artifact's data.
func (s *Store) reference(prefix string, m r1.Manifest) r1.Artifact {
	return r1.Artifact{Name: m.Name, Type: m.Type, URI: s.URI(prefix), Prefix: prefix,
		SHA256: r1.ContentDigest(m.Files), Bytes: m.Bytes(), Files: len(m.Files)}
}

// Manifest reads an artifact's manifest and checks it against the reference.
// An artifact that is not (or no longer) complete is r1.ErrNotFound.
func (s *Store) Manifest(ctx context.Context, a r1.Artifact) (r1.Manifest, error) {
	m, err := s.readManifest(ctx, a.Prefix)
	if err != nil {
		if errors.Is(err, r1.ErrNotFound) {
			return m, &r1.Error{Name: "artifact-missing", Detail: fmt.Sprintf("%s: no complete artifact at %s", a.Name, s.URI(a.Prefix)),
				Remedy: "rebuild the stage that makes it", Err: err}
		}
		return m, err
	}
	if found := r1.ContentDigest(m.Files); a.SHA256 != "" && a.SHA256 != found {
		return m, corrupt(a.Name, r1.ManifestFile, a.SHA256, found)
	}
	return m, nil
}

// readManifest reads a manifest and refuses what a correct writer cannot have
// written, before any of it is used as a path or a key.
func (s *Store) readManifest(ctx context.Context, prefix string) (r1.Manifest, error) {
	var m r1.Manifest
	if err := CheckKey(prefix); err != nil {
		return m, err
	}
	if err := s.GetJSON(ctx, manifestKey(prefix), &m); err != nil {
		return m, err
	}
	if m.Version != r1.ManifestVersion {
		return m, &r1.Error{Name: "artifact-version", Detail: fmt.Sprintf("%s has manifest version %d, this r1ctl reads %d",
			s.URI(prefix), m.Version, r1.ManifestVersion), Remedy: "use the r1ctl version that wrote it, or newer"}
	}
	if err := checkEntries(m.Files); err != nil {
		return m, corrupt(s.URI(prefix), r1.ManifestFile, "a list of files", err.Error())
	}
	return m, nil
}

func checkEntries(files []r1.ManifestEntry) error {
	seen := make(map[string]bool, len(files))
	for _, f := range files {
		if err := checkPath(f.Path); err != nil {
			return err
		}
		if err := CheckKey(f.Key); err != nil {
			return err
		}
		if !isDigest(f.SHA256) || f.Size < 0 {
			return fmt.Errorf("file %q without a digest or a size", f.Path)
		}
		if seen[f.Path] {
			return fmt.Errorf("file %q twice", f.Path)
		}
		seen[f.Path] = true
	}
	return nil
}

// OpenFile streams one file of an artifact. The digest is checked at its end:
// a reader that got io.EOF has read the right bytes.
func (s *Store) OpenFile(ctx context.Context, a r1.Artifact, path string) (io.ReadCloser, error) {
	m, err := s.Manifest(ctx, a)
	if err != nil {
		return nil, err
	}
	for _, e := range m.Files {
		if e.Path != path {
			continue
		}
		r, err := s.openEntry(ctx, a.Name, e, 0, e.Size)
		if err != nil {
			return nil, err
		}
		return &checkedReader{r: r, artifact: a.Name, entry: e, hash: sha256.New()}, nil
	}
	return nil, fmt.Errorf("%s has no file %s: %w", a.Name, path, r1.ErrNotFound)
}

// openEntry reads a range of a file's object, which must have the file's size.
func (s *Store) openEntry(ctx context.Context, artifact string, e r1.ManifestEntry, offset, length int64) (*objectReader, error) {
	asked := length
	if offset == 0 && length == e.Size && length > 0 {
		asked = -1 // without a range: a server may then send the file without reading it
	}
	r, err := s.openObject(ctx, e.Key, offset, asked)
	if errors.Is(err, r1.ErrNotFound) {
		return nil, corrupt(artifact, e.Path, "sha256 "+e.SHA256, "no object "+s.URI(e.Key))
	}
	if err != nil {
		return nil, err
	}
	if length > 0 && r.size != e.Size {
		r.Close()
		return nil, corrupt(artifact, e.Path, fmt.Sprintf("%d bytes", e.Size), fmt.Sprintf("%d bytes", r.size))
	}
	return r, nil
}

func checkDigest(artifact string, e r1.ManifestEntry, h hash.Hash) error {
	if found := hex.EncodeToString(h.Sum(nil)); found != e.SHA256 {
		return corrupt(artifact, e.Path, "sha256 "+e.SHA256, "sha256 "+found)
	}
	return nil
}

type checkedReader struct {
	r        io.ReadCloser
	artifact string
	entry    r1.ManifestEntry
	hash     hash.Hash
}

// Read implements io.Reader.
func (c *checkedReader) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.hash.Write(p[:n])
	if err == io.EOF {
		if bad := checkDigest(c.artifact, c.entry, c.hash); bad != nil {
			return n, bad
		}
	}
	return n, err
}

// Close implements io.Closer.
func (c *checkedReader) Close() error { return c.r.Close() }
