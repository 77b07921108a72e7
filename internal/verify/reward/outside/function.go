package outside

import (
	"context"
	_ "embed" // the shim
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/r1ctl/r1ctl/internal/r1"
	"github.com/r1ctl/r1ctl/internal/verify/python"
	"github.com/r1ctl/r1ctl/internal/verify/reward"
)

//go:embed shim.py
var shim string

// Options say how functions are run.
type Options struct {
	Python  string        // the interpreter
	Environ []string      // of the process; no secrets
	Dir     string        // its working folder, and where modules are looked for first
	Log     io.Writer     // gets what the function prints, and tracebacks
	Start   time.Duration // bounds the import; default 2 minutes
}

// Function is a reward computed by a Python function, in a process of its own.
// Calls take turns. A process that crashed, or was killed at its deadline, is
// started anew by the next call.
type Function struct {
	counts
	path    string
	timeout time.Duration
	options Options

	turn    chan struct{} // holds one token; who has it may touch what follows
	process *python.Process
	resume  time.Time // no start before it
	pause   time.Duration
	closed  bool
}

// NewFunction takes the parameters of a reward named python. Nothing is started.
func NewFunction(p reward.Params, o Options) *Function {
	if o.Start == 0 {
		o.Start = 2 * time.Minute
	}
	path, _ := p[reward.Python].(string)
	f := &Function{path: path, timeout: deadline(p), options: o, turn: make(chan struct{}, 1)}
	f.turn <- struct{}{}
	return f
}

// Start imports the function, so that a mistake shows before any row is scored.
func (f *Function) Start(ctx context.Context) error {
	if err := f.acquire(ctx); err != nil {
		return err
	}
	defer f.release()
	if err := f.ensure(ctx); err != nil {
		return &r1.Error{
			Name: "reward-function", Detail: fmt.Sprintf("the reward function %s cannot be used", f.path),
			Remedy: "import it with the trainer's Python (r1ctl setup -o json names it) from the same folder; PYTHONPATH is looked through as well", Err: err,
		}
	}
	return nil
}

// Score calls the function with all items at once.
func (f *Function) Score(ctx context.Context, items []reward.Item) []reward.Value {
	if len(items) == 0 {
		return nil
	}
	if f.acquire(ctx) != nil {
		return f.note(unknown(len(items), ReasonCancelled))
	}
	defer f.release()
	return f.note(f.score(ctx, items))
}

// Close ends the process.
func (f *Function) Close() {
	<-f.turn
	defer f.release()
	f.closed = true
	f.stop()
}

func (f *Function) acquire(ctx context.Context) error {
	select {
	case <-f.turn:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (f *Function) release() { f.turn <- struct{}{} }

func (f *Function) stop() {
	if f.process != nil {
		f.process.Stop()
		f.process = nil
	}
}

// ensure starts the process unless it runs. One that keeps failing to start is
// tried less and less often, at most once a minute.
func (f *Function) ensure(ctx context.Context) error {
	switch {
	case f.closed:
		return errors.New("it is closed")
	case f.process != nil:
		return nil
	case time.Now().Before(f.resume):
		return errors.New("it failed to start just now")
	}
	err := f.start(ctx)
	if err == nil {
		f.pause = 0
		return nil
	}
	f.stop()
	f.pause = min(max(2*f.pause, time.Second), time.Minute)
	f.resume = time.Now().Add(f.pause)
	return err
}

func (f *Function) start(ctx context.Context) error {
	var err error
	if f.process, err = python.Start(python.Command{
		Python: f.options.Python, Args: []string{"-c", shim, f.path}, Dir: f.options.Dir, Environ: f.options.Environ, Log: f.options.Log,
	}); err != nil {
		return err
	}
	var said struct {
		Ready bool   `json:"ready"`
		Error string `json:"error"`
	}
	raw, err := f.ask(ctx, nil, f.options.Start, answerLimit(0))
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		return fmt.Errorf("it was not imported within %v", f.options.Start)
	case err != nil:
		return fmt.Errorf("python ended before the function was imported: %w", err)
	case json.Unmarshal(raw, &said) != nil || !said.Ready && said.Error == "":
		return fmt.Errorf("it said %q", raw)
	case !said.Ready:
		return errors.New(said.Error)
	}
	return nil
}

// ask talks to the process; the end of ctx ends the wait.
func (f *Function) ask(ctx context.Context, line []byte, timeout time.Duration, limit int64) ([]byte, error) {
	return f.process.Ask(ctx, line, time.Now().Add(timeout), limit)
}

func (f *Function) score(ctx context.Context, items []reward.Item) []reward.Value {
	n := len(items)
	line, err := json.Marshal(call(items))
	if err != nil {
		return unknown(n, ReasonMalformed)
	}
	if f.ensure(ctx) != nil {
		return unknown(n, ReasonStart)
	}
	raw, err := f.ask(ctx, line, f.timeout, answerLimit(n))
	if err != nil {
		f.stop() // what it is at is unknown, and an answer that comes late is that of another call
		switch {
		case ctx.Err() != nil:
			return unknown(n, ReasonCancelled)
		case errors.Is(err, os.ErrDeadlineExceeded):
			return unknown(n, ReasonTimeout)
		case errors.Is(err, python.ErrTooLong), errors.Is(err, python.ErrMore):
			return unknown(n, ReasonMalformed)
		}
		return unknown(n, ReasonCrash)
	}
	var said struct {
		Rewards []json.RawMessage `json:"rewards"`
		Error   string            `json:"error"`
	}
	switch {
	case json.Unmarshal(raw, &said) != nil:
		return unknown(n, ReasonMalformed)
	case said.Error != "":
		return unknown(n, ReasonError)
	}
	return values(said.Rewards, n)
}

// request is what the shim reads: the arguments of a call.
type request struct {
	Prompts       []json.RawMessage            `json:"prompts"`
	Completions   []json.RawMessage            `json:"completions"`
	CompletionIDs []json.RawMessage            `json:"completion_ids"`
	Columns       map[string][]json.RawMessage `json:"columns"`
}

// call turns rows into columns; a row without one has null there.
func call(items []reward.Item) request {
	n := len(items)
	null := json.RawMessage("null")
	req := request{
		Prompts: make([]json.RawMessage, n), Completions: make([]json.RawMessage, n), CompletionIDs: make([]json.RawMessage, n),
		Columns: map[string][]json.RawMessage{},
	}
	for i, it := range items {
		req.Prompts[i], req.Completions[i], req.CompletionIDs[i] = null, null, null
		if completion, err := completionOf(it); err == nil {
			req.Completions[i] = completion
		}
		for name, value := range it.Row {
			switch name {
			case "prompt":
				req.Prompts[i] = value
			case "completion_ids":
				req.CompletionIDs[i] = value
			case "completion", "response":
			default:
				column := req.Columns[name]
				if column == nil {
					column = make([]json.RawMessage, n)
					for j := range column {
						column[j] = null
					}
					req.Columns[name] = column
				}
				column[i] = value
			}
		}
	}
	return req
}
