package artifact

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/r1ctl/r1ctl/internal/r1"
)

// localFile is a file as it was when the folder was read.
type localFile struct {
	path     string // relative, slash-separated
	size     int64
	modified time.Time
	declared string // digest the caller expects, or empty
}

// scan lists the files of a folder, sorted by path. Links are followed inside
// the folder only, so that an untrusted program cannot have another file
// published by linking to it.
func scan(root *os.Root) ([]localFile, error) {
	var files []localFile
	err := fs.WalkDir(root.FS(), ".", func(p string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		f, err := statFile(root, p)
		if err != nil {
			return err
		}
		files = append(files, f)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read folder %s: %w", root.Name(), err)
	}
	slices.SortFunc(files, func(a, b localFile) int { return strings.Compare(a.path, b.path) })
	return files, nil
}

func statFile(root *os.Root, p string) (localFile, error) {
	if err := checkPath(p); err != nil {
		return localFile{}, err
	}
	info, err := root.Stat(p)
	if err == nil && !info.Mode().IsRegular() {
		err = fmt.Errorf("it is a %s", describe(info.Mode()))
	}
	if err != nil {
		return localFile{}, &r1.Error{Name: "artifact-not-a-file",
			Detail: fmt.Sprintf("%s in %s is not a readable plain file, or links out of the folder", p, root.Name()),
			Remedy: "write plain files into outputs, or copy instead of linking", Err: err}
	}
	return localFile{path: p, size: info.Size(), modified: info.ModTime()}, nil
}

func describe(m fs.FileMode) string {
	if m.IsDir() {
		return "link to a folder"
	}
	return "special file (" + m.Type().String() + ")"
}

// sameFiles refuses a folder that is not what it was when the upload began.
func sameFiles(before, after []localFile) error {
	for i, f := range before {
		switch {
		case i >= len(after) || after[i].path > f.path:
			return changed(f.path, "was removed while it was uploaded")
		case after[i].path < f.path:
			return changed(after[i].path, "was added while the folder was uploaded")
		case after[i].size != f.size || !after[i].modified.Equal(f.modified):
			return changed(f.path, "was written to while it was uploaded")
		}
	}
	if len(after) > len(before) {
		return changed(after[len(before)].path, "was added while the folder was uploaded")
	}
	return nil
}

// openUnchanged opens a file of the folder, if it still is what scan saw.
func openUnchanged(root *os.Root, f localFile) (*os.File, error) {
	file, err := root.Open(f.path)
	if err != nil {
		return nil, err
	}
	info, err := file.Stat()
	if err == nil && (info.Size() != f.size || !info.ModTime().Equal(f.modified)) {
		err = changed(f.path, "was written to while it was uploaded")
	}
	if err != nil {
		file.Close()
		return nil, err
	}
	return file, nil
}

// hashLocal opens and hashes a scanned file.
func (s *Store) hashLocal(ctx context.Context, root *os.Root, f localFile) (*os.File, digests, error) {
	file, err := openUnchanged(root, f)
	if err != nil {
		return nil, digests{}, err
	}
	d, err := s.hashFile(ctx, file, f.size)
	if err == nil && f.declared != "" && f.declared != d.sum {
		err = changed(f.path, fmt.Sprintf("has the digest %s, not %s as declared", d.sum, f.declared))
	}
	if err != nil {
		file.Close()
		return nil, d, fmt.Errorf("hash %s: %w", f.path, err)
	}
	return file, d, nil
}
