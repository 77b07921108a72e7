package publish

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/r1ctl/r1ctl/internal/artifact"
	"github.com/r1ctl/r1ctl/internal/destination"
	"github.com/r1ctl/r1ctl/internal/fault"
	"github.com/r1ctl/r1ctl/internal/r1"
	"github.com/r1ctl/r1ctl/internal/wholefile"
)

// folderTries bounds how often the folder is looked at anew that somebody else made.
const folderTries = 3

// toFolder writes a folder. What only a person can change there is an error by name.
func (p *Publisher) toFolder(ctx context.Context, in Input, rec *Record) error {
	err := p.rename(ctx, in, rec)
	if _, named := r1.AsError(err); named || ctx.Err() != nil {
		_ = clear(in) // nobody may come back for it
	}
	for _, lasts := range []error{unix.EACCES, unix.EPERM, unix.EROFS, unix.ENOTDIR, unix.EISDIR, unix.ENAMETOOLONG, unix.EBUSY, unix.EXDEV, unix.ENOSPC, unix.EDQUOT} {
		if errors.Is(err, lasts) {
			_ = clear(in) // a full disk is not kept full
			return &r1.Error{
				Name: "publish-folder", Detail: "the worker's machine cannot write " + in.To.Folder,
				Remedy: "make room, or give the worker's user the right to write there; then r1ctl retry", Err: err,
			}
		}
	}
	return err
}

// rename fills a folder beside the one that is published, and renames it.
func (p *Publisher) rename(ctx context.Context, in Input, rec *Record) error {
	to := in.To.Folder
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return err
	}
	part := unfinished(in)
	filled := false
	for try := 1; ; try++ {
		at, there, err := lookAtFolder(to, in.marker())
		if err == nil {
			err = refuse(at, there, to, in.Replace)
		}
		if err != nil {
			return err
		}
		if at == same { // what cannot be cleared away beside it is no reason to say otherwise
			rec.Already = !filled
			_ = clear(in)
			return nil
		}
		if !filled {
			if err := clear(in); err != nil {
				return err
			}
			if err := p.fill(ctx, in, part); err != nil {
				return err
			}
			filled = true
			fault.Point(fault.EngineComputed, in.By.String())
		}
		if at == absent {
			err = unix.Rename(part, to) // also over a folder that is empty, which os.Rename refuses
		} else {
			err = swap(part, to)
		}
		switch {
		case err == nil:
			_ = clear(in)
			return wholefile.SyncDir(filepath.Dir(to))
		case try == folderTries || !errors.Is(err, fs.ErrExist) && !errors.Is(err, unix.ENOTEMPTY):
			return err
		}
	}
}

// unfinished is the folder that an attempt fills. It lies beside the published one, on the
// same file system, and its name starts with a dot.
func unfinished(in Input) string { return fmt.Sprintf("%s%d", unfinishedPrefix(in), in.Attempt) }

func unfinishedPrefix(in Input) string {
	dir, base := filepath.Split(in.To.Folder)
	job := sha256.Sum256(fmt.Appendf(nil, "%s %s", in.By, in.Fingerprint)) // equal jobs of two runs do not meet
	return filepath.Join(dir, fmt.Sprintf(".%.100s.r1ctl-%x-", base, job[:6]))
}

// leaving ends the name of what is being removed.
const leaving = ".leaving"

// clear removes what this attempt and those before it left beside the folder. It is moved away
// first: of that, and of an attempt's own move to the published name, one wins.
func clear(in Input) error {
	dir, prefix := filepath.Split(unfinishedPrefix(in))
	list, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, e := range list {
		if !strings.HasPrefix(e.Name(), prefix) {
			continue
		}
		left := filepath.Join(dir, e.Name())
		if !strings.HasSuffix(left, leaving) {
			gone := left + rand.Text() + leaving
			if rerr := os.Rename(left, gone); errors.Is(rerr, fs.ErrNotExist) {
				continue
			} else if rerr == nil {
				left = gone
			}
		}
		err = errors.Join(err, os.RemoveAll(left))
	}
	return err
}

