package program

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"time"

	"github.com/r1ctl/r1ctl/internal/sandbox"
)

// RunCodeRequest is the body of SandboxFusion's POST /run_code.
type RunCodeRequest struct {
	Code           string            `json:"code"`
	Language       string            `json:"language"`
	Stdin          string            `json:"stdin"`
	CompileTimeout float64           `json:"compile_timeout"` // seconds; 0 is 30
	RunTimeout     float64           `json:"run_timeout"`     // seconds; 0 is 10
	MemoryLimitMB  int64             `json:"memory_limit_MB"` // below 1 is the judge's own
	Files          map[string]string `json:"files"`           // by name, in base64
	FetchFiles     []string          `json:"fetch_files"`
}

// RunCodeResult is the answer to it. Status is Success, Failed (the program's
// own doing) or SandboxError (try again).
type RunCodeResult struct {
	Status          string            `json:"status"`
	Message         string            `json:"message"`
	CompileResult   *CommandResult    `json:"compile_result"`
	RunResult       *CommandResult    `json:"run_result"`
	ExecutorPodName *string           `json:"executor_pod_name"`
	Files           map[string]string `json:"files"`
}

// CommandResult is what became of a compiler or a program: Finished or
// TimeLimitExceeded; others of the kind know Error, for trouble of their own.
// The return code of a program that was killed is the signal's number below 0.
type CommandResult struct {
	Status        string   `json:"status"`
	ExecutionTime *float64 `json:"execution_time"` // seconds
	ReturnCode    *int     `json:"return_code"`
	Stdout        *string  `json:"stdout"`
	Stderr        *string  `json:"stderr"`
}

// The statuses of SandboxFusion.
const (
	statusSuccess      = "Success"
	statusFailed       = "Failed"
	statusSandboxError = "SandboxError"
	commandFinished    = "Finished"
	commandTimedOut    = "TimeLimitExceeded"
)

// What a request that says nothing gets, and the most that one may ask for.
const (
	usualRunTime   = 10
	longestRunTime = 300
)

// RunCode runs a program as SandboxFusion's /run_code does. Files go into the
// work folder beside the program.
func (j *Judge) RunCode(ctx context.Context, q RunCodeRequest) RunCodeResult {
	l, ok := j.backend.(*local)
	if !ok {
		return sandboxError(errors.New("there is no sandbox on this machine"))
	}
	files := map[string][]byte{}
	for name, text := range q.Files {
		data, err := base64.StdEncoding.DecodeString(text)
		if err != nil {
			return RunCodeResult{Status: statusFailed, Message: fmt.Sprintf("file %q is no base64", name)}
		}
		files[name] = data
	}
	exe, made := l.prepareWithin(ctx, plainLanguage(q.Language), q.Code, duration(q.CompileTimeout, compileTime.Seconds()))
	out := RunCodeResult{Status: statusSuccess, Files: map[string]string{}}
	if plainLanguage(q.Language) == "cpp" && made.state != unsupported {
		out.CompileResult = commandResult(made)
	}
	switch made.state {
	case faulted:
		return sandboxError(made.err)
	case unsupported:
		return RunCodeResult{Status: statusFailed, Message: fmt.Sprintf("language %q is not supported", q.Language)}
	case notCompiled:
		out.Status = statusFailed
		return out
	}
	for name, data := range exe.files {
		files[name] = data
	}
	spec := sandbox.Spec{Args: exe.args, Files: files, Stdin: []byte(q.Stdin), Collect: q.FetchFiles, Memory: j.options.Memory}
	// The caller's limit is of the wall clock.
	spec.Wall = duration(q.RunTimeout, usualRunTime)
	if spec.CPU = spec.Wall; q.MemoryLimitMB > 0 {
		spec.Memory = q.MemoryLimitMB << 20
	}
	res := l.runner.Run(ctx, spec)
	ended := read(res)
	if ended.state == faulted {
		return sandboxError(ended.err)
	}
	if out.RunResult = commandResult(ended); ended.state != ran {
		out.Status = statusFailed
	}
	for name, data := range res.Files {
		out.Files[name] = base64.StdEncoding.EncodeToString(data)
	}
	return out
}

func sandboxError(err error) RunCodeResult {
	return RunCodeResult{Status: statusSandboxError, Message: err.Error()}
}

func duration(seconds, usual float64) time.Duration {
	if !(seconds > 0) {
		seconds = usual
	}
	return time.Duration(min(seconds, longestRunTime) * float64(time.Second))
}

func commandResult(o outcome) *CommandResult {
	took, stdout, stderr := o.wall.Seconds(), string(o.stdout), string(o.stderr)
	r := &CommandResult{Status: commandFinished, ExecutionTime: &took, Stdout: &stdout, Stderr: &stderr}
	if o.state == timedOut || errors.Is(o.err, context.DeadlineExceeded) {
		r.Status = commandTimedOut
		return r
	}
	r.ReturnCode = &o.exitCode
	return r
}
