package artifact

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/r1ctl/r1ctl/internal/fault"
	"github.com/r1ctl/r1ctl/internal/r1"
)

// UploadOptions describe the artifact that an upload makes.
type UploadOptions struct {
	Name     string // "<stage>.<output>"
	Type     r1.ArtifactType
	Producer r1.AttemptKey
	Prefix   string // readable prefix that only this attempt writes, without a slash at its end
	// Progress is told of bytes stored, or found to be stored already; may be nil.
	Progress func(done, total int64)
}

// Upload stores a folder as an artifact. Nothing is visible as complete before
// its manifest, which is written last. Repeated after any interruption it goes
// on where it was; repeated after success it returns the same artifact. Other
// content under a prefix that is complete is the error artifact-exists.
func (s *Store) Upload(ctx context.Context, dir string, o UploadOptions) (r1.Artifact, error) {
	if err := CheckKey(o.Prefix); err != nil {
		return r1.Artifact{}, err
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return r1.Artifact{}, fmt.Errorf("open folder to upload: %w", err)
	}
	defer root.Close()
	files, err := scan(root)
	if err != nil {
		return r1.Artifact{}, err
	}
	if len(files) == 0 {
		return r1.Artifact{}, &r1.Error{Name: "artifact-empty", Detail: fmt.Sprintf("%s: %s holds no files", o.Name, dir),
			Remedy: "see the log of the program that should have written them"}
	}
	up := &uploader{store: s, root: root, prefix: o.Prefix, meter: newMeter(totalSize(files), o.Progress), doomed: s.doomedOnce(ctx)}
	prior, err := s.readManifest(ctx, o.Prefix)
	if err == nil {
		a, err := s.compare(ctx, root, files, o.Prefix, prior)
		if err != nil {
			return a, err
		}
		return a, up.settle(ctx, files, prior)
	}
	if !errors.Is(err, r1.ErrNotFound) {
		return r1.Artifact{}, err
	}

	entries, err := up.run(ctx, files)
	if err != nil {
		return r1.Artifact{}, fmt.Errorf("upload %s: %w", o.Name, err)
	}
	after, err := scan(root)
	if err != nil {
		return r1.Artifact{}, err
	}
	if err := sameFiles(files, after); err != nil {
		return r1.Artifact{}, err
	}
	for _, e := range entries {
		if e.Size >= s.dedupMin && e.Key == up.key(e.Path) {
			if err := s.register(ctx, e); err != nil {
				return r1.Artifact{}, err
			}
		}
	}
	fault.Point(fault.StoreFiles, o.Prefix)
	manifest := r1.Manifest{Version: r1.ManifestVersion, Name: o.Name, Type: o.Type, Producer: o.Producer,
		Created: time.Now().UTC().Truncate(time.Second), Files: entries}
	a, err := s.putManifest(ctx, o.Prefix, manifest)
	if err != nil {
		return a, err
	}
	return a, up.settle(ctx, files, manifest)
}

