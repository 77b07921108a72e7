package record

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/r1ctl/r1ctl/internal/r1"
)

// Dir is the folder of an attempt. Key parts become path elements, so they are
// checked here.
func Dir(root string, key r1.AttemptKey) (string, error) {
	for _, part := range []string{key.Run, key.Stage, key.Job} {
		if !filepath.IsLocal(part) || part == "." || strings.ContainsAny(part, "/\x00") {
			return "", fmt.Errorf("attempt key %q: %q cannot name a folder", key, part)
		}
	}
	if key.Attempt < 1 {
		return "", fmt.Errorf("attempt key %q: attempts count from 1", key)
	}
	return filepath.Join(root, key.Run, key.Stage, key.Job, strconv.Itoa(key.Attempt)), nil
}

// Read reads a record and says whether there is one.
func Read(dir, name string, v any) (bool, error) {
	raw, err := os.ReadFile(filepath.Join(dir, name))
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	if err := json.Unmarshal(raw, v); err != nil {
		return false, fmt.Errorf("read %s: %w", filepath.Join(dir, name), err)
	}
	return true, nil
}

// Write replaces a record in one step.
func Write(dir, name string, v any) error {
	return put(dir, name, v, os.Rename)
}

// Create writes a record that is written once: of several who do, the first wins,
// and the others learn so.
func Create(dir, name string, v any) (first bool, err error) {
	err = put(dir, name, v, func(part, path string) error {
		if err := os.Link(part, path); err != nil {
			return err
		}
		return os.Remove(part)
	})
	if errors.Is(err, fs.ErrExist) {
		return false, nil
	}
	return err == nil, err
}

// put writes a file aside and lets move bring it to its name.
func put(dir, name string, v any, move func(part, path string) error) error {
	raw, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("encode %s: %w", name, err)
	}
	f, err := os.CreateTemp(dir, name+".*.tmp")
	if err != nil {
		return err
	}
	_, err = f.Write(append(raw, '\n'))
	if err == nil {
		err = f.Sync()
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err == nil {
		err = move(f.Name(), filepath.Join(dir, name))
	}
	if err != nil {
		_ = os.Remove(f.Name())
		return fmt.Errorf("write %s: %w", filepath.Join(dir, name), err)
	}
	return nil
}
