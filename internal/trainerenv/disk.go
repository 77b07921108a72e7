package trainerenv

import (
	"fmt"
	"path/filepath"

	"github.com/r1ctl/r1ctl/internal/r1"
)

type spaceCheck struct {
	free              func(path string) (uint64, error)
	install, download uint64
}

// check refuses when the file system of dir is too small, and says whether
// there is room for pip's cache too.
func (s spaceCheck) check(dir string, wheels bool) (cached bool, err error) {
	have, err := s.free(dir)
	if err != nil {
		return false, fmt.Errorf("read the free space of %s: %w", dir, err)
	}
	need := s.install
	if !wheels {
		need += s.download
	}
	if have < need {
		return false, diskFull(dir, need, have, nil)
	}
	return wheels || have >= need+s.download, nil
}

func diskFull(dir string, need, have uint64, cause error) error {
	return &r1.Error{Name: "disk-full",
		Detail: fmt.Sprintf("not enough disk space in %s for the trainer's environment: %s needed, %s free", dir, Size(need), Size(have)),
		Remedy: "free some space (df -h " + filepath.Dir(dir) + "), or set XDG_CACHE_HOME to a folder on a larger disk",
		Err:    cause}
}

// Size prints bytes as people and pip do: 539 MB, 5.9 GB.
func Size(n uint64) string {
	switch {
	case n >= 1e9:
		return fmt.Sprintf("%.1f GB", float64(n)/1e9)
	case n >= 1e6:
		return fmt.Sprintf("%.0f MB", float64(n)/1e6)
	case n >= 1e3:
		return fmt.Sprintf("%.0f kB", float64(n)/1e3)
	}
	return fmt.Sprintf("%d B", n)
}
