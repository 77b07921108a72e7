package sandbox

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"syscall"
	"time"

	"github.com/criyle/go-sandbox/container"

	"github.com/r1ctl/r1ctl/internal/r1"
)

// Init must be the first call of main, and of TestMain: a container begins as
// another process of the same binary, which this turns into the container's
// first process. It returns at once in every other process.
func Init() { _ = container.Init() } // it does not return where it does anything

// The providers by name.
const (
	Container  = "container"
	Bubblewrap = "bubblewrap"
	Unsafe     = "unsafe"
)

// errLost is a container that ended while a program ran in it.
var errLost = errors.New("the container was lost")

// Options are how programs are run. The zero value is the usual.
type Options struct {
	Provider string // one of the names above; "" is the best that works here
	Unsafe   bool   // run programs without a sandbox where none works
	Python   string // path of an interpreter; default /usr/bin/python3. Its prefix is made visible, read-only
	Packages bool   // leave the interpreter's installed packages visible
	Parallel int    // programs at once; default one a core
}

// Sandbox runs programs. It is safe for concurrent use; runs beyond
// Options.Parallel wait for their turn.
type Sandbox struct {
	name  string
	root  root
	turns chan int // numbers of free places
	run   func(ctx context.Context, place int, spec Spec) Result
	stop  func()
	tests []Check
}

// New starts the first provider that works here, by its self-test. It ends
// with Close. Where none works the error is sandbox-unavailable.
func New(ctx context.Context, o Options) (*Sandbox, error) {
	r, err := findRoot(ctx, o.Python, o.Packages)
	if err != nil {
		return nil, &r1.Error{
			Name: "sandbox-no-python", Detail: "the sandbox finds no Python interpreter", Err: err,
			Remedy: "install python3, or name an interpreter in the sandbox's settings",
		}
	}
	if o.Parallel <= 0 {
		o.Parallel = runtime.NumCPU()
	}
	names := []string{Container, Bubblewrap}
	if o.Provider != "" {
		names = []string{o.Provider}
	}
	if o.Unsafe && o.Provider == "" {
		names = append(names, Unsafe)
	}
	var failures []error
	for _, name := range names {
		s, err := start(ctx, name, r, o.Parallel)
		if err == nil {
			return s, nil
		}
		failures = append(failures, fmt.Errorf("%s: %w", name, err))
	}
	return nil, &r1.Error{
		Name:   "sandbox-unavailable",
		Detail: "untrusted programs cannot be run safely here",
		Remedy: "allow unprivileged user namespaces (sysctl user.max_user_namespaces, kernel.unprivileged_userns_clone, " +
			"kernel.apparmor_restrict_unprivileged_userns; in Docker --security-opt seccomp=unconfined), or install bubblewrap, or name a provider by URL",
		Err: errors.Join(failures...),
	}
}

func start(ctx context.Context, name string, r root, parallel int) (*Sandbox, error) {
	s := &Sandbox{name: name, root: r, turns: make(chan int, parallel)}
	var err error
	switch name {
	case Container:
		s.run, s.stop, err = startContainers(r, parallel)
	case Bubblewrap:
		s.run, err = startBubblewrap(r)
	case Unsafe:
		s.run, err = startUnsafe()
	default:
		err = fmt.Errorf("no provider of this name: have %s, %s, %s", Container, Bubblewrap, Unsafe)
	}
	if err != nil {
		return nil, err
	}
	for i := range parallel {
		s.turns <- i
	}
	if name == Unsafe {
		return s, nil
	}
	if s.tests, err = s.passed(ctx); err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

// Name is the provider's.
func (s *Sandbox) Name() string { return s.name }

// Python is the interpreter's path inside.
func (s *Sandbox) Python() string { return s.root.python }

// Compiler is the C++ compiler's path inside, or "" where there is none.
func (s *Sandbox) Compiler() string { return s.root.compiler }

// Parallel is how many programs run at once.
func (s *Sandbox) Parallel() int { return cap(s.turns) }

// Run runs a program to its end. It waits for a free place first; that time is
// no part of the limits. A cancelled context is a Fault.
func (s *Sandbox) Run(ctx context.Context, spec Spec) Result {
	spec = spec.withDefaults()
	if err := spec.check(); err != nil {
		return fault("%w", err)
	}
	select {
	case place := <-s.turns:
		defer func() { s.turns <- place }()
		return s.settle(ctx, place, spec)
	case <-ctx.Done():
		return fault("wait for a free place: %w", ctx.Err())
	}
}

// settle runs a program once more where it is unclear who is to blame.
func (s *Sandbox) settle(ctx context.Context, place int, spec Spec) Result {
	res := s.run(ctx, place, spec)
	switch {
	case ctx.Err() != nil:
		return res
	case res.Status == Signalled && fromOutside(res.Signal):
		before := killsForMemory()
		if res = s.run(ctx, place, spec); res.Status == Signalled && res.Signal == 9 && killsForMemory() != before {
			return fault("the kernel ran out of memory and killed the program")
		}
	case res.Status == Fault:
		// Trouble twice while the program ran: where another has none, this one made it.
		if res = s.run(ctx, place, spec); errors.Is(res.Err, errLost) && ctx.Err() == nil && s.run(ctx, place, s.control()).OK() {
			return Result{Status: Signalled, Signal: 9, Wall: res.Wall}
		}
	}
	return res
}

// fromOutside says that a signal may have come from elsewhere than the program:
// from a kernel short of memory, or from whoever ends our whole process group.
func fromOutside(signal int) bool {
	switch syscall.Signal(signal) {
	case syscall.SIGKILL, syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP:
		return true
	}
	return false
}

// control is a program that always ends well.
func (s *Sandbox) control() Spec {
	return Spec{Args: []string{s.root.python, "-S", "-c", "pass"}, Wall: 20 * time.Second}.withDefaults()
}

// Close ends the provider. Runs in progress are Faults.
func (s *Sandbox) Close() {
	if s.stop != nil {
		s.stop()
	}
}
