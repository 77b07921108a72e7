package sandbox

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"time"
)

// Check is one escape that was tried.
type Check struct {
	Name      string
	Contained bool
	Detail    string // how it ended
}

// escape is a program that tries something, and says "escaped" where it could.
type escape struct {
	name    string
	program string
	spec    Spec
	want    []Status // how a contained one may end; it never says "escaped"
}

// escapes are the attempts of a self-test. They are real programs, kept small.
func escapes(secret string) []escape {
	return []escape{
		{name: "loop", program: `while True: pass`, spec: Spec{CPU: time.Second, Wall: 700 * time.Millisecond}, want: []Status{TimedOut}},
		{name: "memory", program: `
try:
    x = bytearray(256 << 20)
    print("escaped")
except MemoryError: pass`, spec: Spec{Memory: 64 << 20}, want: []Status{Exited, MemoryLimit}},
		{name: "fork", program: `
import os, time
n = 0
try:
    for n in range(100):
        if os.fork() == 0:
            time.sleep(10); os._exit(0)
    print("escaped")
except OSError: pass`, spec: Spec{Processes: 8, Wall: 4 * time.Second}, want: []Status{Exited, ProcessLoad}},
		{name: "network", program: `
import socket
for family in (socket.AF_INET, socket.AF_INET6, socket.AF_UNIX):
    for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
        try:
            socket.socket(family, kind)
            print("escaped")
        except OSError: pass`, want: []Status{Exited}},
		{name: "read outside", program: fmt.Sprintf(`
import os
for path in (%q, "/etc/passwd", "/etc/shadow", "/proc/1/environ", "/proc/self/environ", "/sys/kernel", "/w/../../etc/hostname"):
    try:
        os.stat(path)
        print("escaped", path)
    except OSError: pass
if len(os.environ) > 10: print("escaped environment")`, secret), want: []Status{Exited}},
		{name: "write outside", program: `
import os
for dir in ("/", "/usr", "/usr/bin", "/usr/lib", "/lib", "/etc", "/dev"):
    try:
        with open(os.path.join(dir, "r1ctl-escape"), "w"): print("escaped", dir)
    except OSError: pass`, want: []Status{Exited}},
		{name: "output flood", program: `
import sys
while True: sys.stdout.write("x" * 65536)`, spec: Spec{Output: 1 << 20}, want: []Status{OutputLimit}},
	}
}

// SelfTest tries a handful of real escapes. The error is trouble of the
// sandbox itself; an escape that was not contained is in the checks.
func (s *Sandbox) SelfTest(ctx context.Context) ([]Check, error) {
	secret, err := os.CreateTemp("", "r1ctl-secret-") // any file of the host will do
	if err != nil {
		return nil, fmt.Errorf("write a file to look for: %w", err)
	}
	defer func() { _ = os.Remove(secret.Name()) }()
	_ = secret.Close()
	tries := escapes(secret.Name())
	out, errs := make([]Check, len(tries)), make([]error, len(tries))
	var group sync.WaitGroup
	for i, e := range tries {
		group.Go(func() { out[i], errs[i] = s.try(ctx, e) })
	}
	group.Wait()
	return out, errors.Join(errs...)
}

// StartChecks are the results of the self-test at the start.
func (s *Sandbox) StartChecks() []Check { return s.tests }

func (s *Sandbox) try(ctx context.Context, e escape) (Check, error) {
	spec := e.spec
	spec.Args = []string{s.root.python, "-S", workDir + "/escape.py"}
	spec.Files = map[string][]byte{"escape.py": []byte(e.program)}
	res := s.Run(ctx, spec)
	c := Check{Name: e.name, Detail: describe(res)}
	if res.Status == Fault {
		return c, fmt.Errorf("try the escape %q: %w", e.name, res.Err)
	}
	ended := slices.Contains(e.want, res.Status) && (res.Status != Exited || res.ExitCode == 0)
	c.Contained = ended && !strings.Contains(string(res.Stdout), "escaped")
	return c, nil
}

// passed runs the self-test, and says what speaks against this sandbox.
func (s *Sandbox) passed(ctx context.Context) ([]Check, error) {
	if res := s.Run(ctx, s.control()); !res.OK() {
		return nil, fmt.Errorf("the simplest program ends with %s", describe(res))
	}
	checks, err := s.SelfTest(ctx)
	for _, c := range checks {
		if err == nil && !c.Contained {
			err = fmt.Errorf("the escape %q is not contained: %s", c.Name, c.Detail)
		}
	}
	return checks, err
}

// describe says in a few words how a run ended.
func describe(r Result) string {
	text := string(r.Status)
	switch r.Status {
	case Exited:
		text = fmt.Sprintf("exit code %d", r.ExitCode)
	case Signalled:
		text = fmt.Sprintf("signal %d", r.Signal)
	case Fault:
		return fmt.Sprintf("fault: %v", r.Err)
	}
	for _, said := range [][]byte{r.Stdout[:min(len(r.Stdout), 80)], r.Stderr[max(0, len(r.Stderr)-120):]} {
		if line := strings.Join(strings.Fields(string(said)), " "); line != "" && r.Status != OutputLimit {
			text += ", said " + line
		}
	}
	return text
}