// fill writes a folder whole, and to disk.
func (p *Publisher) fill(ctx context.Context, in Input, dir string) error {
	if err := p.Store.DownloadFiles(ctx, in.Artifact.Name, in.Files, dir, artifact.DownloadOptions{Progress: in.Progress}); err != nil {
		return err
	}
	texts, err := in.texts()
	if err != nil {
		return err
	}
	for name, text := range texts {
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o644); err != nil { //nolint:gosec // it is public
			return err
		}
	}
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer f.Close()
	return unix.Syncfs(int(f.Fd())) //nolint:gosec // a descriptor
}

// swap puts a folder in the place of another one, at once where the file system can.
func swap(part, to string) error {
	err := unix.Renameat2(unix.AT_FDCWD, part, unix.AT_FDCWD, to, unix.RENAME_EXCHANGE)
	if !errors.Is(err, unix.EINVAL) && !errors.Is(err, unix.ENOSYS) && !errors.Is(err, unix.ENOTSUP) {
		return err
	}
	old := part + ".old" // removed with the others; killed here, the next try finds no folder and makes it
	if err := os.Rename(to, old); err != nil {
		return err
	}
	return os.Rename(part, to)
}

func lookAtFolder(to string, now Marker) (standing, Marker, error) {
	info, err := os.Lstat(to)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return absent, Marker{}, nil
	case err != nil:
		return foreign, Marker{}, err
	case !info.IsDir():
		return foreign, Marker{}, nil
	}
	list, err := os.ReadDir(to)
	if err != nil || len(list) == 0 {
		return absent, Marker{}, err
	}
	raw, err := os.ReadFile(filepath.Join(to, MarkerFile))
	if errors.Is(err, fs.ErrNotExist) {
		return foreign, Marker{}, nil
	}
	if err != nil {
		return foreign, Marker{}, err
	}
	at, there, err := judge(raw, now, func() (bool, error) { return missingOf(to, now) == "", nil })
	if err == nil && (at == mendable || at == other) {
		err = onlyOurs(to, there)
	}
	return at, there, err
}

// onlyOurs refuses a folder with files that r1ctl did not publish, or a card that people have
// written in: the folder is replaced as a whole, and they would go with it.
func onlyOurs(to string, there Marker) error {
	known := map[string]string{MarkerFile: ""}
	for _, f := range there.Files {
		known[f.Path] = f.SHA256
	}
	err := filepath.WalkDir(to, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		name, err := filepath.Rel(to, path)
		if err != nil {
			return err
		}
		sum, ours := known[filepath.ToSlash(name)]
		if ours && name == CardFile {
			raw, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			ours = sum == fmt.Sprintf("%x", sha256.Sum256(raw))
		}
		if !ours {
			return &r1.Error{Name: "publish-foreign", Detail: fmt.Sprintf("%s holds %s, which r1ctl did not publish as it is", to, name), Remedy: foreignRemedy}
		}
		return nil
	})
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("look at %s: %w", to, err) // it changes meanwhile: the next try looks again
	}
	return err
}

// missingOf names the first file that is not in the folder with its size. People may write in
// the card.
func missingOf(folder string, m Marker) string {
	for _, f := range m.Files {
		if f.Path == CardFile {
			continue
		}
		info, err := os.Stat(filepath.Join(folder, filepath.FromSlash(f.Path)))
		if err != nil || !info.Mode().IsRegular() || info.Size() != f.Size {
			return f.Path
		}
	}
	return ""
}

func (p *Publisher) goneFromFolder(_ context.Context, to destination.Destination, rec Record) (string, error) {
	raw, err := os.ReadFile(filepath.Join(to.Folder, MarkerFile))
	if errors.Is(err, fs.ErrNotExist) {
		return "there is no " + MarkerFile + " in " + to.Folder, nil
	}
	if err != nil {
		return "", err
	}
	if there, ok := readMarker(raw); !ok || there.SHA256 != rec.SHA256 {
		return to.Folder + " holds something else", nil
	}
	if path := missingOf(to.Folder, rec.Marker); path != "" {
		return path + " is not in " + to.Folder + " as it was", nil
	}
	return "", nil
}
