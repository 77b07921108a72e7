package program

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/hashicorp/go-retryablehttp"
)

// piston runs programs at a Piston service.
type piston struct {
	service
	mu       sync.Mutex
	runtimes []pistonRuntime // as last read; nil before
}

type pistonRuntime struct {
	Language string   `json:"language"`
	Version  string   `json:"version"`
	Aliases  []string `json:"aliases"`
}

type pistonProgram struct {
	at      *piston
	runtime pistonRuntime
	code    string
	name    string
}

type pistonFile struct {
	Name    string `json:"name"`
	Content string `json:"content"`
}

type pistonRequest struct {
	Language           string       `json:"language"`
	Version            string       `json:"version"`
	Files              []pistonFile `json:"files"`
	Stdin              string       `json:"stdin"`
	CompileTimeout     int64        `json:"compile_timeout"`      // ms
	RunTimeout         int64        `json:"run_timeout"`          // ms
	RunCPUTime         int64        `json:"run_cpu_time"`         // ms
	CompileMemoryLimit int64        `json:"compile_memory_limit"` // bytes
	RunMemoryLimit     int64        `json:"run_memory_limit"`     // bytes
}

type pistonAnswer struct {
	Message string       `json:"message"`
	Compile *pistonStage `json:"compile"`
	Run     *pistonStage `json:"run"`
}

type pistonStage struct {
	Stdout  string  `json:"stdout"`
	Stderr  string  `json:"stderr"`
	Code    *int    `json:"code"`
	Signal  *string `json:"signal"`
	Status  *string `json:"status"` // TO: time is out, and others; older versions have none
	Message *string `json:"message"`
	Wall    *int64  `json:"wall_time"` // ms
}

func (p *piston) prepare(ctx context.Context, language, code string) (executable, outcome) {
	known, err := p.languages(ctx)
	if err != nil {
		return nil, outcome{state: faulted, err: fmt.Errorf("ask Piston for its languages: %w", err)}
	}
	names := map[string][]string{"python": {"python", "python3"}, "cpp": {"c++", "cpp"}}[language]
	for _, r := range known {
		if slices.ContainsFunc(names, func(n string) bool { return r.Language == n || slices.Contains(r.Aliases, n) }) {
			return &pistonProgram{p, r, code, "main." + map[string]string{"python": "py", "cpp": "cpp"}[language]}, outcome{}
		}
	}
	return nil, outcome{state: unsupported}
}

func (p *piston) languages(ctx context.Context) ([]pistonRuntime, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.runtimes != nil {
		return p.runtimes, nil
	}
	ctx, stop := context.WithTimeout(ctx, (retries+1)*overhead)
	defer stop()
	q, err := retryablehttp.NewRequestWithContext(ctx, http.MethodGet, p.base+"/api/v2/runtimes", nil)
	if err != nil {
		return nil, err
	}
	var known []pistonRuntime
	if err := p.do(q, &known); err != nil {
		return nil, err
	}
	p.runtimes = known
	return known, nil
}

func (p *pistonProgram) run(ctx context.Context, stdin []byte, l limits) outcome {
	q := pistonRequest{
		Language: p.runtime.Language, Version: p.runtime.Version, Files: []pistonFile{{p.name, p.code}}, Stdin: string(stdin),
		CompileTimeout: compileTime.Milliseconds(), RunTimeout: l.wall.Milliseconds(), RunCPUTime: l.cpu.Milliseconds(),
		CompileMemoryLimit: -1, RunMemoryLimit: l.memory,
	}
	var answer pistonAnswer
	if err := p.at.post(ctx, "/api/v2/execute", l, q, &answer); err != nil {
		return outcome{state: faulted, err: fmt.Errorf("ask Piston: %w", err)}
	}
	return answer.outcome()
}

// outcome reads an answer. What it does not say plainly is a fault.
func (a pistonAnswer) outcome() outcome {
	unclear := outcome{state: faulted, err: fmt.Errorf("an unclear answer of Piston: %s", a.Message)}
	if c := a.Compile; c != nil && (c.Code == nil || *c.Code != 0) {
		if c.trouble() {
			return unclear
		}
		return outcome{state: notCompiled}
	}
	r := a.Run
	if r == nil || r.trouble() || r.Code == nil && r.Signal == nil && r.Status == nil {
		return unclear
	}
	out := outcome{state: failed, stdout: []byte(r.Stdout)}
	if r.Wall != nil {
		out.wall = time.Duration(*r.Wall) * time.Millisecond
	}
	switch {
	case r.Status != nil && *r.Status == "TO":
		out.state = timedOut
	case r.Code != nil && *r.Code == 0 && r.Signal == nil:
		out.state = ran
	}
	return out
}

// trouble is the service's own: XX is its word for it, and a machine that is
// out of processes says so in the program's name.
func (s pistonStage) trouble() bool {
	return s.Status != nil && *s.Status == "XX" || strings.Contains(s.Stderr, "Resource temporarily unavailable")
}
