package sandbox

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// bubblewrap runs each program in a container of its own, which the bwrap command makes.
type bubblewrap struct {
	path   string
	root   root
	filter []byte
}

func startBubblewrap(r root) (func(context.Context, int, Spec) Result, error) {
	path, err := exec.LookPath("bwrap")
	if err != nil {
		return nil, errors.New("bwrap is not installed")
	}
	if !exists(prlimit) {
		return nil, fmt.Errorf("%s is not installed", prlimit)
	}
	if err := prepareCommands(); err != nil {
		return nil, err
	}
	f, err := filter()
	if err != nil {
		return nil, err
	}
	var raw bytes.Buffer
	if err := binary.Write(&raw, binary.NativeEndian, f); err != nil {
		return nil, fmt.Errorf("write the seccomp filter: %w", err)
	}
	r.add(prlimit)
	return (&bubblewrap{path: path, root: r, filter: raw.Bytes()}).run, nil
}

// collecting runs a program, then writes files to the descriptors from 3 on.
const collecting = `import subprocess, sys
n = int(sys.argv[1])
code = subprocess.call(sys.argv[2 + 2 * n:])
for fd, name in zip(sys.argv[2:2 + n], sys.argv[2 + n:2 + 2 * n]):
    if code == 0:
        try:
            with open(name, "rb") as source, open(int(fd), "wb") as to: to.write(source.read())
        except OSError: pass
sys.exit(code if code >= 0 else 128 - code)`

func (b *bubblewrap) run(ctx context.Context, place int, spec Spec) Result {
	var open []*os.File // what the command inherits, from descriptor 3 on
	defer func() {
		for _, f := range open {
			_ = f.Close()
		}
	}()
	inherit := func(f *os.File) string {
		open = append(open, f)
		return strconv.Itoa(2 + len(open))
	}
	args := b.args()
	for _, name := range spec.names() {
		f, err := inMemory(spec.Files[name])
		if err != nil {
			return fault("copy files in: %w", err)
		}
		args = append(args, "--perms", "0755", "--file", inherit(f), filepath.Join(workDir, name))
	}
	f, err := inMemory(b.filter)
	if err != nil {
		return fault("pass the seccomp filter: %w", err)
	}
	args = append(args, "--seccomp", inherit(f))
	told, tell, err := os.Pipe()
	if err != nil {
		return fault("open pipes: %w", err)
	}
	defer told.Close()
	args = append(args, "--json-status-fd", inherit(tell))
	collected, err := b.collect(&spec, inherit)
	if err != nil {
		return fault("open pipes: %w", err)
	}
	cmd := exec.Command(b.path, append(append(args, "--"), prlimitArgs(spec)...)...)
	cmd.Env, cmd.ExtraFiles = []string{}, open
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if os.Geteuid() == 0 { // the limit of processes does not hold for root
		id := uint32(firstUser + 500 + place)
		cmd.SysProcAttr.Credential = &syscall.Credential{Uid: id, Gid: id}
	}
	res := runCommand(ctx, cmd, spec, func(pid int) { _ = syscall.Kill(pid, syscall.SIGKILL) })
	for _, f := range open {
		_ = f.Close()
	}
	_ = told.SetReadDeadline(time.Now().Add(drainTime))
	first, ended := readStatus(told)
	reap(first)
	if res.Status == Exited && !ended {
		return fault("bwrap: %s", bytes.TrimSpace(res.Stderr))
	}
	res.Files = collected(res.OK())
	return res
}

// readStatus reads what bwrap says of a run: the container's first process, 0 if
// there never was one, and whether the program ended by itself.
func readStatus(from io.Reader) (first int, ended bool) {
	for d := json.NewDecoder(from); ; {
		var line struct {
			First int  `json:"child-pid"`
			Code  *int `json:"exit-code"`
		}
		if d.Decode(&line) != nil {
			return first, ended
		}
		first, ended = max(first, line.First), ended || line.Code != nil
	}
}

func (b *bubblewrap) args() []string {
	args := []string{
		"--unshare-all", "--unshare-user", "--die-with-parent", "--new-session", "--clearenv",
		"--cap-drop", "ALL", "--uid", "1000", "--gid", "1000", "--hostname", "sandbox",
	}
	for _, v := range environment() {
		name, value, _ := strings.Cut(v, "=")
		args = append(args, "--setenv", name, value)
	}
	for _, path := range b.root.binds {
		how := "--ro-bind"
		if strings.HasPrefix(path, "/dev/") {
			how = "--dev-bind"
		}
		args = append(args, how, path, path)
	}
	for _, l := range b.root.linked() {
		args = append(args, "--symlink", l[1], l[0])
	}
	for _, path := range b.root.masks {
		args = append(args, "--tmpfs", path, "--remount-ro", path)
	}
	return append(args, "--perms", "0777", "--size", strconv.Itoa(disk), "--tmpfs", workDir, "--remount-ro", "/", "--chdir", workDir)
}

// collect wraps a program so that its files come back over pipes. What it
// gives reads them.
func (b *bubblewrap) collect(spec *Spec, inherit func(*os.File) string) (func(ok bool) map[string][]byte, error) {
	if len(spec.Collect) == 0 {
		return func(bool) map[string][]byte { return nil }, nil
	}
	type file struct {
		name string
		data chan []byte
	}
	var files []file
	var fds []string
	for _, name := range spec.Collect {
		from, to, err := os.Pipe()
		if err != nil {
			return nil, err
		}
		fds = append(fds, inherit(to))
		f := file{name, make(chan []byte, 1)}
		go func() {
			data, _ := io.ReadAll(io.LimitReader(from, disk))
			_ = from.Close()
			f.data <- data
		}()
		files = append(files, f)
	}
	args := append([]string{b.root.python, "-I", "-S", "-c", collecting, strconv.Itoa(len(fds))}, fds...)
	spec.Args = append(append(args, spec.Collect...), spec.Args...)
	return func(ok bool) map[string][]byte {
		out := map[string][]byte{}
		for _, f := range files {
			if data := <-f.data; ok && len(data) > 0 {
				out[f.name] = data
			}
		}
		return out
	}, nil
}

// inMemory is an open file that holds data and lies on no disk.
func inMemory(data []byte) (*os.File, error) {
	fd, err := unix.MemfdCreate("r1ctl", unix.MFD_CLOEXEC)
	if err != nil {
		return nil, err
	}
	f := os.NewFile(uintptr(fd), "memory")
	if _, err := f.Write(data); err != nil {
		_ = f.Close()
		return nil, err
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		_ = f.Close()
		return nil, err
	}
	return f, nil
}
