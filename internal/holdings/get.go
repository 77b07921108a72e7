package holdings

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"github.com/r1ctl/r1ctl/internal/artifact"
	"github.com/r1ctl/r1ctl/internal/r1"
)

// partSuffix is in the name of a folder that is not whole yet.
const partSuffix = ".r1-partial"

// Get makes dir hold the artifact. The folder appears when it is whole; until then
// its files gather beside it, where a download that was cut off goes on. A folder
// that holds the artifact already is left as it is; any other that holds files is
// refused.
func Get(ctx context.Context, s Store, a Artifact, dir string, progress func(done, total int64)) error {
	if a.Missing != "" {
		return &r1.Error{Name: "artifact-missing", Detail: a.Name() + " cannot be fetched: " + a.Missing, Remedy: "rebuild the stage that makes it"}
	}
	dir = filepath.Clean(dir)
	free, err := isFree(dir)
	if err != nil {
		return err
	}
	if !free {
		return alreadyThere(ctx, s, a, dir, progress)
	}
	part, unlock, err := openPart(dir, a)
	if err != nil {
		return err
	}
	defer unlock()
	if err := s.Download(ctx, a.Ref, part, artifact.DownloadOptions{Progress: progress}); err != nil {
		return fmt.Errorf("fetch %s: %w", a.Name(), err)
	}
	if err := os.Remove(dir); err != nil && !errors.Is(err, fs.ErrNotExist) { // an empty folder
		return fmt.Errorf("put %s in place: %w", a.Name(), err)
	}
	if err := os.Rename(part, dir); err != nil {
		return fmt.Errorf("put %s in place: %w", a.Name(), err)
	}
	return nil
}

// isFree tells whether nothing, or an empty folder, is at dir.
func isFree(dir string) (bool, error) {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return true, os.MkdirAll(filepath.Dir(dir), 0o755)
	}
	if err != nil {
		return false, fmt.Errorf("look at %s: %w", dir, err)
	}
	return len(entries) == 0, nil
}

// alreadyThere answers a call for a folder that holds files.
func alreadyThere(ctx context.Context, s Store, a Artifact, dir string, progress func(done, total int64)) error {
	found := 0
	err := filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			found++
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("look at %s: %w", dir, err)
	}
	same := found == len(a.Manifest.Files)
	var done int64
	for _, f := range a.Manifest.Files {
		if !same {
			break
		}
		if same, err = artifact.FileHas(ctx, filepath.Join(dir, filepath.FromSlash(f.Path)), f); err != nil {
			return err
		}
		done += f.Size
		if progress != nil {
			progress(done, a.Bytes)
		}
	}
	if same {
		return nil
	}
	return &r1.Error{Name: "folder-not-empty", Detail: fmt.Sprintf("%s holds other files than %s", dir, a.Name()),
		Remedy: "name a folder that is not there yet, or an empty one"}
}

// openPart makes the folder that the files gather in, and locks it: two downloads
// must not write to one. Its name holds the content's digest, so that what a
// download of something else left is never taken for part of this.
func openPart(dir string, a Artifact) (part string, unlock func(), err error) {
	part = dir + partSuffix + "-" + a.SHA256[:12]
	if err := os.MkdirAll(part, 0o755); err != nil {
		return "", nil, fmt.Errorf("make %s: %w", part, err)
	}
	f, err := os.Open(part)
	if err != nil {
		return "", nil, fmt.Errorf("lock %s: %w", part, err)
	}
	err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if err == nil && !sameFolder(f, part) {
		err = syscall.EWOULDBLOCK // the other one has just moved it to its place
	}
	if err == nil {
		return part, func() { f.Close() }, nil
	}
	f.Close()
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return "", nil, &r1.Error{Name: "folder-busy", Detail: "another download writes to " + dir, Remedy: "wait for it, or name another folder"}
	}
	return "", nil, fmt.Errorf("lock %s: %w", part, err)
}

func sameFolder(f *os.File, path string) bool {
	opened, err := f.Stat()
	there, statErr := os.Stat(path)
	return err == nil && statErr == nil && os.SameFile(opened, there)
}
