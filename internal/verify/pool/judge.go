package pool

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"time"

	"github.com/r1ctl/r1ctl/internal/r1"
)

// Reasons of an unverified result.
const (
	ReasonTimeout     = "timeout"              // judging took too long
	ReasonCrash       = "verifier-crash"       // the process died, or did not speak the protocol
	ReasonUnavailable = "verifier-unavailable" // no process could be started, or the pool is closed
	ReasonGold        = "gold-unparsable"      // of mathematics
	ReasonFault       = "verifier-fault"       // the library failed on the item
	ReasonFamily      = "unknown-family"       // of puzzles, in this environment
	ReasonMalformed   = "malformed-item"       // the entry is no JSON object
	ReasonCancelled   = "cancelled"            // the caller no longer waits
)

// ReasonUnparsable is that of a wrong result whose answer could not be read.
const ReasonUnparsable = "answer-unparsable"

// Maths is an answer to compare with a gold answer.
type Maths struct {
	Gold   string // the reference answer: a formula, with mark-up or without
	Answer string // the text in which math-verify looks, e.g. the reply
	// OpenR1 reads the answer as open-r1 does (LaTeX only), and compares as
	// math-verify does. Otherwise formulas without mark-up are read whole, only what
	// is boxed counts where anything is, the gold must be a formula, and what
	// math-verify is known to call equal by mistake is not taken from it.
	OpenR1 bool
	// AnswerFirst gives math-verify the answer where the gold belongs, as open-r1
	// does in cosine and length. The comparison is not symmetric.
	AnswerFirst bool
}

// Puzzle is an answer to a puzzle of reasoning-gym.
type Puzzle struct {
	Family string
	Entry  json.RawMessage // the whole puzzle, as a row's verification_info has it
	Answer string          // what the scorer gets: the answer, not the response
	// Partial asks for the family's own score. It never changes the label, which is
	// correct for a score of 1 only.
	Partial bool
}

// Result is a judgement.
type Result struct {
	Label   r1.Label
	Reason  string // why unverified, or why wrong where that is known
	Answer  string // what was judged, as far as it could be read; at most 200 characters
	Version string // such as math-verify/0.9.0
	Score   *float64
	Took    time.Duration // in the process; not the wait for one
}

// The kinds of judgement; their libraries are imported one by one.
const (
	kindMaths  = "maths"
	kindPuzzle = "puzzle"
)

// Maths compares an answer with its gold answer. It is safe for concurrent use
// and waits for a free process, until ctx ends.
func (p *Pool) Maths(ctx context.Context, m Maths) Result {
	return p.judge(ctx, kindMaths, map[string]any{
		"gold": m.Gold, "answer": m.Answer, "openr1": m.OpenR1, "answer_first": m.AnswerFirst,
	})
}

// Puzzle judges an answer to a puzzle. It is safe for concurrent use and waits
// for a free process, until ctx ends.
func (p *Pool) Puzzle(ctx context.Context, q Puzzle) Result {
	if !json.Valid(q.Entry) {
		return unverified(ReasonMalformed)
	}
	return p.judge(ctx, kindPuzzle, map[string]any{
		"family": q.Family, "entry": q.Entry, "answer": q.Answer, "partial": q.Partial,
	})
}

// judge has a worker judge an item. When ctx ends first, the worker goes on with
// it for the little time it has, as a new one would cost more.
func (p *Pool) judge(ctx context.Context, kind string, item map[string]any) Result {
	id := p.nextID()
	line, err := json.Marshal(map[string]any{"id": id, kind: item})
	if err != nil {
		return unverified(ReasonMalformed)
	}
	w, err := p.acquire(ctx)
	switch {
	case errors.Is(err, errClosed):
		return unverified(ReasonUnavailable)
	case err != nil:
		return unverified(ReasonCancelled)
	}
	done := make(chan Result, 1)
	go func() {
		done <- w.judge(kind, id, line)
		w.renew()
		p.free <- w
	}()
	select {
	case r := <-done:
		return r
	case <-ctx.Done():
		return unverified(ReasonCancelled)
	}
}

func unverified(reason string) Result { return Result{Label: r1.Unverified, Reason: reason} }

// reply is a line from a process.
type reply struct {
	ID      string   `json:"id"`
	Label   r1.Label `json:"label"`
	Reason  string   `json:"reason"`
	Answer  string   `json:"answer"`
	Version string   `json:"version"`
	Score   *float64 `json:"score"`
	Error   string   `json:"error"` // of a load
}

// reasonOf says what an error in talking to a process costs the item.
func reasonOf(err error) string {
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return ReasonTimeout
	}
	return ReasonCrash
}
