package trainerenv

import (
	"fmt"
	"io/fs"
)

// Digests identify what a trainer of this source runs: its code, and its locked
// packages. No environment is looked for.
func Digests(source fs.FS) (code, packages string, err error) {
	lock, err := fs.ReadFile(source, LockFile)
	if err != nil {
		return "", "", fmt.Errorf("read the trainer's lock: %w", err)
	}
	code, err = sourceDigest(source)
	return code, shortDigest(lock), err
}
