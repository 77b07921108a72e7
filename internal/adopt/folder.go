package adopt

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/r1ctl/r1ctl/internal/r1"
)

// A Folder is what is to be adopted: files with their digests, wherever they lie.
type Folder struct {
	Address string // as it was given
	Dir     string // where they lie on this machine; "" in the bucket
	Files   []r1.ManifestEntry
	open    func(ctx context.Context, f r1.ManifestEntry) (io.ReadCloser, error)
}

// Local reads a folder on this machine. Hidden files and folders at its top are left out.
func Local(address string) (*Folder, error) {
	info, err := os.Stat(address)
	if err != nil || !info.IsDir() {
		return nil, &r1.Error{Name: "source-missing", Detail: fmt.Sprintf("there is no folder %s", address),
			Remedy: "give a folder on this machine, s3://bucket/folder or hf://org/name", Err: ignoreNil(err)}
	}
	f := &Folder{Address: address, Dir: address, open: openIn(address)}
	err = filepath.WalkDir(address, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		rel, err := filepath.Rel(address, path)
		if err != nil {
			return err
		}
		e := r1.ManifestEntry{Path: filepath.ToSlash(rel)}
		if e.Size, e.SHA256, err = digest(path); err == nil {
			f.Files = append(f.Files, e)
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", address, err)
	}
	return f, nil
}

func openIn(dir string) func(context.Context, r1.ManifestEntry) (io.ReadCloser, error) {
	return func(_ context.Context, e r1.ManifestEntry) (io.ReadCloser, error) {
		return os.Open(filepath.Join(dir, filepath.FromSlash(e.Path)))
	}
}

func ignoreNil(err error) error {
	if err == nil {
		return errors.New("it is no folder")
	}
	return err
}

func digest(path string) (int64, string, error) {
	in, err := os.Open(path)
	if err != nil {
		return 0, "", err
	}
	defer in.Close()
	h := sha256.New()
	n, err := io.Copy(h, in)
	return n, hex.EncodeToString(h.Sum(nil)), err
}

// has says whether a file is there, by its path.
func (f *Folder) has(path string) bool {
	return slices.ContainsFunc(f.Files, func(e r1.ManifestEntry) bool { return e.Path == path })
}

// named lists the files at the top whose names end so.
func (f *Folder) named(ending string) []r1.ManifestEntry {
	var out []r1.ManifestEntry
	for _, e := range f.Files {
		if strings.HasSuffix(e.Path, ending) && !strings.Contains(e.Path, "/") {
			out = append(out, e)
		}
	}
	return out
}

// read gives a small file whole, or nothing where there is none.
func (f *Folder) read(ctx context.Context, path string) ([]byte, error) {
	for _, e := range f.Files {
		if e.Path != path {
			continue
		}
		in, err := f.open(ctx, e)
		if err != nil {
			return nil, fmt.Errorf("read %s: %w", path, err)
		}
		defer in.Close()
		raw, err := io.ReadAll(io.LimitReader(in, 64<<20))
		if err != nil {
			return nil, fmt.Errorf("read %s: %w", path, err)
		}
		return raw, nil
	}
	return nil, nil
}
