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
	"github.com/r1ctl/r1ctl/internal/wholefile"
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
	raw, err := encode(name, v)
	if err != nil {
		return err
	}
	return wholefile.Replace(filepath.Join(dir, name), raw, 0o600)
}

// Create writes a record that is written once: of several who do, the first wins,
// and the others learn so.
func Create(dir, name string, v any) (first bool, err error) {
	raw, err := encode(name, v)
	if err != nil {
		return false, err
	}
	return wholefile.Create(filepath.Join(dir, name), raw, 0o600)
}

func encode(name string, v any) ([]byte, error) {
	raw, err := json.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("encode %s: %w", name, err)
	}
	return append(raw, '\n'), nil
}
