package program

import (
	"context"
	"fmt"
	"time"
)

// fusion runs programs at a SandboxFusion service.
type fusion struct{ service }

type fusionProgram struct {
	at             *fusion
	language, code string
}

func (f *fusion) prepare(_ context.Context, language, code string) (executable, outcome) {
	if language != "python" && language != "cpp" {
		return nil, outcome{state: unsupported}
	}
	return &fusionProgram{f, language, code}, outcome{}
}

func (p *fusionProgram) run(ctx context.Context, stdin []byte, l limits) outcome {
	q := RunCodeRequest{
		Code: p.code, Language: p.language, Stdin: string(stdin), CompileTimeout: compileTime.Seconds(),
		RunTimeout: l.wall.Seconds(), MemoryLimitMB: l.memory >> 20, Files: map[string]string{}, FetchFiles: []string{},
	}
	var answer RunCodeResult
	if err := p.at.post(ctx, "/run_code", l, q, &answer); err != nil {
		return outcome{state: faulted, err: fmt.Errorf("ask SandboxFusion: %w", err)}
	}
	return answer.outcome()
}

// outcome reads an answer. What it does not say plainly is a fault.
func (r RunCodeResult) outcome() outcome {
	unclear := outcome{state: faulted, err: fmt.Errorf("an unclear answer of SandboxFusion: status %q, %s", r.Status, r.Message)}
	if r.Status != statusSuccess && r.Status != statusFailed {
		return unclear
	}
	if c := r.CompileResult; c != nil {
		switch {
		case c.Status == commandTimedOut, c.Status == commandFinished && c.ReturnCode != nil && *c.ReturnCode != 0:
			return outcome{state: notCompiled}
		case c.Status != commandFinished:
			return unclear
		}
	}
	c := r.RunResult
	if c == nil {
		return unclear
	}
	out := outcome{state: failed}
	if c.Stdout != nil {
		out.stdout = []byte(*c.Stdout)
	}
	if c.ExecutionTime != nil {
		out.wall = time.Duration(*c.ExecutionTime * float64(time.Second))
	}
	switch {
	case c.Status == commandTimedOut:
		out.state = timedOut
	case c.Status != commandFinished || c.ReturnCode == nil:
		return unclear
	case *c.ReturnCode == 0:
		out.state = ran
	}
	return out
}
