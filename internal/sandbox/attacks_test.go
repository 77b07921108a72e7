package sandbox_test

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/r1ctl/r1ctl/internal/sandbox"
)

// attack is a program that tries to get out, to take too much, or to harm the
// runs after it. It prints ESCAPED where it got what it should not.
type attack struct {
	name    string
	program string
	spec    sandbox.Spec
	only    string           // the provider that has the limit
	ends    []sandbox.Status // one of them; none is any but a fault
}

// prelude gives attacks the bare system calls.
const prelude = `
import ctypes, mmap, os, resource, signal, socket, sys, threading, time
libc = ctypes.CDLL(None, use_errno=True)
def denied(name, nr, *args):
    r = libc.syscall(nr, *args)
    if r != -1: print("ESCAPED", name, r)
def refused(what, *args, **named):
    try: r = what(*args, **named)
    except (OSError, ValueError, OverflowError, MemoryError): return
    print("ESCAPED", getattr(what, "__name__", what), args, r)
`

func TestAttacksAreContained(t *testing.T) {
	host := newTarget(t)
	for _, provider := range []string{sandbox.Container, sandbox.Bubblewrap} {
		t.Run(provider, func(t *testing.T) {
			s := open(t, sandbox.Options{Provider: provider, Parallel: 2})
			for _, a := range attacks(host) {
				t.Run(a.name, func(t *testing.T) {
					if a.only != "" && a.only != provider {
						t.Skipf("%s has no such limit", provider)
					}
					try(t, s, a)
				})
			}
			if n := host.contacts(); n != 0 {
				t.Errorf("programs reached the host %d times", n)
			}
		})
	}
	host.intact(t)
}

func try(t *testing.T, s *sandbox.Sandbox, a attack) {
	spec := a.spec
	spec.Args = []string{s.Python(), "-s", "/w/main.py"}
	spec.Files = map[string][]byte{"main.py": []byte(prelude + a.program)}
	if spec.Wall == 0 {
		spec.CPU, spec.Wall = time.Second, 8*time.Second
	}
	res := s.Run(t.Context(), spec)
	if res.Status == sandbox.Fault {
		t.Fatalf("the sandbox failed: %v", res.Err)
	}
	ok := len(a.ends) == 0
	for _, end := range a.ends {
		ok = ok || res.Status == end
	}
	said := append(res.Stdout[:min(len(res.Stdout), 2000)], res.Stderr[:min(len(res.Stderr), 2000)]...)
	if !ok {
		t.Errorf("ended %s (exit code %d), expected one of %v; it said %q", res.Status, res.ExitCode, a.ends, said)
	}
	if bytes.Contains(said, []byte("ESCAPED")) {
		t.Errorf("it escaped: %s", said)
	}
	if res.Status == sandbox.Exited && bytes.Contains(res.Stderr, []byte("SyntaxError")) {
		t.Errorf("the attack itself is broken: %s", res.Stderr)
	}
	// The next programs, in each place, find all in order.
	for range s.Parallel() {
		next := s.Run(t.Context(), python(s, `import os; print(sorted(os.listdir("/w"))); open("/w/x", "w").write("x")`))
		if !next.OK() || strings.TrimSpace(string(next.Stdout)) != "['main.py']" {
			t.Errorf("the next program ended %s (%v) and found %s%s", next.Status, next.Err, next.Stdout, next.Stderr)
		}
	}
	noneLeft(t)
}

// target is what attacks are after on the host.
type target struct {
	dir      string
	tcp, uni net.Listener
	udp      net.PacketConn
	reached  chan string
}

const secret = "the-secret-of-the-host"

func newTarget(t *testing.T) *target {
	t.Setenv("R1CTL_TEST_SECRET", secret)
	h := &target{dir: t.TempDir(), reached: make(chan string, 100)}
	if err := os.Chmod(h.dir, 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(h.dir, "secret"), []byte(secret), 0o666); err != nil {
		t.Fatal(err)
	}
	var err error
	if h.tcp, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	if h.uni, err = net.Listen("unix", filepath.Join(h.dir, "socket")); err != nil {
		t.Fatal(err)
	}
	if h.udp, err = net.ListenPacket("udp", "127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	for _, l := range []net.Listener{h.tcp, h.uni} {
		go func() {
			for {
				c, err := l.Accept()
				if err != nil {
					return
				}
				h.reached <- c.LocalAddr().String()
				_ = c.Close()
			}
		}()
	}
	go func() {
		for {
			if _, _, err := h.udp.ReadFrom(make([]byte, 100)); err != nil {
				return
			}
			h.reached <- "udp"
		}
	}()
	t.Cleanup(func() { _, _, _ = h.tcp.Close(), h.uni.Close(), h.udp.Close() })
	return h
}

func (h *target) contacts() int { return len(h.reached) }

func (h *target) intact(t *testing.T) {
	if data, err := os.ReadFile(filepath.Join(h.dir, "secret")); err != nil || string(data) != secret {
		t.Errorf("the host's file was changed: %q, %v", data, err)
	}
}

func (h *target) expand(program string) string {
	_, tcp, _ := net.SplitHostPort(h.tcp.Addr().String())
	_, udp, _ := net.SplitHostPort(h.udp.LocalAddr().String())
	return strings.NewReplacer(
		"DIR", h.dir, "TCP", tcp, "UDP", udp, "SECRET", secret, "PARENT", fmt.Sprint(os.Getpid()),
	).Replace(program)
}
