package trainerenv

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/r1ctl/r1ctl/internal/wholefile"
)

const (
	markerName    = "COMPLETE"
	markerVersion = 1
)

// marker is the file COMPLETE: what was built.
type marker struct {
	Version     int               `json:"version"`
	Lock        string            `json:"lock"`        // sha256 of requirements.lock
	Interpreter string            `json:"interpreter"` // the real file behind bin/python
	Created     time.Time         `json:"created"`
	Versions    map[string]string `json:"versions"`
}

func readMarker(dir string) (marker, bool) {
	raw, err := os.ReadFile(filepath.Join(dir, markerName))
	if err != nil {
		return marker{}, false
	}
	var m marker
	if err := json.Unmarshal(raw, &m); err != nil || m.Version != markerVersion {
		return marker{}, false
	}
	return m, true
}

// writeMarker makes the environment count. Everything below dir reaches the
// disk first, so that a power cut cannot leave a marker over empty files.
func writeMarker(dir string, m marker) error {
	raw, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return fmt.Errorf("encode the environment's marker: %w", err)
	}
	if err := syncFilesystem(dir); err != nil {
		return fmt.Errorf("write the environment to disk: %w", err)
	}
	if err := wholefile.Replace(filepath.Join(dir, markerName), append(raw, '\n'), 0o644); err != nil {
		return fmt.Errorf("write the environment's marker: %w", err)
	}
	return nil
}

// removeEnv removes an environment, its marker first: killed here, the rest
// still counts for nothing.
func removeEnv(dir string) error {
	if err := os.Remove(filepath.Join(dir, markerName)); err != nil && !os.IsNotExist(err) {
		return err
	}
	if err := os.RemoveAll(tempDir(dir)); err != nil {
		return err
	}
	return os.RemoveAll(dir)
}

// tempDir is where pip puts downloads before it installs them: on the cache's
// file system, since /tmp is often a small one in memory.
func tempDir(dir string) string { return dir + ".tmp" }
