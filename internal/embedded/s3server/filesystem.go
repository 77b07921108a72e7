package s3server

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"

	"github.com/r1ctl/r1ctl/internal/r1"
)

// CheckFilesystem fails with no-xattr where objects cannot carry their metadata.
// The gateway could keep metadata in files beside the objects, but then an
// object and its checksum would not change together when a write is interrupted.
func CheckFilesystem(root string) error {
	f, err := os.CreateTemp(root, ".xattr-probe-")
	if err != nil {
		return fmt.Errorf("write to %s: %w", root, err)
	}
	defer os.Remove(f.Name())
	defer f.Close()
	if err := unix.Fsetxattr(int(f.Fd()), "user.r1ctl.probe", []byte("1"), 0); err != nil {
		return &r1.Error{
			Name:   "no-xattr",
			Detail: fmt.Sprintf("the file system of %s has no extended attributes, which the embedded S3 server needs", root),
			Remedy: "put the state directory on ext4, xfs or btrfs with --state-dir, or use another S3 server with s3.endpoint",
			Err:    err,
		}
	}
	return nil
}
