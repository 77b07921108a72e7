package chaos

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/r1ctl/r1ctl/internal/launch/childenv"
	"github.com/r1ctl/r1ctl/internal/launch/procstat"
	"github.com/r1ctl/r1ctl/internal/r1"
)

// Role is what a process is to a run.
type Role string

// The roles. A trainer's own children are trainers too.
const (
	RoleEngine   Role = "engine"
	RoleWorker   Role = "worker"
	RoleS3       Role = "s3"
	RoleTemporal Role = "temporal"
	RoleAgent    Role = "agent"
	RoleVerifier Role = "verifier"
	RoleTrainer  Role = "trainer"
	RoleOther    Role = "other"
)

// Process is a process that belongs to a root folder: its environment, its
// arguments or its working folder names it.
type Process struct {
	PID, Parent int
	Start       uint64
	Role        Role
	Attempt     r1.AttemptKey // of agents, verifiers and trainers
	command     string
}

func (p Process) String() string { return fmt.Sprintf("%s %d (%s)", p.Role, p.PID, p.command) }

// same says whether the process is still there, and no other one with its pid.
func (p Process) same() bool {
	st, err := procstat.Read(p.PID)
	return err == nil && st.Start == p.Start && !st.Zombie
}

// census finds the processes of the machine that belong to roots, and looks every
// process up only as often as it has to.
type census struct {
	mu    sync.Mutex
	known map[identity]entry
}

type identity struct {
	pid   int
	start uint64
}

// entry is what is known of a process. What it is may change until it has called exec.
type entry struct {
	process Process
	text    []byte // environment, arguments and folder
	settled bool
	seen    time.Time
}

// execTime is how long a process may take from fork to exec.
const execTime = 2 * time.Second

func newCensus() *census { return &census{known: map[identity]entry{}} }

// of lists the living processes of a root.
func (c *census) of(root string) []Process {
	c.mu.Lock()
	defer c.mu.Unlock()
	var found []Process
	alive := map[identity]bool{}
	for _, pid := range procstat.PIDs() {
		st, err := procstat.Read(pid)
		if err != nil || pid == os.Getpid() {
			continue
		}
		id := identity{pid, st.Start}
		alive[id] = true
		if st.Zombie {
			continue
		}
		e, ok := c.known[id]
		if !ok || !e.settled {
			e = look(pid, st.Start, e)
			c.known[id] = e
		}
		if bytes.Contains(e.text, []byte(root)) {
			p := e.process
			p.Parent = parent(pid)
			found = append(found, p)
		}
	}
	for id := range c.known {
		if !alive[id] {
			delete(c.known, id)
		}
	}
	return found
}

// look reads what a process is.
func look(pid int, start uint64, before entry) entry {
	e := entry{process: Process{PID: pid, Start: start, Role: RoleOther}, seen: before.seen}
	if e.seen.IsZero() {
		e.seen = time.Now()
	}
	e.settled = time.Since(e.seen) > execTime
	proc := fmt.Sprintf("/proc/%d/", pid)
	environ, _ := os.ReadFile(proc + "environ") // of another user's process nothing can be read, and it is not ours
	args, _ := os.ReadFile(proc + "cmdline")
	folder, _ := os.Readlink(proc + "cwd")
	e.text = bytes.Join([][]byte{environ, args, []byte(folder)}, []byte{0})
	words := strings.Split(strings.TrimRight(string(args), "\x00"), "\x00")
	e.process.command = filepath.Base(words[0])
	verb := ""
	if len(words) > 1 {
		verb = words[1]
		e.process.command += " " + filepath.Base(verb)
	}
	training := false
	for kv := range bytes.SplitSeq(environ, []byte{0}) {
		name, value, _ := strings.Cut(string(kv), "=")
		switch name {
		case childenv.AttemptDir:
			e.process.Attempt = attemptOf(value)
		case childenv.TrainerDir:
			training = true
		}
	}
	e.process.Role = roleOf(verb, training, e.process.Attempt)
	return e
}

func roleOf(verb string, training bool, attempt r1.AttemptKey) Role {
	switch {
	case training:
		return RoleTrainer
	case attempt.Attempt > 0 && verb == "agent":
		return RoleAgent
	case attempt.Attempt > 0 && verb == "verifier":
		return RoleVerifier
	case verb == "server":
		return RoleEngine
	case verb == "worker":
		return RoleWorker
	case verb == "s3-server" || verb == verbS3:
		return RoleS3
	case verb == verbTemporal:
		return RoleTemporal
	}
	return RoleOther
}

// attemptOf reads the key of an attempt from the last parts of its folder.
func attemptOf(dir string) r1.AttemptKey {
	parts := strings.Split(dir, "/")
	if len(parts) < 4 {
		return r1.AttemptKey{}
	}
	key, err := r1.ParseAttemptKey(strings.Join(parts[len(parts)-4:], "/"))
	if err != nil {
		return r1.AttemptKey{}
	}
	return key
}

// parent is the process that a process belongs to, 0 when it is gone.
func parent(pid int) int {
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0
	}
	fields := strings.Fields(string(raw[bytes.LastIndexByte(raw, ')')+1:]))
	if len(fields) < 2 {
		return 0
	}
	n, _ := strconv.Atoi(fields[1]) // the kernel writes a number there
	return n
}

// leaders are the agents, and the trainers that agents started: not what those
// started in turn, nor what is about to become another program.
func leaders(all []Process) []Process {
	agents := map[int]bool{}
	for _, p := range all {
		if p.Role == RoleAgent {
			agents[p.PID] = true
		}
	}
	return slices.DeleteFunc(slices.Clone(all), func(p Process) bool {
		switch p.Role {
		case RoleAgent:
			return agents[p.Parent]
		case RoleTrainer:
			return !agents[p.Parent]
		}
		return true
	})
}

// with gives the processes of a role, of one job where a key is given.
func with(all []Process, role Role, job *r1.JobKey) []Process {
	return slices.DeleteFunc(slices.Clone(all), func(p Process) bool {
		return p.Role != role || job != nil && p.Attempt.JobKey != *job
	})
}
