package statedir

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"

	"github.com/r1ctl/r1ctl/internal/wholefile"
)

// WriteJSON replaces file by the JSON form of v, whole or not at all, also over
// a power loss.
func WriteJSON(file string, v any) error {
	raw, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return fmt.Errorf("encode %s: %w", filepath.Base(file), err)
	}
	return wholefile.Replace(file, append(raw, '\n'), 0o600)
}

// ReadJSON reads what WriteJSON wrote.
func ReadJSON(file string, v any) error {
	raw, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(raw, v); err != nil {
		return fmt.Errorf("decode %s: %w", file, err)
	}
	return nil
}

// SyncPath brings a file, or the entries of a directory, to the disk.
func SyncPath(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	return f.Sync()
}
