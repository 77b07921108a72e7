package hub

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// Fetch makes file hold a file of the data set or model, which appears there when it is whole
// and is what the commit has. What an interrupted call left in file.part is gone on with. One
// call at a time may write there. progress is told of bytes that came; it may be nil.
func (d *Dataset) Fetch(ctx context.Context, f File, file string, progress func(n int64)) error {
	if progress == nil {
		progress = func(int64) {}
	}
	if info, err := os.Stat(file); err == nil && info.Size() == f.Size {
		progress(f.Size) // it was checked before it got its name
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		return fmt.Errorf("make a folder to fetch into: %w", err)
	}
	if linked, err := d.link(f, file, progress); linked || err != nil {
		return err
	}
	part, err := os.OpenFile(file+".part", os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return fmt.Errorf("fetch %s: %w", f.Path, err)
	}
	defer part.Close()
	if err := d.fill(ctx, f, part, progress); err != nil {
		return err
	}
	if err := errors.Join(part.Sync(), part.Close()); err != nil {
		return fmt.Errorf("fetch %s: %w", f.Path, err)
	}
	return os.Rename(file+".part", file)
}

// link takes a large file of the Hub client's cache as it is, where it is what the commit has.
func (d *Dataset) link(f File, file string, progress func(n int64)) (bool, error) {
	if f.local == "" || f.sha256 == "" {
		return false, nil
	}
	blob, err := filepath.EvalSymlinks(f.local)
	if err != nil || os.Link(blob, file) != nil {
		return false, nil // another file system: it is copied
	}
	in, err := os.Open(file)
	if err == nil {
		whole := newChecked(f, d.Address, in)
		_, err = io.Copy(counter(progress), whole)
		whole.Close()
	}
	if err != nil {
		return false, errors.Join(err, os.Remove(file))
	}
	return true, nil
}

// fill writes what is missing, and checks all of it.
func (d *Dataset) fill(ctx context.Context, f File, part *os.File, progress func(n int64)) error {
	info, err := part.Stat()
	if err != nil {
		return err
	}
	have := info.Size()
	if have > f.Size || f.local != "" {
		if have, err = 0, part.Truncate(0); err != nil {
			return err
		}
	}
	body, err := d.rest(ctx, f, have)
	if err != nil {
		return err
	}
	// The digest is that of the whole: what is there is read first.
	whole := newChecked(f, d.Address, struct {
		io.Reader
		io.Closer
	}{io.MultiReader(io.NewSectionReader(part, 0, have), body), body})
	defer whole.Close()
	if _, err := io.CopyN(counter(progress), whole, have); err != nil {
		return fmt.Errorf("read what there is of %s: %w", f.Path, err)
	}
	if _, err := part.Seek(have, io.SeekStart); err != nil {
		return err
	}
	buf := make([]byte, 1<<20)
	_, err = io.CopyBuffer(io.MultiWriter(struct{ io.Writer }{part}, counter(progress)), struct{ io.Reader }{whole}, buf)
	if IsDamaged(err) { // nothing of it can be gone on with
		return errors.Join(err, part.Truncate(0))
	}
	return err
}

// rest opens a file from an offset on.
func (d *Dataset) rest(ctx context.Context, f File, offset int64) (io.ReadCloser, error) {
	if offset == 0 {
		return d.body(ctx, f)
	}
	if offset == f.Size || d.client.Offline {
		return io.NopCloser(eof{}), nil
	}
	r := &resumed{ctx: ctx, d: d, file: f, offset: offset}
	return r, r.open()
}

type eof struct{}

func (eof) Read([]byte) (int, error) { return 0, io.EOF }

type counter func(n int64)

func (c counter) Write(p []byte) (int, error) {
	c(int64(len(p)))
	return len(p), nil
}
