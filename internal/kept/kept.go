package kept

import (
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/r1ctl/r1ctl/internal/wholefile"
)

// For is how long a folder stays that nobody opens.
const For = 30 * 24 * time.Hour

// Folder gives the folder of a scope below root, which is in use from now on, and removes
// those that nobody used for long. What cannot be removed costs disk space and nothing else.
func Folder(root, scope string) (string, error) {
	now := time.Now()
	scopes, _ := os.ReadDir(root)
	for _, s := range scopes {
		if info, err := s.Info(); err == nil && s.IsDir() && s.Name() != scope && now.Sub(info.ModTime()) > For {
			_ = os.RemoveAll(filepath.Join(root, s.Name()))
		}
	}
	dir := filepath.Join(root, scope)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", fmt.Errorf("make the folder of what is kept: %w", err)
	}
	_ = os.Chtimes(dir, now, now)
	return dir, wholefile.SyncDir(root)
}
