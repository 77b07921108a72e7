package agent

import (
	"sync"
	"syscall"
	"time"

	"github.com/r1ctl/r1ctl/internal/launch/procstat"
	"github.com/r1ctl/r1ctl/internal/r1"
)

// meter measures what the trainer's process group takes from the machine.
type meter struct {
	group   int
	started time.Time

	mu   sync.Mutex
	last r1.Usage
	at   time.Time // of last
	peak int64
}

func newMeter(group int) *meter {
	now := time.Now()
	return &meter{group: group, started: now, at: now}
}

// sample looks at the group now. A look sooner than pause after the last one
// gives that one again: cores in use over an instant say nothing.
func (m *meter) sample(pause time.Duration) *r1.Usage {
	m.mu.Lock()
	defer m.mu.Unlock()
	now := time.Now()
	if took := now.Sub(m.at); m.last.MemoryBytes == 0 || took >= pause {
		cpu, memory := groupUsage(m.group)
		// A member that left the group takes its time along; what was used stays used.
		seconds := max(cpu.Seconds(), m.last.CPUSeconds)
		m.last = r1.Usage{CPUSeconds: seconds, CPUs: ratio(seconds-m.last.CPUSeconds, took), MemoryBytes: memory}
		m.at, m.peak = now, max(m.peak, memory)
	}
	usage := m.last
	return &usage
}

// total is what the group took in all, once its leader ended with the given rusage.
func (m *meter) total(r *syscall.Rusage) *r1.Usage {
	m.mu.Lock()
	defer m.mu.Unlock()
	usage := r1.Usage{CPUSeconds: m.last.CPUSeconds, MemoryBytes: m.peak}
	if r != nil {
		waited := time.Duration(r.Utime.Nano() + r.Stime.Nano())
		usage.CPUSeconds = max(usage.CPUSeconds, waited.Seconds())
		usage.MemoryBytes = max(usage.MemoryBytes, r.Maxrss<<10) // the largest process, between our looks
	}
	usage.CPUs = ratio(usage.CPUSeconds, time.Since(m.started))
	return &usage
}

func ratio(seconds float64, d time.Duration) float64 {
	if d <= 0 {
		return 0
	}
	return seconds / d.Seconds()
}

// groupUsage adds up the members of a process group: the time of each and of
// the children it waited for, and the memory of each.
func groupUsage(group int) (cpu time.Duration, memory int64) {
	for _, pid := range procstat.PIDs() {
		if s, err := procstat.Read(pid); err == nil && s.Group == group {
			cpu += s.CPU
			memory += s.Resident
		}
	}
	return cpu, memory
}