// Compose makes an artifact of objects that are there: the files of others, under
// the paths given. Nothing but its manifest is written; repeated, it returns the
// same artifact.
func (s *Store) Compose(ctx context.Context, files []r1.ManifestEntry, o UploadOptions) (r1.Artifact, error) {
	if err := CheckKey(o.Prefix); err != nil {
		return r1.Artifact{}, err
	}
	if len(files) == 0 {
		return r1.Artifact{}, &r1.Error{Name: "artifact-empty", Detail: o.Name + ": it is made of no files", Remedy: "see the log of the program that should have written them"}
	}
	files = slices.Clone(files)
	slices.SortFunc(files, func(a, b r1.ManifestEntry) int { return strings.Compare(a.Path, b.Path) })
	if err := checkEntries(files); err != nil {
		return r1.Artifact{}, fmt.Errorf("compose %s: %w", o.Name, err)
	}
	held := func(ctx context.Context, f r1.ManifestEntry) (bool, error) {
		return s.holds(ctx, f.Key, f.SHA256, f.Size)
	}
	missing := func(key string) error {
		return &r1.Error{Name: "artifact-missing", Detail: fmt.Sprintf("%s: %s does not hold what it held", o.Name, s.URI(key)), Remedy: "rebuild the stage that makes it"}
	}
	for _, f := range files {
		switch holds, err := held(ctx, f); {
		case err != nil:
			return r1.Artifact{}, fmt.Errorf("compose %s: %w", o.Name, err)
		case !holds:
			return r1.Artifact{}, missing(f.Key)
		}
	}
	a, err := s.putManifest(ctx, o.Prefix, r1.Manifest{Version: r1.ManifestVersion, Name: o.Name, Type: o.Type, Producer: o.Producer,
		Created: time.Now().UTC().Truncate(time.Second), Files: files})
	if err != nil {
		return a, err
	}
	switch doomed, lost, err := s.announced(ctx, a, held); {
	case err != nil:
		return a, fmt.Errorf("compose %s: %w", o.Name, err)
	case doomed:
		return a, fmt.Errorf("compose %s: what it is made of is about to be removed", o.Name)
	case lost != "":
		return a, missing(lost)
	}
	return a, nil
}

// putManifest writes the manifest, unless another upload of equal content did.
func (s *Store) putManifest(ctx context.Context, prefix string, m r1.Manifest) (r1.Artifact, error) {
	won, err := s.PutJSONIfAbsent(ctx, manifestKey(prefix), m)
	if err != nil {
		return r1.Artifact{}, fmt.Errorf("write manifest: %w", err)
	}
	fault.Point(fault.StoreManifest, prefix)
	if won {
		return s.reference(prefix, m), nil
	}
	there, err := s.readManifest(ctx, prefix)
	if err != nil {
		return r1.Artifact{}, err
	}
	return s.sameContent(prefix, there, r1.ContentDigest(m.Files))
}

// compare answers an upload to a prefix that is complete.
func (s *Store) compare(ctx context.Context, root *os.Root, files []localFile, prefix string, there r1.Manifest) (r1.Artifact, error) {
	entries := make([]r1.ManifestEntry, len(files))
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(s.parallel)
	for i, f := range files {
		g.Go(func() error {
			file, d, err := s.hashLocal(gctx, root, f)
			if err != nil {
				return err
			}
			entries[i] = r1.ManifestEntry{Path: f.path, Size: f.size, SHA256: d.sum}
			return file.Close()
		})
	}
	if err := g.Wait(); err != nil {
		return r1.Artifact{}, err
	}
	return s.sameContent(prefix, there, r1.ContentDigest(entries))
}

func (s *Store) sameContent(prefix string, there r1.Manifest, digest string) (r1.Artifact, error) {
	if r1.ContentDigest(there.Files) != digest {
		return r1.Artifact{}, &r1.Error{Name: "artifact-exists",
			Detail: fmt.Sprintf("%s holds a complete artifact with other content", s.URI(prefix)),
			Remedy: "artifacts are immutable: start another attempt, which writes to a prefix of its own"}
	}
	return s.reference(prefix, there), nil
}

// File is a local file with the digest its writer declared.
type File struct {
	Path   string // relative, slash-separated
	Size   int64
	SHA256 string
}

// UploadFiles stores the named files of a folder below a prefix, such as those a
// checkpoint's COMPLETE marker lists, and returns where their bytes are, sorted
// by path. A file that is not what was declared is the error artifact-changed.
// No manifest is written, and the files are not offered to others by digest,
// because checkpoints are deleted.
func (s *Store) UploadFiles(ctx context.Context, dir, prefix string, files []File, progress func(done, total int64)) ([]r1.ManifestEntry, error) {
	if err := CheckKey(prefix); err != nil {
		return nil, err
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, fmt.Errorf("open folder to upload: %w", err)
	}
	defer root.Close()
	local := make([]localFile, 0, len(files))
	for _, f := range files {
		l, err := statFile(root, f.Path)
		if err != nil {
			return nil, err
		}
		if l.size != f.Size {
			return nil, changed(f.Path, fmt.Sprintf("has %d bytes, not %d as declared", l.size, f.Size))
		}
		l.declared = f.SHA256
		local = append(local, l)
	}
	slices.SortFunc(local, func(a, b localFile) int { return strings.Compare(a.path, b.path) })
	up := &uploader{store: s, root: root, prefix: prefix, meter: newMeter(totalSize(local), progress), doomed: s.doomedOnce(ctx)}
	return up.run(ctx, local)
}

