package trainerenv

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// sourceDigest identifies the trainer's source: the names and bytes of all its
// files, in order.
func sourceDigest(src fs.FS) (string, error) {
	h := sha256.New()
	err := walkSource(src, func(path string, data []byte) error {
		fmt.Fprintf(h, "%d %s %d\n", len(path), path, len(data))
		h.Write(data)
		return nil
	})
	if err != nil {
		return "", fmt.Errorf("read the trainer's source: %w", err)
	}
	return hex.EncodeToString(h.Sum(nil))[:16], nil
}

// extract writes the source to dir, all of it or nothing.
func extract(src fs.FS, dir string) error {
	if exists(dir) {
		return nil
	}
	parent := filepath.Dir(dir)
	if err := os.MkdirAll(parent, 0o755); err != nil {
		return fmt.Errorf("make the source folder: %w", err)
	}
	tmp, err := os.MkdirTemp(parent, ".new-")
	if err != nil {
		return fmt.Errorf("make the source folder: %w", err)
	}
	defer os.RemoveAll(tmp)
	err = walkSource(src, func(path string, data []byte) error {
		dst := filepath.Join(tmp, filepath.FromSlash(path))
		if err := os.MkdirAll(filepath.Dir(dst), 0o755); err != nil {
			return err
		}
		return os.WriteFile(dst, data, 0o644)
	})
	if err != nil {
		return fmt.Errorf("extract the trainer's source: %w", err)
	}
	if err := os.Chmod(tmp, 0o755); err != nil {
		return fmt.Errorf("extract the trainer's source: %w", err)
	}
	if err := syncFilesystem(tmp); err != nil {
		return fmt.Errorf("write the trainer's source to disk: %w", err)
	}
	if err := os.Rename(tmp, dir); err != nil && !exists(dir) { // another version of us may have been first
		return fmt.Errorf("extract the trainer's source: %w", err)
	}
	return nil
}

// walkSource visits the files that belong to the trainer, in lexical order.
// Bytecode of a developer's tree is no part of it.
func walkSource(src fs.FS, visit func(path string, data []byte) error) error {
	return fs.WalkDir(src, ".", func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && d.Name() == "__pycache__":
			return fs.SkipDir
		case d.IsDir() || strings.HasSuffix(path, ".pyc"):
			return nil
		}
		data, err := fs.ReadFile(src, path)
		if err != nil {
			return err
		}
		return visit(path, data)
	})
}
