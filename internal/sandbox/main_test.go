package sandbox_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/r1ctl/r1ctl/internal/lacking"
	"github.com/r1ctl/r1ctl/internal/sandbox"
)

func TestMain(m *testing.M) {
	sandbox.Init()
	os.Exit(m.Run())
}

// open starts a provider, or skips where the machine cannot have it.
func open(t testing.TB, o sandbox.Options) *sandbox.Sandbox {
	t.Helper()
	s, err := sandbox.New(t.Context(), o)
	if err != nil {
		if o.Provider == sandbox.Bubblewrap { // the other one's stand-in, which is not installed everywhere
			t.Skipf("%s does not work on this machine: %v", o.Provider, err)
		}
		lacking.Skip(t, "%s does not work on this machine: %v", o.Provider, err)
	}
	t.Cleanup(func() {
		s.Close()
		noneLeft(t)
	})
	return s
}

// python is a Spec that runs a program.
func python(s *sandbox.Sandbox, program string) sandbox.Spec {
	return sandbox.Spec{
		Args:  []string{s.Python(), "-s", "/w/main.py"},
		Files: map[string][]byte{"main.py": []byte(program)},
	}
}

// noneLeft fails a test when programs live on below this process.
func noneLeft(t testing.TB) {
	t.Helper()
	var left []string
	for range 100 {
		if left = programs(); len(left) == 0 {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Errorf("processes left behind: %q", left)
}

// programs are the command lines of the processes below this one, but for the
// containers' own.
func programs() (out []string) {
	for _, line := range below() {
		if !strings.Contains(line, initArg) {
			out = append(out, line)
		}
	}
	return out
}

const initArg = "container_init" // what the library calls a container's first process with

// containers are the first processes of containers.
func containers() (out []int) {
	for pid, line := range below() {
		if strings.Contains(line, initArg) {
			out = append(out, pid)
		}
	}
	return out
}

// below are the processes below this one, with their command lines.
func below() map[int]string {
	parents, lines := map[int]int{}, map[int]string{}
	dirs, _ := filepath.Glob("/proc/[0-9]*")
	for _, dir := range dirs {
		pid, _ := strconv.Atoi(filepath.Base(dir))
		stat, err := os.ReadFile(filepath.Join(dir, "stat"))
		if err != nil {
			continue
		}
		rest := strings.Fields(string(stat[strings.LastIndexByte(string(stat), ')')+1:]))
		parents[pid], _ = strconv.Atoi(rest[1])
		line, _ := os.ReadFile(filepath.Join(dir, "cmdline"))
		lines[pid] = fmt.Sprintf("%s %s", rest[0], strings.ReplaceAll(string(line), "\x00", " "))
	}
	out := map[int]string{}
	for pid, line := range lines {
		for at := parents[pid]; at > 1; at = parents[at] {
			if at == os.Getpid() {
				out[pid] = line
				break
			}
		}
	}
	return out
}
