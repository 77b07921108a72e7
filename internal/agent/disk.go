package agent

import "golang.org/x/sys/unix"

// fullBelow is how little space makes a disk full: a trainer that fails to write
// a checkpoint leaves some, and the agent's own log takes of it too.
const fullBelow = 1 << 20

// isFull says whether a folder's disk has no space left that is worth mentioning.
func isFull(dir string) bool {
	var st unix.Statfs_t
	if err := unix.Statfs(dir, &st); err != nil {
		return false // nothing is known, and nothing is said
	}
	return int64(st.Bavail)*st.Bsize < fullBelow
}
