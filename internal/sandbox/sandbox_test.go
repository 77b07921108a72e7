package sandbox_test

import (
	"context"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/r1ctl/r1ctl/internal/r1"
	"github.com/r1ctl/r1ctl/internal/sandbox"
)

var providers = []string{sandbox.Container, sandbox.Bubblewrap}

func TestSelfTestContainsEveryEscape(t *testing.T) {
	for _, provider := range providers {
		t.Run(provider, func(t *testing.T) {
			s := open(t, sandbox.Options{Provider: provider})
			if len(s.StartChecks()) < 7 {
				t.Errorf("only %d escapes were tried at the start", len(s.StartChecks()))
			}
			checks, err := s.SelfTest(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			for _, c := range checks {
				if !c.Contained {
					t.Errorf("%s: %s", c.Name, c.Detail)
				}
			}
		})
	}
}

// The self-test can fail: without walls it finds the escapes.
func TestSelfTestFindsEscapes(t *testing.T) {
	s := open(t, sandbox.Options{Provider: sandbox.Unsafe})
	checks, err := s.SelfTest(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	contained := map[string]bool{}
	for _, c := range checks {
		contained[c.Name] = c.Contained
	}
	if contained["network"] || contained["read outside"] {
		t.Errorf("a run without walls counts as contained: %v", checks)
	}
}

func TestRun(t *testing.T) {
	for _, provider := range append(providers, sandbox.Unsafe) {
		t.Run(provider, func(t *testing.T) {
			s := open(t, sandbox.Options{Provider: provider})
			for _, c := range []struct {
				name, program, stdin, stdout string
				status                       sandbox.Status
				code                         int
			}{
				{name: "reads and writes", program: `print(sum(map(int, input().split())))`, stdin: "1 2 3", stdout: "6\n", status: sandbox.Exited},
				{name: "exit code", program: `import sys; print("x"); sys.exit(7)`, stdout: "x\n", status: sandbox.Exited, code: 7},
				{name: "exit of the prompt", program: `exit(0)`, status: sandbox.Exited},
				{name: "exception", program: `raise ValueError`, status: sandbox.Exited, code: 1},
				{name: "threads", program: "import threading\nx=[]\nt=[threading.Thread(target=x.append, args=(i,)) for i in range(4)]\n[i.start() for i in t]; [i.join() for i in t]; print(len(x))", stdout: "4\n", status: sandbox.Exited},
				{name: "children", program: "import subprocess, sys\nprint(subprocess.run([sys.executable, '-c', 'print(5)'], capture_output=True, text=True).stdout)", stdout: "5\n\n", status: sandbox.Exited},
				{name: "asyncio", program: "import asyncio\nasync def f(): await asyncio.sleep(0); print(1)\nasyncio.run(f())", stdout: "1\n", status: sandbox.Exited},
				{name: "files", program: "import tempfile\nwith tempfile.NamedTemporaryFile('w+') as f: f.write('a'); f.seek(0); print(f.read())", stdout: "a\n", status: sandbox.Exited},
				{name: "the same order of sets in each run", program: `print(hash("a") == hash("a"), len({"a", "b"}))`, stdout: "True 2\n", status: sandbox.Exited},
				{name: "large input", program: "import sys\nprint(len(sys.stdin.read()))", stdin: strings.Repeat("x", 3<<20), stdout: "3145728\n", status: sandbox.Exited},
			} {
				spec := python(s, c.program)
				spec.Stdin = []byte(c.stdin)
				r := s.Run(t.Context(), spec)
				if r.Status != c.status || r.ExitCode != c.code || string(r.Stdout) != c.stdout {
					t.Errorf("%s: %s, exit code %d, %q %s %v", c.name, r.Status, r.ExitCode, r.Stdout, r.Stderr, r.Err)
				}
			}
		})
	}
}

// A file made by one run, as a compiler does, is taken to the next.
func TestCollect(t *testing.T) {
	for _, provider := range append(providers, sandbox.Unsafe) {
		t.Run(provider, func(t *testing.T) {
			s := open(t, sandbox.Options{Provider: provider})
			if s.Compiler() == "" {
				t.Skip("g++ is not installed")
			}
			made := s.Run(t.Context(), sandbox.Spec{
				Args: []string{s.Compiler(), "-O1", "-o", "/w/main", "/w/main.cpp"}, Collect: []string{"main", "absent"},
				Files: map[string][]byte{"main.cpp": []byte("#include <iostream>\nint main(){int a,b;std::cin>>a>>b;std::cout<<a+b<<std::endl;}")},
				CPU:   30 * time.Second, Memory: 1 << 30,
			})
			if !made.OK() || len(made.Files["main"]) == 0 {
				t.Fatalf("%s, exit code %d: %s %v", made.Status, made.ExitCode, made.Stderr, made.Err)
			}
			if _, ok := made.Files["absent"]; ok {
				t.Error("a file that is not there was collected")
			}
			r := s.Run(t.Context(), sandbox.Spec{Args: []string{"/w/main"}, Files: map[string][]byte{"main": made.Files["main"]}, Stdin: []byte("2 3")})
			if !r.OK() || string(r.Stdout) != "5\n" {
				t.Errorf("%s %q %s %v", r.Status, r.Stdout, r.Stderr, r.Err)
			}
		})
	}
}

func TestTroubleIsAFault(t *testing.T) {
	s := open(t, sandbox.Options{})
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	for name, run := range map[string]func() sandbox.Result{
		"no program": func() sandbox.Result { return s.Run(t.Context(), sandbox.Spec{}) },
		"a program that is not there": func() sandbox.Result {
			return s.Run(t.Context(), sandbox.Spec{Args: []string{"/usr/bin/nothing"}})
		},
		"a file outside": func() sandbox.Result {
			return s.Run(t.Context(), sandbox.Spec{Args: []string{s.Python()}, Files: map[string][]byte{"../x": nil}})
		},
		"cancelled": func() sandbox.Result { return s.Run(cancelled, python(s, "pass")) },
	} {
		if r := run(); r.Status != sandbox.Fault || r.Err == nil {
			t.Errorf("%s: %s %v", name, r.Status, r.Err)
		}
	}
	s.Close()
	if r := s.Run(t.Context(), python(s, "pass")); s.Name() == sandbox.Container && r.Status != sandbox.Fault {
		t.Errorf("after the end: %s", r.Status)
	}
}

// A container that is killed from outside is built again, and the run repeated.
func TestLostContainersAreBuiltAgain(t *testing.T) {
	s := open(t, sandbox.Options{Provider: sandbox.Container, Parallel: 1})
	killed := make(chan struct{})
	go func() {
		defer close(killed)
		time.Sleep(300 * time.Millisecond)
		for _, pid := range containers() {
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
	}()
	r := s.Run(t.Context(), python(s, "import time; time.sleep(1); print(1)"))
	<-killed
	if !r.OK() || string(r.Stdout) != "1\n" {
		t.Errorf("%s %q %v", r.Status, r.Stdout, r.Err)
	}
}

// Outside, a program is nobody, and the first that a kernel short of memory kills.
func TestProgramsFromOutside(t *testing.T) {
	s := open(t, sandbox.Options{Provider: sandbox.Container, Parallel: 1})
	done := make(chan sandbox.Result)
	go func() { done <- s.Run(t.Context(), python(s, "import time; time.sleep(2)")) }()
	var status, score string
	for status == "" {
		time.Sleep(20 * time.Millisecond)
		for pid, line := range below() {
			if strings.Contains(line, "/w/main.py") {
				dir := filepath.Join("/proc", strconv.Itoa(pid))
				raw, _ := os.ReadFile(filepath.Join(dir, "status"))
				points, _ := os.ReadFile(filepath.Join(dir, "oom_score_adj"))
				status, score = string(raw), strings.TrimSpace(string(points))
			}
		}
	}
	if r := <-done; !r.OK() {
		t.Fatalf("%s %v", r.Status, r.Err)
	}
	for _, want := range []string{"CapEff:\t0000000000000000", "CapPrm:\t0000000000000000", "CapAmb:\t0000000000000000", "NoNewPrivs:\t1", "Seccomp:\t2"} {
		if !strings.Contains(status, want) {
			t.Errorf("no %q in its status:\n%s", want, status)
		}
	}
	if os.Geteuid() == 0 && strings.Contains(status, "Uid:\t0\t") {
		t.Error("it is root outside")
	}
	if score != "1000" {
		t.Errorf("its oom_score_adj is %s", score)
	}
}

func TestRunsDoNotMix(t *testing.T) {
	for _, provider := range providers {
		t.Run(provider, func(t *testing.T) {
			s := open(t, sandbox.Options{Provider: provider, Parallel: 4})
			var group sync.WaitGroup
			for i := range 32 {
				group.Go(func() {
					spec := python(s, "import time; x = input(); open('x', 'w').write(x); time.sleep(0.02); print(open('x').read())")
					want := strings.Repeat(string(rune('a'+i%26)), i+1)
					spec.Stdin = []byte(want)
					if r := s.Run(t.Context(), spec); strings.TrimSpace(string(r.Stdout)) != want {
						t.Errorf("run %d: %s %q %s %v", i, r.Status, r.Stdout, r.Stderr, r.Err)
					}
				})
			}
			group.Wait()
		})
	}
}

// Another interpreter is seen with its prefix, and with its packages only where asked for.
func TestAnotherInterpreter(t *testing.T) {
	dir, err := os.MkdirTemp("", "r1ctl-sandbox-test-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	if out, err := exec.CommandContext(t.Context(), "/usr/bin/python3", "-m", "venv", "--without-pip", dir).CombinedOutput(); err != nil {
		t.Skipf("no virtual environment can be made here: %v %s", err, out)
	}
	packages, _ := filepath.Glob(filepath.Join(dir, "lib", "python3*", "site-packages"))
	if len(packages) != 1 {
		t.Fatal("the environment has no site-packages")
	}
	if err := os.WriteFile(filepath.Join(packages[0], "extra.py"), []byte("x = 42\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, provider := range providers {
		for with, want := range map[bool]string{true: "42\n", false: "none\n"} {
			s := open(t, sandbox.Options{Provider: provider, Python: filepath.Join(dir, "bin", "python3"), Packages: with})
			r := s.Run(t.Context(), python(s, "try:\n  import extra; print(extra.x)\nexcept ImportError: print('none')"))
			if !r.OK() || string(r.Stdout) != want {
				t.Errorf("%s, packages %v: %s %q %s %v", provider, with, r.Status, r.Stdout, r.Stderr, r.Err)
			}
		}
	}
}

func TestRefusals(t *testing.T) {
	for name, o := range map[string]sandbox.Options{
		"sandbox-unavailable": {Provider: "none-of-ours"}, "sandbox-no-python": {Python: "/nowhere/python3"},
	} {
		_, err := sandbox.New(t.Context(), o)
		if e, ok := r1.AsError(err); !ok || e.Name != name || e.Remedy == "" {
			t.Errorf("expected %s with a remedy, got %v", name, err)
		}
	}
}

// All that holds as root holds for a user without any right.
func TestUnprivileged(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("the other tests already run without rights")
	}
	dir, err := os.MkdirTemp("", "r1ctl-sandbox-test-") // a test's own folder is closed to others
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	self, err := os.Open("/proc/self/exe")
	if err != nil {
		t.Fatal(err)
	}
	defer self.Close()
	to, err := os.OpenFile(filepath.Join(dir, "sandbox.test"), os.O_CREATE|os.O_WRONLY, 0o755)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(to, self); err != nil {
		t.Fatal(err)
	}
	if err := to.Close(); err != nil {
		t.Fatal(err)
	}
	const nobody = 65534
	// bubblewrap is started without rights by the other tests as well.
	cmd := exec.CommandContext(t.Context(), to.Name(), "-test.v",
		"-test.run=^(TestAttacks|TestRun$|TestSelfTestContains|TestCollect|TestRunsDoNotMix|TestProgramsFromOutside)", "-test.skip=TestAttacks.*/bubblewrap")
	cmd.Dir, cmd.Env = "/", []string{"PATH=/usr/bin:/bin"}
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}, Pdeathsig: syscall.SIGKILL}
	out, err := cmd.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "--- PASS: TestAttacksAreContained/container/tcp") {
		t.Errorf("%v\n%s", err, out)
	}
}

