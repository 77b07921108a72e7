package program

import (
	"context"
	"crypto/rand"
	_ "embed" // the script
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strings"
	"time"
)

//go:embed e2b.py
var e2bScript string

// e2b runs programs in E2B's sandboxes by way of a router, as open-r1 has one
// (scripts/e2b_router.py): E2B itself is spoken to through its SDK only. The router
// opens a sandbox for each script and runs it there.
type e2b struct{ service }

type e2bProgram struct {
	at   *e2b
	code string
}

type e2bRequest struct {
	Scripts        []string `json:"scripts"`
	Languages      []string `json:"languages"`
	Timeout        int      `json:"timeout"`         // s, of a sandbox
	RequestTimeout int      `json:"request_timeout"` // s, of the router's own requests
}

type e2bAnswer struct {
	Execution *struct {
		Logs struct {
			Stdout []string `json:"stdout"`
		} `json:"logs"`
		Error *struct {
			Name  string `json:"name"`
			Value string `json:"value"`
		} `json:"error"`
	} `json:"execution"`
	Exception *string `json:"exception_str"`
}

// e2bSaid is what the script prints.
type e2bSaid struct {
	Code    *int    `json:"code"`
	Late    bool    `json:"late"`
	Seconds float64 `json:"seconds"`
	Stdout  []byte  `json:"stdout"`
	Stderr  []byte  `json:"stderr"`
}

func (e *e2b) prepare(_ context.Context, language, code string) (executable, outcome) {
	if language != "python" { // its sandboxes have no compiler that one could count on
		return nil, outcome{state: unsupported}
	}
	return &e2bProgram{e, code}, outcome{}
}

func (p *e2bProgram) run(ctx context.Context, stdin []byte, l limits) outcome {
	mark := rand.Text()
	order, err := json.Marshal(map[string]any{
		"code": base64.StdEncoding.EncodeToString([]byte(p.code)), "stdin": base64.StdEncoding.EncodeToString(stdin), "mark": mark,
		"cpu": int(math.Ceil(l.cpu.Seconds())), "wall": l.wall.Seconds(), "memory": l.memory, "output": l.output,
	})
	if err != nil {
		return outcome{state: faulted, err: err}
	}
	q := e2bRequest{
		Scripts: []string{"ORDER = " + string(order) + "\n" + e2bScript}, Languages: []string{"python"}, // JSON of text and numbers is Python too
		Timeout: int(math.Ceil((l.wall + overhead/2).Seconds())), RequestTimeout: int(overhead.Seconds()),
	}
	var answers []e2bAnswer
	if err := p.at.post(ctx, "/execute_batch", l, q, &answers); err != nil {
		return outcome{state: faulted, err: fmt.Errorf("ask the E2B router: %w", err)}
	}
	said, err := e2bRead(answers, mark)
	if err != nil {
		return outcome{state: faulted, err: fmt.Errorf("the E2B router: %w", err)}
	}
	out := outcome{state: failed, stdout: said.Stdout, stderr: said.Stderr, wall: time.Duration(said.Seconds * float64(time.Second))}
	switch {
	case said.Late:
		out.state = timedOut
	case *said.Code == 0:
		out.state = ran
	default:
		out.exitCode = *said.Code
		if out.exitCode == -24 { // SIGXCPU
			out.state = timedOut
		}
	}
	return out
}

// e2bRead finds what the script said. What is not said plainly is a fault: a sandbox
// that never came up says nothing of the program.
func e2bRead(answers []e2bAnswer, mark string) (said e2bSaid, err error) {
	if len(answers) != 1 {
		return said, fmt.Errorf("%d answers to one script", len(answers))
	}
	switch a := answers[0]; {
	case a.Exception != nil:
		return said, errors.New(*a.Exception)
	case a.Execution == nil:
		return said, errors.New("no execution, and no reason")
	case a.Execution.Error != nil:
		return said, fmt.Errorf("%s: %s", a.Execution.Error.Name, a.Execution.Error.Value)
	default:
		_, line, found := strings.Cut(strings.Join(a.Execution.Logs.Stdout, ""), mark)
		if !found {
			return said, errors.New("the script did not say how the program ended")
		}
		if err := json.Unmarshal([]byte(line), &said); err != nil {
			return said, fmt.Errorf("read how the program ended: %w", err)
		}
		if said.Code == nil && !said.Late {
			return said, errors.New("the script did not say how the program ended")
		}
		return said, nil
	}
}
