package launchtest

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"testing"
	"time"

	"github.com/r1ctl/r1ctl/internal/r1"
)

// SubmitEnv is set for the program of Factory.Other, and says what to submit.
const SubmitEnv = "R1CTL_LAUNCHTEST_SUBMIT"

// order is what another worker's process is told to do.
type order struct {
	Launch r1.Launch
	Await  string // wait for this file first
	Crash  bool   // die of SIGKILL right after Submit
}

// other starts another worker's process.
func (s *stage) other(t *testing.T, o order) *exec.Cmd {
	t.Helper()
	raw, err := json.Marshal(o)
	must(t, err)
	cmd := s.f.Other(t)
	cmd.Env = append(cmd.Environ(), SubmitEnv+"="+string(raw))
	cmd.Stderr = os.Stderr
	must(t, cmd.Start())
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	return cmd
}

// Submit is what the program of Factory.Other does. It returns the exit code.
func Submit(l r1.Launcher) int {
	var o order
	if err := json.Unmarshal([]byte(os.Getenv(SubmitEnv)), &o); err != nil {
		fmt.Fprintln(os.Stderr, "submitter:", err)
		return 1
	}
	ctx, cancel := context.WithTimeout(context.Background(), defaultPatience)
	defer cancel()
	for o.Await != "" {
		if _, err := os.Stat(o.Await); err == nil {
			break
		}
		if ctx.Err() != nil {
			return 1
		}
		time.Sleep(time.Millisecond)
	}
	if _, err := l.Submit(ctx, o.Launch); err != nil {
		fmt.Fprintln(os.Stderr, "submitter:", err)
		return 1
	}
	if o.Crash {
		_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
	}
	return 0
}