func BenchmarkPython(b *testing.B) {
	s := open(b, sandbox.Options{Provider: sandbox.Container})
	spec := python(s, "print(sum(map(int, input().split())))")
	spec.Stdin = []byte("1 2 3")
	b.SetParallelism(2)
	b.ResetTimer() // the self-test is no part of it
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if r := s.Run(b.Context(), spec); string(r.Stdout) != "6\n" {
				b.Errorf("%s %q %v", r.Status, r.Stdout, r.Err)
			}
		}
	})
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "runs/s")
}

// BenchmarkBarePython is the same without a sandbox, and without the
// interpreter's site: what the sandbox costs is the difference.
func BenchmarkBarePython(b *testing.B) {
	path := filepath.Join(b.TempDir(), "main.py")
	if err := os.WriteFile(path, []byte("print(sum(map(int, input().split())))"), 0o644); err != nil {
		b.Fatal(err)
	}
	b.SetParallelism(2)
	b.ResetTimer() // the self-test is no part of it
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			cmd := exec.CommandContext(b.Context(), "/usr/bin/python3", "-S", path)
			cmd.Env, cmd.Stdin = []string{}, strings.NewReader("1 2 3")
			if out, err := cmd.Output(); err != nil || string(out) != "6\n" {
				b.Errorf("%q %v", out, err)
			}
		}
	})
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "runs/s")
}
