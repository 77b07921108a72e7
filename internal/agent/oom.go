package agent

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// oomKills counts how often the kernel's OOM killer struck so far: in this
// process's control group where that can be read, else on the machine.
func oomKills() int {
	if raw, err := os.ReadFile("/proc/self/cgroup"); err == nil {
		for line := range strings.SplitSeq(string(raw), "\n") {
			if group, ok := strings.CutPrefix(line, "0::"); ok { // version 2
				if n, ok := counter(filepath.Join("/sys/fs/cgroup", group, "memory.events")); ok {
					return n
				}
			}
		}
	}
	n, _ := counter("/proc/vmstat")
	return n
}

// counter reads the line "oom_kill N" of a file.
func counter(file string) (int, bool) {
	raw, err := os.ReadFile(file)
	if err != nil {
		return 0, false
	}
	for line := range strings.SplitSeq(string(raw), "\n") {
		if value, ok := strings.CutPrefix(line, "oom_kill "); ok {
			n, err := strconv.Atoi(strings.TrimSpace(value))
			return n, err == nil
		}
	}
	return 0, false
}