// uploader moves files of one folder to one prefix.
type uploader struct {
	store  *Store
	root   *os.Root
	prefix string
	meter  *meter
	there  map[string]int64 // sizes of objects that are already below the prefix
	doomed func() (*Doomed, error)
}

func (u *uploader) key(path string) string { return u.prefix + "/" + path }

func (u *uploader) run(ctx context.Context, files []localFile) ([]r1.ManifestEntry, error) {
	for _, f := range files {
		if err := CheckKey(u.key(f.path)); err != nil {
			return nil, err
		}
	}
	objects, err := u.store.FilesUnder(ctx, u.prefix)
	if err != nil {
		return nil, err
	}
	u.there = make(map[string]int64, len(objects))
	for _, o := range objects {
		u.there[o.Key] = o.Size
	}
	entries := make([]r1.ManifestEntry, len(files))
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(u.store.parallel)
	for i, f := range files {
		g.Go(func() error {
			var err error
			entries[i], err = u.file(gctx, f)
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	// What we point to but did not write may have been deleted meanwhile.
	for _, e := range entries {
		if e.Key == u.key(e.Path) {
			continue
		}
		holds, err := u.store.holds(ctx, e.Key, e.SHA256, e.Size)
		if err != nil {
			return nil, err
		}
		if !holds {
			return nil, fmt.Errorf("%s vanished while it was pointed to: repeat the upload", u.store.URI(e.Key))
		}
	}
	return entries, nil
}

// file makes sure that one file's bytes are stored.
func (u *uploader) file(ctx context.Context, f localFile) (r1.ManifestEntry, error) {
	s := u.store
	file, d, err := s.hashLocal(ctx, u.root, f)
	if err != nil {
		return r1.ManifestEntry{}, err
	}
	defer file.Close()
	entry := r1.ManifestEntry{Path: f.path, Size: f.size, SHA256: d.sum, Key: u.key(f.path)}
	if size, ok := u.there[entry.Key]; ok && size == f.size {
		holds, err := s.holds(ctx, entry.Key, d.sum, f.size)
		if err != nil {
			return entry, err
		}
		if holds {
			u.meter.add(f.size)
			return entry, nil
		}
	}
	if f.size >= s.dedupMin {
		found, err := s.findBytes(ctx, d.sum, f.size)
		if err != nil {
			return entry, err
		}
		if found != "" {
			if found, err = u.unlessDoomed(found); err != nil {
				return entry, err
			}
		}
		if found != "" {
			entry.Key = found
			u.meter.add(f.size)
			return entry, nil
		}
	}
	putErr := s.putFile(ctx, entry.Key, file, d, u.meter)
	// Only the bytes that were hashed can have been stored. Are they still all of
	// the file? Asked first, because a file that shrinks looks like a broken connection.
	again, err := openUnchanged(u.root, f)
	if err != nil {
		return entry, err
	}
	again.Close()
	if isWrongDigest(putErr) {
		return entry, changed(f.path, "was written to while it was uploaded")
	}
	return entry, putErr
}

// unlessDoomed gives a key back, unless its object is about to be removed.
func (u *uploader) unlessDoomed(key string) (string, error) {
	doomed, err := u.doomed()
	if err != nil || doomed.Covers(key) {
		return "", err
	}
	return key, nil
}

func totalSize(files []localFile) int64 {
	var n int64
	for _, f := range files {
		n += f.size
	}
	return n
}
