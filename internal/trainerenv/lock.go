package trainerenv

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// lockFile takes the setup lock, and tells once when somebody else holds it.
// Children inherit the file, so that the lock is held as long as one of them
// still writes. The file itself is never removed: two processes could otherwise
// lock two files of the same name.
func lockFile(ctx context.Context, path string, waiting func()) (*os.File, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return nil, fmt.Errorf("make the folder of the setup lock: %w", err)
	}
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return nil, fmt.Errorf("open the setup lock: %w", err)
	}
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	for told := false; ; {
		got, err := tryLock(f)
		if err != nil {
			f.Close()
			return nil, fmt.Errorf("take the setup lock %s: %w", path, err)
		}
		if got {
			return f, nil
		}
		if !told {
			told = true
			waiting()
		}
		select {
		case <-ctx.Done():
			f.Close()
			return nil, ctx.Err()
		case <-tick.C:
		}
	}
}
