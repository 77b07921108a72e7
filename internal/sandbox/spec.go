package sandbox

import (
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"time"
)

// Spec is one run of a program. Zero limits are the defaults.
type Spec struct {
	Args    []string          // the program, by its path inside, and its arguments
	Files   map[string][]byte // copied into the work folder before the run, by relative path; executable
	Stdin   []byte
	Collect []string // files of the work folder to copy out after a run that exited with 0

	CPU       time.Duration // of each process, counted in whole seconds; default 5 s
	Wall      time.Duration // from outside, however many processes; default 4 × CPU
	Memory    int64         // bytes of all processes together; default 512 MiB
	Output    int64         // bytes of each of stdout and stderr; default 4 MiB
	Processes int           // processes and threads alive at once; default 32
}

// The limits of a Spec that sets none.
const (
	defaultCPU       = 5 * time.Second
	defaultMemory    = 512 << 20
	defaultOutput    = 4 << 20
	defaultProcesses = 32

	// stack is the limit of a main thread's stack. The C library gives it to
	// threads as well, so it is far from unlimited.
	stack = 64 << 20
	// disk bounds the work folder, which lies in memory, and the files in it.
	disk      = 64 << 20
	diskFiles = 4096
	openFiles = 128
	maxFiles  = 64 // that one Spec copies in
)

func (s Spec) withDefaults() Spec {
	if s.CPU <= 0 {
		s.CPU = defaultCPU
	}
	if s.Wall <= 0 {
		s.Wall = 4 * s.CPU
	}
	if s.Memory <= 0 {
		s.Memory = defaultMemory
	}
	if s.Output <= 0 {
		s.Output = defaultOutput
	}
	if s.Processes <= 0 {
		s.Processes = defaultProcesses
	}
	return s
}

func (s Spec) check() error {
	if len(s.Args) == 0 {
		return fmt.Errorf("no program given")
	}
	if len(s.Files) > maxFiles {
		return fmt.Errorf("%d files, at most %d can be copied in", len(s.Files), maxFiles)
	}
	size := 0
	for name, data := range s.Files {
		size += len(data)
		if !filepath.IsLocal(name) {
			return fmt.Errorf("the file name %q leaves the work folder", name)
		}
	}
	if size > disk/2 {
		return fmt.Errorf("files of %d bytes, at most %d can be copied in", size, disk/2)
	}
	for _, name := range s.Collect {
		if !filepath.IsLocal(name) {
			return fmt.Errorf("the file name %q leaves the work folder", name)
		}
	}
	return nil
}

func (s Spec) names() []string { return slices.Sorted(maps.Keys(s.Files)) }

// seconds is the limit as the kernel counts it.
func seconds(d time.Duration) uint64 { return uint64((d + time.Second - 1) / time.Second) }

// Status is how a run ended.
type Status string

// The ends of a run.
const (
	Exited      Status = "exited"       // by itself; ExitCode has more
	Signalled   Status = "signalled"    // killed by a signal of its own doing
	TimedOut    Status = "timed-out"    // CPU or wall clock
	MemoryLimit Status = "memory-limit" // all processes together took too much
	OutputLimit Status = "output-limit" // stdout, stderr or a file grew too large
	ProcessLoad Status = "processes"    // far more processes than allowed
	Fault       Status = "fault"        // the sandbox failed: nothing is known of the program
)

// Result is what became of a run.
type Result struct {
	Status   Status
	ExitCode int // of Exited
	Signal   int // of Signalled
	Stdout   []byte
	Stderr   []byte            // both cut at Spec.Output
	Files    map[string][]byte // of Spec.Collect, those that were there
	CPU      time.Duration     // user time of the first process and the children it waited for; 0 where bwrap hides it
	Wall     time.Duration
	Memory   int64 // bytes, the largest process
	Err      error // of Fault
}

// OK says that the program ended by itself with exit code 0.
func (r Result) OK() bool { return r.Status == Exited && r.ExitCode == 0 }

func fault(format string, args ...any) Result {
	return Result{Status: Fault, Err: fmt.Errorf(format, args...)}
}
