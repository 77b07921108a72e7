package sandbox

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"sync"
	"syscall"

	"github.com/criyle/go-sandbox/container"
	"github.com/criyle/go-sandbox/pkg/mount"
	"golang.org/x/sys/unix"
)

// firstUser is the user id of the host that the first place's programs have
// where we are root; the others follow. It lies where systemd takes ids of its
// own, and no user of the host is expected.
const firstUser = 64800

// containers is the pool: a container for each place, built when first needed
// and again after it is lost.
type containers struct {
	root   root
	filter []syscall.SockFilter

	orders chan func() // run by the one thread that all containers are children of

	mu     sync.Mutex
	closed bool
	boxes  []container.Environment
}

func startContainers(r root, parallel int) (func(context.Context, int, Spec) Result, func(), error) {
	f, err := filter()
	if err != nil {
		return nil, nil, err
	}
	c := &containers{root: r, filter: f, orders: make(chan func()), boxes: make([]container.Environment, parallel)}
	go func() {
		// A container dies with the thread that started it: this one stays.
		runtime.LockOSThread()
		for order := range c.orders {
			order()
		}
	}()
	var group sync.WaitGroup
	errs := make([]error, parallel)
	for i := range parallel {
		group.Go(func() { _, errs[i] = c.box(i) })
	}
	group.Wait()
	if err := errors.Join(errs...); err != nil {
		c.close()
		return nil, nil, err
	}
	return c.run, c.close, nil
}

// box is the container of a place.
func (c *containers) box(place int) (container.Environment, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return nil, errors.New("the sandbox is closed")
	}
	if c.boxes[place] != nil {
		return c.boxes[place], nil
	}
	done := make(chan struct{})
	var env container.Environment
	var err error
	c.orders <- func() {
		defer close(done)
		env, err = c.build(place)
	}
	<-done
	if err != nil {
		return nil, fmt.Errorf("build a container: %w", err)
	}
	c.boxes[place] = env
	return env, nil
}

// discard ends the container of a place, with all that runs in it.
func (c *containers) discard(place int, env container.Environment) {
	c.mu.Lock()
	if c.boxes[place] == env {
		c.boxes[place] = nil
	}
	c.mu.Unlock()
	_ = env.Destroy() // waits for it; it was killed, its exit status says nothing
}

func (c *containers) close() {
	c.mu.Lock()
	if c.closed {
		c.mu.Unlock()
		return
	}
	c.closed = true
	boxes := c.boxes
	c.boxes = make([]container.Environment, len(boxes))
	c.mu.Unlock()
	for _, env := range boxes {
		if env != nil {
			_ = env.Destroy()
		}
	}
	close(c.orders)
}

// user is the id that the programs of a place have outside.
type user int

// Get is what container.CredGenerator asks for.
func (u user) Get() syscall.Credential {
	return syscall.Credential{Uid: uint32(u), Gid: uint32(u)}
}

// build makes a container. As root its programs are another user, in the
// container and outside; else they are the user we are, without capabilities.
func (c *containers) build(place int) (container.Environment, error) {
	said := &tail{}
	b := container.Builder{
		Root: os.TempDir(), TmpRoot: "r1ctl-sandbox-", Stderr: said,
		Mounts:        c.mounts(),
		SymbolicLinks: []container.SymbolicLink{},
		MaskPaths:     append([]string{"/nothing"}, c.root.masks...), // an empty list would be the library's own
		WorkDir:       workDir,
		HostName:      "sandbox", DomainName: "sandbox",
		CloneFlags: unix.CLONE_NEWUSER | unix.CLONE_NEWNS | unix.CLONE_NEWPID | unix.CLONE_NEWNET |
			unix.CLONE_NEWIPC | unix.CLONE_NEWUTS | unix.CLONE_NEWCGROUP,
	}
	for _, l := range c.root.linked() {
		b.SymbolicLinks = append(b.SymbolicLinks, container.SymbolicLink{LinkPath: l[0], Target: l[1]})
	}
	if os.Geteuid() == 0 {
		b.CredGenerator = user(firstUser + place)
	}
	env, err := b.Build()
	if errors.Is(err, syscall.EPERM) && b.CredGenerator != nil { // root of a namespace that lacks the id
		b.CredGenerator = nil
		env, err = b.Build()
	}
	if err != nil {
		return nil, fmt.Errorf("%w %s", err, said)
	}
	return env, nil
}

// tail keeps the end of what a container's first process has to say.
type tail struct {
	mu   sync.Mutex
	text []byte
}

func (t *tail) Write(p []byte) (int, error) {
	const most = 500
	t.mu.Lock()
	defer t.mu.Unlock()
	t.text = append(t.text, p...)
	t.text = t.text[max(0, len(t.text)-most):]
	return len(p), nil
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return string(bytes.TrimSpace(t.text))
}

func (c *containers) mounts() []mount.Mount {
	b := mount.NewBuilder()
	for _, path := range c.root.binds {
		b.WithBind(path, path[1:], true)
	}
	return b.WithTmpfs(workDir[1:], fmt.Sprintf("size=%d,nr_inodes=%d,mode=777", disk, diskFiles)).Mounts
}
