package chaos

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"

	"golang.org/x/sys/unix"
)

// diskSize is that of the disk that can be full. The engine refuses to start with
// less than a gibibyte free.
const diskSize = 1536 << 20

// diskRun is a run for a process that has namespaces of its own, in which it may
// mount a small disk under the state dir.
type diskRun struct {
	Binaries  Binaries
	Root      string
	Recipe    Recipe
	Label     string
	Orders    []Order
	Seed      uint64
	Reference map[string]string
}

// errNoNamespace says that this kernel does not let us mount anything.
var errNoNamespace = errors.New("this machine allows no user namespace with a mount of its own")

// onDisk runs a run in a process with a disk of its own.
func onDisk(ctx context.Context, run diskRun, say func(string)) (finding, error) {
	var f finding
	if err := os.MkdirAll(run.Root, 0o700); err != nil {
		return f, fmt.Errorf("make the folder of a run: %w", err)
	}
	raw, err := json.Marshal(run)
	if err != nil {
		return f, fmt.Errorf("encode a run: %w", err)
	}
	cmd := exec.CommandContext(ctx, run.Binaries.Self, verbDisk, run.Root)
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Setpgid: true, Cloneflags: syscall.CLONE_NEWUSER | syscall.CLONE_NEWNS,
		UidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}},
	}
	var out bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = bytes.NewReader(raw), &out, &lines{say: say}
	err = cmd.Run()
	if cmd.ProcessState == nil {
		return f, fmt.Errorf("%w: %w", errNoNamespace, err)
	}
	if cmd.ProcessState.ExitCode() == exitNoDisk {
		return f, errNoNamespace
	}
	if jerr := json.Unmarshal(out.Bytes(), &f); jerr != nil {
		return f, errors.Join(err, fmt.Errorf("read what the run on a disk of its own found: %w", jerr))
	}
	return f, err
}

// exitNoDisk says that no disk could be mounted.
const exitNoDisk = 77

// runDisk is the process with a disk of its own: a run as standard input, what it
// found as standard output.
func runDisk(ctx context.Context, root string) error {
	raw, err := io.ReadAll(os.Stdin)
	if err != nil {
		return fmt.Errorf("read the run: %w", err)
	}
	var run diskRun
	if err := json.Unmarshal(raw, &run); err != nil {
		return fmt.Errorf("read the run: %w", err)
	}
	c := newCensus()
	l := &laptop{bench{name: Disk, binaries: run.Binaries, root: root, census: c}}
	if err := os.MkdirAll(l.state(), 0o700); err != nil {
		return fmt.Errorf("make the state dir: %w", err)
	}
	err = unix.Mount("none", "/", "", unix.MS_REC|unix.MS_PRIVATE, "")
	if err == nil {
		err = unix.Mount("r1ctl-chaos", l.state(), "tmpfs", 0, fmt.Sprintf("size=%d,mode=700", int64(diskSize)))
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "cannot mount a disk:", err)
		os.Exit(exitNoDisk)
	}
	say := func(text string) { fmt.Fprintln(os.Stderr, text) }
	d := &drive{
		rig: l, recipe: run.Recipe, label: run.Label, orders: run.Orders, rng: rand.New(rand.NewPCG(run.Seed, 0)),
		sampler: newSampler(c, root), say: say,
		tell: func(label string, row Row) { say(label + ": " + row.line()) },
	}
	f, err := d.run(ctx, run.Reference)
	return errors.Join(err, json.NewEncoder(os.Stdout).Encode(f))
}

// fill takes all space of a file system, until undo.
func fill(dir string) (undo func() error, err error) {
	path := filepath.Join(dir, "ballast")
	f, err := os.Create(path)
	if err != nil {
		return nil, fmt.Errorf("fill the disk: %w", err)
	}
	defer f.Close()
	undo = func() error { return os.Remove(path) }
	var free unix.Statfs_t
	if err := unix.Fstatfs(int(f.Fd()), &free); err != nil {
		return undo, fmt.Errorf("fill the disk: %w", err)
	}
	size := int64(free.Bavail) * free.Bsize
	for step := size; step >= free.Bsize; {
		if unix.Fallocate(int(f.Fd()), 0, 0, size) == nil {
			size += step
			continue
		}
		step /= 2
		size -= step
	}
	_, werr := io.Copy(f, endless{}) // the last blocks
	if !errors.Is(werr, unix.ENOSPC) {
		return undo, fmt.Errorf("fill the disk: %w", werr)
	}
	return undo, nil
}

// endless is zeros without end.
type endless struct{}

func (endless) Read(p []byte) (int, error) { clear(p); return len(p), nil }

// lines says what is written to it, line by line.
type lines struct {
	say  func(string)
	rest []byte
}

func (l *lines) Write(p []byte) (int, error) {
	l.rest = append(l.rest, p...)
	for {
		line, rest, ok := bytes.Cut(l.rest, []byte("\n"))
		if !ok {
			return len(p), nil
		}
		l.say(string(line))
		l.rest = rest
	}
}
