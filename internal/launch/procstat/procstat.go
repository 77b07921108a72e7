package procstat

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

// Stat is what we use of /proc/<pid>/stat.
type Stat struct {
	PID     int
	Zombie  bool
	Parent  int
	Group   int
	Session int
	Start   uint64 // clock ticks since boot: with PID and boot it names one process for good
	// CPU is user and system time of the process and of its children that it waited for.
	CPU      time.Duration
	Resident int64 // bytes of memory
}

// tick is the unit of times in /proc. It is the same on every Linux machine that Go runs on.
const tick = time.Second / 100

// Read describes a process. The error of one that is gone is fs.ErrNotExist.
func Read(pid int) (Stat, error) {
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return Stat{}, err
	}
	s, err := parse(raw)
	if err != nil {
		return Stat{}, fmt.Errorf("read /proc/%d/stat: %w", pid, err)
	}
	s.PID = pid
	return s, nil
}

// Places of the fields that are read, counted from the state, which follows the name.
const (
	state    = 0
	parent   = 1
	group    = 2
	session  = 3
	firstCPU = 11 // user, system, and both of waited-for children
	start    = 19
	resident = 21 // pages
)

func parse(raw []byte) (Stat, error) {
	// The second field is the program's name in parentheses and may hold
	// anything; the rest is counted from its end.
	fields := strings.Fields(string(raw[bytes.LastIndexByte(raw, ')')+1:]))
	if len(fields) <= resident {
		return Stat{}, fmt.Errorf("unexpected form %q", raw)
	}
	number := func(i int) int64 {
		n, _ := strconv.ParseInt(fields[i], 10, 64) // the kernel writes numbers there
		return n
	}
	s := Stat{
		Zombie: fields[state] == "Z", Parent: int(number(parent)), Group: int(number(group)), Session: int(number(session)),
		Start: uint64(number(start)), Resident: number(resident) * int64(os.Getpagesize()),
	}
	for i := range 4 {
		s.CPU += time.Duration(number(firstCPU+i)) * tick
	}
	return s, nil
}

// PIDs lists the processes of the machine.
func PIDs() []int {
	dir, err := os.Open("/proc")
	if err != nil {
		return nil
	}
	defer dir.Close()
	names, err := dir.Readdirnames(-1)
	if err != nil {
		return nil
	}
	var pids []int
	for _, n := range names {
		if pid, err := strconv.Atoi(n); err == nil {
			pids = append(pids, pid)
		}
	}
	return pids
}
