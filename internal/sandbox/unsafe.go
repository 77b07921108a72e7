package sandbox

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
)

// startUnsafe runs programs as ourselves in a folder of the host, with limits
// and without walls. Only for machines that hold nothing of worth.
func startUnsafe() (func(context.Context, int, Spec) Result, error) {
	if !exists(prlimit) {
		return nil, fmt.Errorf("%s is not installed", prlimit)
	}
	return runUnsafe, prepareCommands()
}

func runUnsafe(ctx context.Context, _ int, spec Spec) Result {
	dir, err := os.MkdirTemp("", "r1ctl-unsafe-")
	if err != nil {
		return fault("make a work folder: %w", err)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	for _, name := range spec.names() {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return fault("copy files in: %w", err)
		}
		if err := os.WriteFile(path, spec.Files[name], 0o755); err != nil {
			return fault("copy files in: %w", err)
		}
	}
	args := make([]string, len(spec.Args))
	for i, arg := range spec.Args {
		if args[i] = arg; arg == workDir || strings.HasPrefix(arg, workDir+"/") {
			args[i] = dir + arg[len(workDir):]
		}
	}
	spec.Args = args
	limited := spec
	limited.Processes += 1 << 16 // counted over all processes of the user: the watch has the real limit
	cmd := exec.Command(prlimit, prlimitArgs(limited)[1:]...)
	cmd.Dir, cmd.Env = dir, environment()
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	res := runCommand(ctx, cmd, spec, func(pid int) { _ = syscall.Kill(-pid, syscall.SIGKILL) })
	if cmd.Process != nil {
		reap(-cmd.Process.Pid)
	}
	if res.OK() && len(spec.Collect) > 0 {
		res.Files = map[string][]byte{}
		for _, name := range spec.Collect {
			if data, err := os.ReadFile(filepath.Join(dir, name)); err == nil {
				res.Files[name] = data
			}
		}
	}
	return res
}
