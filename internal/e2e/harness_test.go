//go:build e2e

package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/r1ctl/r1ctl/internal/artifact"
	"github.com/r1ctl/r1ctl/internal/embedded/server"
	"github.com/r1ctl/r1ctl/internal/runs"
)

// machine is one r1ctl installation with a state dir of its own.
type machine struct {
	t      *testing.T
	binary string
	state  string
	config string // file of settings; empty is none
}

// newMachine uses the binary that make built.
func newMachine(t *testing.T) *machine {
	t.Helper()
	binary, err := filepath.Abs("../../bin/r1ctl")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(binary); err != nil {
		t.Fatalf("%v; run: make test-e2e", err)
	}
	// Not t.TempDir: its name is too long for the sockets of some parts, and a
	// state dir of a failed test is worth keeping.
	state, err := os.MkdirTemp("", "r1ctl-e2e-")
	if err != nil {
		t.Fatal(err)
	}
	m := &machine{t: t, binary: binary, state: state}
	t.Cleanup(func() {
		m.mustRun("server", "stop")
		if t.Failed() {
			t.Logf("the state dir is kept: %s", state)
			return
		}
		_ = os.RemoveAll(state)
	})
	return m
}

func (m *machine) command(args ...string) *exec.Cmd {
	if m.config != "" {
		args = append(args, "--config", m.config)
	}
	cmd := exec.Command(m.binary, args...)
	cmd.Env = append(os.Environ(), "R1CTL_STATE_DIR="+m.state)
	return cmd
}

// run gives stdout, stderr and the exit code.
func (m *machine) run(args ...string) (string, string, int) {
	m.t.Helper()
	var out, errs bytes.Buffer
	cmd := m.command(args...)
	cmd.Stdout, cmd.Stderr = &out, &errs
	err := cmd.Run()
	if cmd.ProcessState == nil {
		m.t.Fatalf("r1ctl %v: %v", args, err)
	}
	return out.String(), errs.String(), cmd.ProcessState.ExitCode()
}

func (m *machine) mustRun(args ...string) string {
	m.t.Helper()
	out, errs, code := m.run(args...)
	if code != 0 {
		m.t.Fatalf("r1ctl %s: exit code %d\n%s%s", strings.Join(args, " "), code, out, errs)
	}
	return out
}

func (m *machine) status(run string) runs.Status {
	m.t.Helper()
	return decode[runs.Status](m.t, m.mustRun("status", run, "-o", "json"))
}

func decode[T any](t *testing.T, raw string) (v T) {
	t.Helper()
	if err := json.Unmarshal([]byte(raw), &v); err != nil {
		t.Fatalf("decode: %v\n%s", err, raw)
	}
	return v
}

// waitFor polls until ok, and fails the test after the limit.
func waitFor(t *testing.T, what string, limit time.Duration, ok func() bool) {
	t.Helper()
	deadline := time.Now().Add(limit)
	for !ok() {
		if time.Now().After(deadline) {
			t.Fatalf("no %s within %s", what, limit)
		}
		time.Sleep(200 * time.Millisecond)
	}
}

// trainers lists the pids of trainer processes of this machine's attempts.
func (m *machine) trainers() []int {
	m.t.Helper()
	entries, err := os.ReadDir("/proc")
	if err != nil {
		m.t.Fatal(err)
	}
	var pids []int
	for _, e := range entries {
		var pid int
		if _, err := fmt.Sscan(e.Name(), &pid); err != nil {
			continue
		}
		args, _ := os.ReadFile(filepath.Join("/proc", e.Name(), "cmdline"))
		cwd, _ := os.Readlink(filepath.Join("/proc", e.Name(), "cwd"))
		if strings.Contains(string(args), "r1trainer") && strings.HasPrefix(cwd, m.state) {
			pids = append(pids, pid)
		}
	}
	return pids
}

func (m *machine) serverPID() int {
	m.t.Helper()
	info := decode[struct {
		Endpoints struct {
			PID int `json:"pid"`
		} `json:"endpoints"`
	}](m.t, m.mustRun("server", "info", "-o", "json"))
	return info.Endpoints.PID
}

func (m *machine) killServer() {
	m.t.Helper()
	pid := m.serverPID()
	if pid == 0 {
		m.t.Fatal("no server to kill")
	}
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		m.t.Fatal(err)
	}
}

// store is the bucket of the embedded engine, which must be up.
func (m *machine) store() *artifact.Store {
	m.t.Helper()
	probe, err := server.Probe(m.state)
	if err != nil {
		m.t.Fatal(err)
	}
	e := probe.Endpoints
	store, err := artifact.New(context.Background(), artifact.Config{
		Endpoint: e.S3Endpoint, Region: e.S3Region, Bucket: e.Bucket, AccessKey: e.AccessKey, SecretKey: e.SecretKey, PathStyle: true, Embedded: true,
	})
	if err != nil {
		m.t.Fatal(err)
	}
	return store
}

// put stores an object, as a person would with an S3 client.
func (m *machine) put(key, text string) {
	m.t.Helper()
	if err := m.store().PutBytes(context.Background(), key, []byte(text)); err != nil {
		m.t.Fatal(err)
	}
}

// get reads a record.
func (m *machine) get(key string, v any) {
	m.t.Helper()
	if err := m.store().GetJSON(context.Background(), key, v); err != nil {
		m.t.Fatal(err)
	}
}
