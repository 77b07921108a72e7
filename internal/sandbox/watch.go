package sandbox

import (
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// watchEvery is how often memory and processes are counted. The limits of the
// kernel hold for each process alone; this holds for all together.
const watchEvery = 20 * time.Millisecond

// watch counts the processes below pid until done is closed, and calls stop
// once they are too many or too large.
func watch(pid int, memory int64, processes int, done <-chan struct{}, stop func(Status)) {
	tick := time.NewTicker(watchEvery)
	defer tick.Stop()
	for {
		select {
		case <-done:
			return
		case <-tick.C:
		}
		count, used := 0, int64(0)
		tree(pid, 4*processes, resident, &count, &used)
		if used > memory { // what is shared was counted for each: look closer
			count, used = 0, 0
			tree(pid, 4*processes, proportional, &count, &used)
		}
		switch {
		case used > memory:
			stop(MemoryLimit)
			return
		case count > 2*processes:
			stop(ProcessLoad)
			return
		}
	}
}

// tree adds up a process and those below it: how many, and their memory.
func tree(pid, most int, memory func(dir string) int64, count *int, used *int64) {
	if *count++; *count > most {
		return
	}
	dir := filepath.Join("/proc", strconv.Itoa(pid))
	*used += memory(dir)
	threads, _ := filepath.Glob(filepath.Join(dir, "task", "*", "children"))
	for _, t := range threads {
		raw, _ := os.ReadFile(t)
		for _, child := range strings.Fields(string(raw)) {
			if n, err := strconv.Atoi(child); err == nil {
				tree(n, most, memory, count, used)
			}
		}
	}
}

// resident is the memory of a process that is no file's. What it shares with
// others counts in full, which is quick to read and may be too much.
func resident(dir string) int64 { return sum(filepath.Join(dir, "status"), "RssAnon:", "RssShmem:") }

// proportional counts what is shared by parts. It is slow to read.
func proportional(dir string) int64 {
	path := filepath.Join(dir, "smaps_rollup")
	if n := sum(path, "Pss_Anon:", "Pss_Shmem:"); n > 0 {
		return n
	}
	return resident(dir) // this kernel does not say, or not to us
}

// sum adds up lines such as "RssAnon:  12 kB", in bytes.
func sum(path string, names ...string) (n int64) {
	raw, _ := os.ReadFile(path) // a process that ended has none
	for line := range strings.Lines(string(raw)) {
		if f := strings.Fields(line); len(f) == 3 && slices.Contains(names, f[0]) {
			kB, _ := strconv.ParseInt(f[1], 10, 64)
			n += kB << 10
		}
	}
	return n
}

// parent is the parent of a process, or the process itself where that cannot be read.
func parent(pid int) int {
	raw, _ := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "status"))
	for line := range strings.Lines(string(raw)) {
		if v, ok := strings.CutPrefix(line, "PPid:"); ok {
			if n, err := strconv.Atoi(strings.TrimSpace(v)); err == nil && n > 1 {
				return n
			}
		}
	}
	return pid
}

// killsForMemory counts the processes that the kernel has killed for want of memory.
func killsForMemory() string {
	raw, _ := os.ReadFile("/proc/vmstat")
	for line := range strings.Lines(string(raw)) {
		if n, ok := strings.CutPrefix(line, "oom_kill "); ok {
			return n
		}
	}
	return ""
}
