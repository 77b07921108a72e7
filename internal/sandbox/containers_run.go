package sandbox

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/criyle/go-sandbox/container"
	"github.com/criyle/go-sandbox/pkg/rlimit"
	"github.com/criyle/go-sandbox/runner"
)

// stuckTime is how long after its end a container may take to say so.
const stuckTime = 10 * time.Second

// ownThreads is room for the container's first process, which counts as one of
// the program's where both are the same user.
const ownThreads = 16

// run runs a program in the container of a place, and empties it.
func (c *containers) run(ctx context.Context, place int, spec Spec) Result {
	env, err := c.box(place)
	if err != nil {
		return fault("%w", err)
	}
	if err := copyIn(env, spec); err != nil {
		c.discard(place, env)
		return fault("copy files in: %w", err)
	}
	res := c.execute(ctx, env, spec)
	if res.Status != Fault {
		if res.OK() {
			if res.Files, err = copyOut(env, spec.Collect); err != nil {
				res = fault("copy files out: %w", err)
			}
		}
		if err := env.Reset(); err == nil && res.Status != Fault {
			return res
		}
	}
	c.discard(place, env)
	return res
}

// execute runs a program in a container, from exec to the death of all its processes.
func (c *containers) execute(ctx context.Context, env container.Environment, spec Spec) Result {
	run, kill := context.WithTimeout(ctx, spec.Wall)
	defer kill()
	var why atomic.Value // the Status of whoever killed it first
	stop := func(s Status) {
		why.CompareAndSwap(nil, s)
		kill()
	}
	io, err := openStreams(spec.Stdin, spec.Output, func() { stop(OutputLimit) })
	if err != nil {
		return fault("open pipes: %w", err)
	}
	over := make(chan struct{})
	// A container that does not answer is ended from outside.
	stuck := time.AfterFunc(spec.Wall+stuckTime, func() { _ = env.Destroy() })
	began := time.Now()
	out := env.Execve(run, container.ExecveParam{
		Args: spec.Args, Env: environment(),
		Files:   []uintptr{io.child[0].Fd(), io.child[1].Fd(), io.child[2].Fd()},
		RLimits: limits(spec), Seccomp: c.filter,
		SyncFunc: func(pid int) error {
			dir := filepath.Join("/proc", strconv.Itoa(pid))
			// Where memory runs out, programs go first. It does not matter where that is refused.
			_ = os.WriteFile(filepath.Join(dir, "oom_score_adj"), []byte("1000"), 0)
			// The last program may have closed the work folder to this one.
			if err := os.Chmod(filepath.Join(dir, "root", workDir), 0o777); err != nil {
				return fmt.Errorf("open the work folder: %w", err)
			}
			go watch(parent(pid), spec.Memory+firstProcess(parent(pid)), spec.Processes, over, stop)
			return nil
		},
	})
	wall := time.Since(began)
	stuck.Stop()
	close(over)
	stdout, stderr := io.finish()
	res := Result{
		Stdout: stdout, Stderr: stderr, CPU: out.Time, Wall: wall, Memory: int64(out.Memory),
	}
	res.Status, res.ExitCode, res.Signal = ended(out, spec)
	killed, _ := why.Load().(Status)
	switch {
	case out.Status == runner.StatusRunnerError && strings.Contains(out.Error, "start: "):
		return fault("start %s: %s", spec.Args[0], out.Error)
	case out.Status == runner.StatusRunnerError:
		return Result{Status: Fault, Wall: wall, Err: fmt.Errorf("%w: %s", errLost, out.Error)}
	case killed != "":
		res.Status = killed
	case ctx.Err() != nil:
		return fault("run %s: %w", spec.Args[0], ctx.Err())
	case run.Err() != nil:
		res.Status = TimedOut
	}
	return res
}

// firstProcess is the memory of the container's own first process.
func firstProcess(pid int) int64 { return resident(filepath.Join("/proc", strconv.Itoa(pid))) }

// ended reads how the first process of a program ended.
func ended(out runner.Result, spec Spec) (status Status, code, signal int) {
	switch out.Status {
	case runner.StatusNormal, runner.StatusNonzeroExitStatus:
		if out.Time > spec.CPU {
			return TimedOut, 0, 0
		}
		return Exited, out.ExitStatus, 0
	case runner.StatusOutputLimitExceeded:
		return OutputLimit, 0, out.ExitStatus
	}
	signal = out.ExitStatus
	if signal == int(syscall.SIGXCPU) || out.Time >= spec.CPU {
		return TimedOut, 0, signal
	}
	return Signalled, 0, signal
}

func limits(spec Spec) []rlimit.RLimit {
	set := func(resource int, cur, hard uint64) rlimit.RLimit {
		return rlimit.RLimit{Res: resource, Rlim: syscall.Rlimit{Cur: cur, Max: hard}}
	}
	const processes, locked, queues, pending = 6, 8, 12, 11 // RLIMIT_NPROC, MEMLOCK, MSGQUEUE, SIGPENDING
	memory, cpu, tasks := uint64(spec.Memory)+stack, seconds(spec.CPU), uint64(spec.Processes)
	if os.Geteuid() != 0 {
		tasks += ownThreads
	}
	return []rlimit.RLimit{
		set(syscall.RLIMIT_CPU, cpu, cpu+1),
		set(syscall.RLIMIT_AS, memory, memory),
		set(syscall.RLIMIT_STACK, stack, stack),
		set(syscall.RLIMIT_FSIZE, disk, disk),
		set(syscall.RLIMIT_NOFILE, openFiles, openFiles),
		set(syscall.RLIMIT_CORE, 0, 0),
		set(processes, tasks, tasks),
		set(locked, 0, 0),
		set(queues, 0, 0),
		set(pending, 1024, 1024),
	}
}

// copyIn writes the files of a Spec into the work folder.
func copyIn(env container.Environment, spec Spec) error {
	names := spec.names()
	if len(names) == 0 {
		return nil
	}
	orders := make([]container.OpenCmd, len(names))
	for i, name := range names {
		orders[i] = container.OpenCmd{
			Path: filepath.Join(workDir, name), Flag: os.O_CREATE | os.O_WRONLY | os.O_EXCL, Perm: 0o755, MkdirAll: true,
		}
	}
	opened, err := env.Open(orders)
	if err != nil {
		return err
	}
	for i, o := range opened {
		if o.Err == nil {
			_, o.Err = o.File.Write(spec.Files[names[i]])
			err = firstOf(err, o.File.Close())
		}
		err = firstOf(err, o.Err)
	}
	return err
}

// copyOut reads files of the work folder. Nothing runs there any more.
func copyOut(env container.Environment, names []string) (map[string][]byte, error) {
	out := map[string][]byte{}
	for _, name := range names {
		opened, err := env.Open([]container.OpenCmd{{Path: filepath.Join(workDir, name), Flag: os.O_RDONLY}})
		if err != nil {
			return nil, err
		}
		if opened[0].Err != nil {
			continue // not there, or no regular file
		}
		data, err := io.ReadAll(io.LimitReader(opened[0].File, disk))
		_ = opened[0].File.Close()
		if err != nil {
			return nil, err
		}
		out[name] = data
	}
	return out, nil
}

func firstOf(err, next error) error {
	if err != nil {
		return err
	}
	return next
}
