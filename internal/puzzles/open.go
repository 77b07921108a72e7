package puzzles

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/r1ctl/r1ctl/internal/r1"
)

// Options say where puzzles are made.
type Options struct {
	Python  string   // the interpreter of the trainer's environment
	Environ []string // the whole environment of the process, without secrets
	// Stall is how long making one puzzle may take; default 5 minutes.
	Stall time.Duration
}

// verifier judges the rows.
const verifier = "reasoning-gym"

// testShare is one in how many puzzles is a test puzzle.
const testShare = 5

// row is a problem row of docs/job-contract.md, with what judging it needs.
type row struct {
	ID       string          `json:"id"`
	Domain   string          `json:"domain"`
	Prompt   string          `json:"prompt"`
	Gold     string          `json:"gold,omitempty"`
	Verifier string          `json:"verifier"`
	Split    string          `json:"split"`
	Info     json.RawMessage `json:"verification_info"`
}

// Open checks an address, and returns a function that makes its rows: JSON lines,
// exactly as many as the address says. Each call makes them anew, and equally.
// Reading fails, and never ends early, where the rows cannot be made:
// puzzle-settings (the family refuses them), puzzles-too-few (the family has not
// enough different ones in the split) and puzzles-failed. Closing the reader ends
// the making.
func Open(text string, o Options) (func(ctx context.Context) (io.ReadCloser, error), error) {
	a, err := Parse(text)
	if err != nil {
		return nil, err
	}
	if o.Stall <= 0 {
		o.Stall = 5 * time.Minute
	}
	return func(ctx context.Context) (io.ReadCloser, error) {
		ctx, cancel := context.WithCancelCause(ctx)
		out, in := io.Pipe()
		done := make(chan struct{})
		go func() {
			defer close(done)
			defer cancel(nil)
			_ = in.CloseWithError(a.write(ctx, cancel, o, in))
		}()
		return &reader{out, cancel, done}, nil
	}, nil
}

// reader waits on Close until the process is gone.
type reader struct {
	*io.PipeReader
	cancel context.CancelCauseFunc
	done   chan struct{}
}

func (r *reader) Close() error {
	r.cancel(context.Canceled)
	_ = r.PipeReader.Close()
	<-r.done
	return nil
}

var errStalled = errors.New("it made no puzzle for too long")

// write makes the rows. One puzzle that is never done ends it by cancel.
func (a Address) write(ctx context.Context, cancel context.CancelCauseFunc, o Options, out io.Writer) error {
	args := a.arguments()
	g, err := start(ctx, o, args)
	if err != nil {
		return a.failed(args, err, "")
	}
	watch := time.AfterFunc(o.Stall, func() { cancel(errStalled) })
	defer watch.Stop()
	rows, err := 0, error(nil)
	lines := bufio.NewReaderSize(g.rows, 1<<20)
	for rows < a.Size && err == nil {
		var line []byte
		if line, err = lines.ReadBytes('\n'); err != nil {
			break
		}
		watch.Stop() // whoever reads the rows may take any time
		var took bool
		if took, err = a.pass(line, out); took {
			rows++
		}
		watch.Reset(o.Stall)
	}
	watch.Stop()
	if rows == a.Size && err == nil {
		g.stop()
		return nil
	}
	if !errors.Is(err, io.EOF) {
		g.stop()
	}
	said, end := g.wait()
	var exit *exec.ExitError
	switch {
	case ctx.Err() != nil && !errors.Is(context.Cause(ctx), errStalled):
		return ctx.Err()
	case errors.Is(context.Cause(ctx), errStalled):
		return a.failed(args, errStalled, said)
	case !errors.Is(err, io.EOF):
		return a.failed(args, err, said)
	case errors.As(end, &exit) && exit.ExitCode() == 2:
		return &r1.Error{
			Name: "puzzle-settings", Detail: fmt.Sprintf("%s cannot be made: %s", a, said),
			Remedy: "correct the settings in the address; docs/puzzles.md says how they are written",
		}
	case end != nil:
		return a.failed(args, fmt.Errorf("it ended after %d of %d rows: %w", rows, a.Size, end), said)
	case a.Split == "":
		return a.failed(args, fmt.Errorf("it ended after %d of %d rows", rows, a.Size), said)
	}
	return &r1.Error{
		Name: "puzzles-too-few", Detail: fmt.Sprintf("%s: only %d of %d puzzles made belong to the split", a, rows, a.drawn()),
		Remedy: "ask for fewer rows, or for settings that make more different puzzles",
	}
}

// drawn is how many puzzles are made to find those of a split.
func (a Address) drawn() int {
	if a.Split == "" {
		return a.Size
	}
	return 2*testShare*a.Size + 64
}

// arguments are those of r1trainer.puzzles.
func (a Address) arguments() []string {
	settings, err := encode(a.Settings)
	if err != nil {
		panic(fmt.Sprintf("puzzles: encode settings: %v", err)) // they were made by encode
	}
	return []string{"generate", a.Family, strconv.Itoa(a.drawn()), strconv.FormatInt(a.Seed, 10), string(settings)}
}

// pass writes the row of a puzzle, if it is in the split asked for.
func (a Address) pass(line []byte, out io.Writer) (bool, error) {
	r := row{Domain: a.Domain}
	if err := json.Unmarshal(line, &r); err != nil {
		return false, fmt.Errorf("it wrote what is no row: %w", err)
	}
	if r.Prompt == "" || r.Verifier != verifier || len(r.Info) == 0 {
		return false, fmt.Errorf("it wrote a row that lacks something: %.100s", line)
	}
	if r.ID, r.Split = identify(r.Domain, r.Prompt); a.Split != "" && r.Split != a.Split {
		return false, nil
	}
	raw, err := encode(r)
	if err != nil {
		return false, err
	}
	_, err = out.Write(append(raw, '\n'))
	return true, err
}

// identify is how every source makes the id of a problem, and how tiny:// finds
// its split.
func identify(domain, prompt string) (id, split string) {
	sum := sha256.Sum256([]byte(domain + "\n" + prompt))
	split = Train
	if sum[31]%testShare == 0 {
		split = Test
	}
	return hex.EncodeToString(sum[:8]), split
}

func (a Address) failed(args []string, err error, said string) error {
	detail := fmt.Sprintf("the puzzles of %s could not be made", a)
	if said != "" {
		detail += ": " + said
	}
	quoted := slices.Clone(args)
	last := &quoted[len(quoted)-1] // the settings, for a shell
	*last = "'" + strings.ReplaceAll(*last, "'", `'\''`) + "'"
	return &r1.Error{
		Name: "puzzles-failed", Detail: detail, Err: err,
		Remedy: "see what it says by itself, in the trainer's environment (r1ctl setup -o json names it): PYTHONHASHSEED=0 python -m r1trainer.puzzles " +
			strings.Join(quoted, " "),
	}
}
