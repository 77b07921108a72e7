package statedir

import (
	"fmt"

	"golang.org/x/sys/unix"

	"github.com/r1ctl/r1ctl/internal/r1"
)

// CheckDisk fails with disk-full when fewer than need bytes are free for this
// user where path lies.
func CheckDisk(path string, need uint64) error {
	var st unix.Statfs_t
	if err := unix.Statfs(path, &st); err != nil {
		return fmt.Errorf("read free space of %s: %w", path, err)
	}
	free := st.Bavail * uint64(st.Bsize)
	if free >= need {
		return nil
	}
	return &r1.Error{
		Name:   "disk-full",
		Detail: fmt.Sprintf("%s has %s free; r1ctl needs at least %s", path, mib(free), mib(need)),
		Remedy: "free space there, or choose a directory on another disk with --state-dir",
	}
}

func mib(bytes uint64) string { return fmt.Sprintf("%.1f MiB", float64(bytes)/(1<<20)) }
