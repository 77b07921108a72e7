package program

import (
	"context"
	"time"

	"github.com/r1ctl/r1ctl/internal/sandbox"
)

// What a compiler may take.
const (
	compileTime   = 30 * time.Second
	compileMemory = 2 << 30
	largestBinary = 16 << 20 // it is copied in for each test
)

// local runs programs in the sandbox of this machine.
type local struct{ runner Runner }

// runnable is a program as files and a command.
type runnable struct {
	runner Runner
	args   []string
	files  map[string][]byte
}

func (l *local) prepare(ctx context.Context, language, code string) (executable, outcome) {
	return l.prepareWithin(ctx, language, code, compileTime)
}

func (l *local) prepareWithin(ctx context.Context, language, code string, limit time.Duration) (*runnable, outcome) {
	switch language {
	case "python":
		return &runnable{l.runner, []string{l.runner.Python(), "-s", "/w/main.py"}, map[string][]byte{"main.py": []byte(code)}}, outcome{}
	case "cpp":
		if l.runner.Compiler() == "" {
			return nil, outcome{state: unsupported}
		}
		return l.compile(ctx, code, limit)
	}
	return nil, outcome{state: unsupported}
}

func (l *local) compile(ctx context.Context, code string, limit time.Duration) (*runnable, outcome) {
	res := l.runner.Run(ctx, sandbox.Spec{
		Args:  []string{l.runner.Compiler(), "-std=gnu++17", "-O2", "-o", "/w/main", "/w/main.cpp"},
		Files: map[string][]byte{"main.cpp": []byte(code)}, Collect: []string{"main"},
		CPU: limit, Wall: 4 * limit, Memory: compileMemory,
	})
	out := read(res)
	switch {
	case out.state == faulted:
		return nil, out
	case out.state != ran || len(res.Files["main"]) == 0 || len(res.Files["main"]) > largestBinary:
		out.state = notCompiled
		if res.Status == sandbox.TimedOut {
			out.err = context.DeadlineExceeded
		}
		return nil, out
	}
	return &runnable{l.runner, []string{"/w/main"}, map[string][]byte{"main": res.Files["main"]}}, out
}

func (r *runnable) run(ctx context.Context, stdin []byte, l limits) outcome {
	return read(r.runner.Run(ctx, sandbox.Spec{
		Args: r.args, Files: r.files, Stdin: stdin, CPU: l.cpu, Wall: l.wall, Memory: l.memory, Output: l.output,
	}))
}

// read is a sandbox's result as an outcome.
func read(res sandbox.Result) outcome {
	out := outcome{state: failed, stdout: res.Stdout, stderr: res.Stderr, exitCode: res.ExitCode, cpu: res.CPU, wall: res.Wall, err: res.Err}
	if res.Status != sandbox.Exited {
		const killed = 9
		if out.exitCode = -res.Signal; res.Signal == 0 {
			out.exitCode = -killed
		}
	}
	switch {
	case res.Status == sandbox.Fault:
		out.state = faulted
	case res.Status == sandbox.TimedOut:
		out.state = timedOut
	case res.OK():
		out.state = ran
	}
	return out
}
