package artifact

import (
	"context"
	"crypto/sha256"
	"fmt"
	"hash"
	"io"
	"os"
	"path"
	"path/filepath"
	"runtime"
	"strconv"

	"golang.org/x/sync/errgroup"

	"github.com/r1ctl/r1ctl/internal/r1"
)

// partialDir holds unfinished downloads in the target folder. It is removed at
// the end, and what a killed download left in it by the next one.
const partialDir = ".r1-partial"

// DownloadOptions tune a download.
type DownloadOptions struct {
	// CacheDir keeps files by digest across downloads and shares them between
	// folders as read-only hard links (copies, where links cannot be made). Each
	// file's digest is checked whenever it is taken from there. Empty: no cache.
	CacheDir string
	// Progress is told of bytes that arrived or were there already; may be nil.
	Progress func(done, total int64)
}

// Download makes dir hold the artifact. Every file's digest is checked before
// the file appears under its name. Files that are already there and whole are
// kept, so a download that was cut off goes on; other files in dir are left alone.
// One download at a time may write to a folder.
func (s *Store) Download(ctx context.Context, a r1.Artifact, dir string, o DownloadOptions) error {
	m, err := s.Manifest(ctx, a)
	if err != nil {
		return err
	}
	return s.DownloadFiles(ctx, a.Name, m.Files, dir, o)
}

// DownloadFiles is Download for files that are known without a manifest, such as
// a checkpoint's. The name is for errors.
func (s *Store) DownloadFiles(ctx context.Context, name string, files []r1.ManifestEntry, dir string, o DownloadOptions) (err error) {
	if err := checkEntries(files); err != nil {
		return fmt.Errorf("download %s: %w", name, err)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("make folder for %s: %w", name, err)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return fmt.Errorf("open folder for %s: %w", name, err)
	}
	defer root.Close()
	if err := freshPartialDir(root); err != nil {
		return err
	}
	defer root.RemoveAll(partialDir)

	var total int64
	for _, f := range files {
		total += f.Size
	}
	d := &downloader{store: s, busy: s.busy(files), name: name, root: root, meter: newMeter(total, o.Progress)}
	if o.CacheDir != "" {
		if d.cache, err = openCache(o.CacheDir); err != nil {
			return err
		}
		defer d.cache.close()
	}
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(s.parallel)
	for i, e := range files {
		g.Go(func() error {
			if err := d.file(gctx, i, e); err != nil {
				return fmt.Errorf("download %s: %w", e.Path, err)
			}
			return nil
		})
	}
	return g.Wait()
}

func freshPartialDir(root *os.Root) error {
	if err := root.RemoveAll(partialDir); err != nil {
		return fmt.Errorf("remove unfinished downloads: %w", err)
	}
	if err := root.Mkdir(partialDir, 0o755); err != nil {
		return fmt.Errorf("make folder for unfinished downloads: %w", err)
	}
	return nil
}

// downloader moves files of one artifact to one folder. All target paths go
// through root, which nothing in a manifest and no link can leave.
type downloader struct {
	store *Store
	busy  bool   // there are files enough to keep every core at work
	name  string // of the artifact
	root  *os.Root
	cache *cache // may be nil
	meter *meter
}

func (d *downloader) file(ctx context.Context, i int, e r1.ManifestEntry) error {
	there, err := d.isThere(ctx, e)
	if err != nil {
		return err
	}
	if there {
		d.meter.add(e.Size)
		return nil
	}
	partial := path.Join(partialDir, strconv.Itoa(i))
	if d.cache != nil {
		err = d.fromCache(ctx, e, partial)
	} else {
		err = d.fromStore(ctx, e, partial)
	}
	if err != nil {
		return err
	}
	if err := d.root.MkdirAll(path.Dir(e.Path), 0o755); err != nil {
		return err
	}
	return d.root.Rename(partial, e.Path)
}

// isThere tells whether an earlier download left this very file.
func (d *downloader) isThere(ctx context.Context, e r1.ManifestEntry) (bool, error) {
	info, err := d.root.Lstat(e.Path)
	if err != nil || !info.Mode().IsRegular() || info.Size() != e.Size {
		return false, nil // it is written anew; what stands in the way shows then
	}
	f, err := d.root.Open(e.Path)
	if err != nil {
		return false, nil
	}
	defer f.Close()
	return d.store.hasDigest(ctx, f, e)
}

func (s *Store) hasDigest(ctx context.Context, f *os.File, e r1.ManifestEntry) (bool, error) {
	h := sha256.New()
	if err := s.copyRange(ctx, h, io.NewSectionReader(f, 0, e.Size+1)); err != nil {
		return false, err
	}
	return checkDigest("", e, h) == nil, nil
}

