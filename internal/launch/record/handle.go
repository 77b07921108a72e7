package record

import (
	"encoding/json"
	"fmt"

	"github.com/r1ctl/r1ctl/internal/r1"
)

// Handle makes the handle of an attempt. state is for people: the key decides.
func Handle(launcher string, version int, key r1.AttemptKey, state any) (r1.Handle, error) {
	raw, err := json.Marshal(state)
	if err != nil {
		return r1.Handle{}, fmt.Errorf("encode handle: %w", err)
	}
	return r1.Handle{Launcher: launcher, Version: version, Key: key, State: raw}, nil
}

// Open checks that a handle is one of a launcher, of that version or an older one, and gives
// the attempt's folder.
func Open(root, launcher string, version int, h r1.Handle) (string, error) {
	if h.Launcher != launcher || h.Version > version {
		return "", fmt.Errorf("handle of launcher %q version %d is not for launcher %q version %d", h.Launcher, h.Version, launcher, version)
	}
	return Dir(root, h.Key)
}
