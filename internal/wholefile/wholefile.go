package wholefile

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// Aside begins the names of files that are not whole yet. A writer that was killed leaves one.
const Aside = ".r1ctl-tmp-"

// Replace writes a file in place of what was there.
func Replace(file string, data []byte, mode fs.FileMode) error {
	return write(file, data, mode, os.Rename)
}

// Create writes a file that is written once: of several who do, the first wins, and the others
// learn so.
func Create(file string, data []byte, mode fs.FileMode) (first bool, err error) {
	err = write(file, data, mode, func(aside, file string) error {
		if err := os.Link(aside, file); err != nil {
			return err
		}
		return os.Remove(aside)
	})
	if errors.Is(err, fs.ErrExist) {
		return false, nil
	}
	return err == nil, err
}

func write(file string, data []byte, mode fs.FileMode, move func(aside, file string) error) error {
	dir := filepath.Dir(file)
	f, err := os.CreateTemp(dir, Aside+filepath.Base(file)+"-")
	if err != nil {
		return fmt.Errorf("write %s: %w", file, err)
	}
	_, err = f.Write(data)
	if err == nil {
		err = f.Chmod(mode)
	}
	if err == nil {
		err = f.Sync()
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err == nil {
		err = move(f.Name(), file)
	}
	if err != nil {
		_ = os.Remove(f.Name())
		return fmt.Errorf("write %s: %w", file, err)
	}
	return SyncDir(dir)
}

// SyncDir brings the names in a folder to the disk, where the file system can.
func SyncDir(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return fmt.Errorf("sync %s: %w", dir, err)
	}
	defer f.Close()
	if err := f.Sync(); err != nil && !errors.Is(err, syscall.EINVAL) && !errors.Is(err, errors.ErrUnsupported) {
		return fmt.Errorf("sync %s: %w", dir, err)
	}
	return nil
}