func (d *downloader) fromStore(ctx context.Context, e r1.ManifestEntry, partial string) error {
	f, err := d.root.OpenFile(partial, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := d.store.fetch(ctx, d.name, e, f, d.busy, d.meter); err != nil {
		return err
	}
	return f.Close()
}

// fromCache takes the file from the cache, filling that first where it lacks it.
func (d *downloader) fromCache(ctx context.Context, e r1.ManifestEntry, partial string) error {
	found, err := d.cache.verify(ctx, d.store, e)
	if err != nil {
		return err
	}
	if found {
		d.meter.add(e.Size)
	} else if err := d.cache.fill(e, func(f *os.File) error {
		return d.store.fetch(ctx, d.name, e, f, d.busy, d.meter)
	}); err != nil {
		return err
	}
	if os.Link(d.cache.path(e.SHA256), filepath.Join(d.root.Name(), partial)) == nil {
		return nil
	}
	// Another file system, or one without links.
	return d.copyFromCache(ctx, e, partial)
}

func (d *downloader) copyFromCache(ctx context.Context, e r1.ManifestEntry, partial string) error {
	from, err := os.Open(d.cache.path(e.SHA256))
	if err != nil {
		return err
	}
	defer from.Close()
	to, err := d.root.OpenFile(partial, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	defer to.Close()
	h := sha256.New()
	if err := d.store.copyRange(ctx, io.MultiWriter(to, h), from); err != nil {
		return err
	}
	if err := checkDigest(d.name, e, h); err != nil {
		return err
	}
	return to.Close()
}

// busy tells whether these files, of which some move at a time, keep every core at work.
func (s *Store) busy(files []r1.ManifestEntry) bool {
	large := 0
	for _, f := range files {
		if f.Size >= s.dedupMin {
			large++
		}
	}
	return min(large, s.parallel) >= runtime.GOMAXPROCS(0)
}

// fetch writes a file's bytes from S3, and checks them.
func (s *Store) fetch(ctx context.Context, name string, e r1.ManifestEntry, f *os.File, busy bool, m *meter) error {
	h := sha256.New()
	if e.Size <= s.rangeSize {
		var w io.Writer = f
		beside := h
		if busy { // a core that hashes what it has just written need not hand it to another
			w, beside = io.MultiWriter(f, h), nil
		}
		if err := s.fetchRange(ctx, name, e, 0, e.Size, w, beside, m); err != nil {
			return err
		}
		return checkDigest(name, e, h)
	}
	chunks := int((e.Size + s.rangeSize - 1) / s.rangeSize)
	ready := make([]chan struct{}, chunks)
	for i := range ready {
		ready[i] = make(chan struct{})
	}
	length := func(i int) int64 { return min(s.rangeSize, e.Size-int64(i)*s.rangeSize) }
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(partsAtOnce + 1)
	// The digest follows the ranges in order, while they are still in the page cache.
	g.Go(func() error {
		for i := range ready {
			select {
			case <-ready[i]:
			case <-gctx.Done():
				return gctx.Err()
			}
			if err := s.copyRange(gctx, h, io.NewSectionReader(f, int64(i)*s.rangeSize, length(i))); err != nil {
				return err
			}
		}
		return nil
	})
	for i := range ready {
		g.Go(func() error {
			offset := int64(i) * s.rangeSize
			if err := s.fetchRange(gctx, name, e, offset, length(i), io.NewOffsetWriter(f, offset), nil, m); err != nil {
				return err
			}
			close(ready[i])
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		return err
	}
	return checkDigest(name, e, h)
}

// fetchRange writes a range of a file to w, and beside that to h unless it is nil.
func (s *Store) fetchRange(ctx context.Context, name string, e r1.ManifestEntry, offset, length int64, w io.Writer, h hash.Hash, m *meter) error {
	release, err := s.acquire(ctx)
	if err != nil {
		return err
	}
	defer release()
	r, err := s.openEntry(ctx, name, e, offset, length)
	if err != nil {
		return err
	}
	defer r.Close()
	w = io.MultiWriter(w, countWriter{m})
	if h == nil {
		return s.copyRange(ctx, w, r)
	}
	return s.copyHashed(ctx, w, h, r)
}

// copyHashed copies through two pooled buffers: one is hashed while the other is filled and
// written.
func (s *Store) copyHashed(ctx context.Context, w io.Writer, h hash.Hash, r io.Reader) error {
	var buffers [2]*[bufferSize]byte
	free, full := make(chan *[bufferSize]byte, len(buffers)), make(chan []byte, len(buffers))
	for i := range buffers {
		buffers[i] = s.buffers.Get().(*[bufferSize]byte)
		defer s.buffers.Put(buffers[i])
		free <- buffers[i]
	}
	hashed := make(chan struct{})
	go func() {
		defer close(hashed)
		for piece := range full {
			h.Write(piece)
			free <- (*[bufferSize]byte)(piece[:bufferSize])
		}
	}()
	defer func() { <-hashed }()
	defer close(full)
	for {
		buf := <-free
		n, err := io.ReadFull(&ctxReader{ctx, r}, buf[:])
		if n > 0 {
			if _, err := w.Write(buf[:n]); err != nil {
				return err
			}
			full <- buf[:n]
		}
		if err == io.EOF || err == io.ErrUnexpectedEOF { //nolint:errorlint // of ReadFull itself: the reader's own is wrapped
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// copyRange copies through a pooled buffer, until ctx ends.
func (s *Store) copyRange(ctx context.Context, w io.Writer, r io.Reader) error {
	buf := s.buffers.Get().(*[bufferSize]byte)
	defer s.buffers.Put(buf)
	_, err := io.CopyBuffer(struct{ io.Writer }{w}, &ctxReader{ctx, r}, buf[:])
	return err
}

type ctxReader struct {
	ctx context.Context
	r   io.Reader
}

func (c *ctxReader) Read(p []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	return c.r.Read(p)
}

type countWriter struct{ m *meter }

func (c countWriter) Write(p []byte) (int, error) {
	c.m.add(int64(len(p)))
	return len(p), nil
}
