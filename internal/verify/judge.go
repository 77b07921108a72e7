package verify

import (
	"context"
	"log/slog"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/r1ctl/r1ctl/internal/r1"
	"github.com/r1ctl/r1ctl/internal/verify/pool"
	"github.com/r1ctl/r1ctl/internal/verify/reward"
)

// The verifiers that a row may name.
const (
	Integer      = "integer"       // an exact number
	Math         = "math"          // any mathematical answer
	Choice       = "choice"        // one option of several
	Countdown    = "countdown"     // the numbers game; needs no gold
	ReasoningGym = "reasoning-gym" // a puzzle; needs no gold
	Code         = "code"          // a program; needs no gold
	Text         = "text"          // the same words
	None         = "none"          // nothing can judge it
)

// Verifiers lists the names a row may carry.
func Verifiers() []string {
	return []string{Integer, Math, Choice, Countdown, ReasoningGym, Code, Text, None}
}

// VerifierOf is the verifier of a domain whose rows name none, or "". Domain logic
// has none: it depends on the row (logicOf).
func VerifierOf(domain string) string {
	switch domain {
	case "math":
		return Math
	case "code":
		return Code
	case "choice", "science", "stem":
		return Choice
	}
	return ""
}

// Formulas is the second opinion on mathematics; *pool.Pool has it.
type Formulas interface {
	Maths(ctx context.Context, m pool.Maths) pool.Result
}

// Puzzles judges puzzles of reasoning-gym; *pool.Pool has it.
type Puzzles interface {
	Puzzle(ctx context.Context, q pool.Puzzle) pool.Result
}

// Programs judges programs; *program.Judge has it.
type Programs interface {
	Programs(ctx context.Context, items []reward.Item, how reward.ProgramOptions) []reward.Program
	Verdict(ctx context.Context, it reward.Item) r1.Verdict
}

// Options are the parts that a Judge asks, and its limits. A part that is nil
// leaves unverified what needs it.
type Options struct {
	Formulas Formulas
	Puzzles  Puzzles
	Programs Programs
	// Default is the verifier of rows that name none and whose domain implies none;
	// default none.
	Default string
	// Bare says that completions are answers, with no response around them.
	Bare bool
	// Deadline bounds the slow part of an item, the wait for a free process not
	// included; default 150 s, as a program's tests may take 2 minutes together.
	Deadline time.Duration
	Workers  int          // quick items at once, and slow ones of each kind; default one a core
	Metrics  *Metrics     // default none
	Log      *slog.Logger // hears of audits that disagree; default discards
}

// Judge decides verdicts. It is safe for concurrent use.
type Judge struct {
	o          Options
	pool, runs chan struct{} // slots of items with the Python pool, and of programs
}

// New makes a Judge.
func New(o Options) *Judge {
	if o.Workers <= 0 {
		o.Workers = runtime.GOMAXPROCS(0)
	}
	if o.Deadline <= 0 {
		o.Deadline = 150 * time.Second
	}
	if o.Default == "" {
		o.Default = None
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return &Judge{o: o, pool: make(chan struct{}, o.Workers), runs: make(chan struct{}, o.Workers)}
}

// Judgement is a verdict with what is known of its making.
type Judgement struct {
	Verdict r1.Verdict
	Took    time.Duration // the wait for a free process not included
	Audit   *Audit        // of a verdict that was judged a second time

	verifier string // one of Verifiers, or "unknown"
}

// Audit is a second opinion on a verdict of tier 0 or 1.
type Audit struct {
	Agrees   *bool    `json:"agrees"` // null where the second opinion is none
	Label    r1.Label `json:"label"`
	Reason   string   `json:"reason,omitempty"`
	Verifier string   `json:"verifier"`
}

// rest is the slow part of an item.
type rest struct {
	slots chan struct{}
	run   func(ctx context.Context) (r1.Verdict, *Audit)
}

// verifier is the name of the verifier that an item wants.
func (j *Judge) verifier(it reward.Item) string {
	if it.Verifier != "" {
		return it.Verifier
	}
	if v := VerifierOf(it.Domain); v != "" {
		return v
	}
	if it.Domain == "logic" {
		return logicOf(it)
	}
	return j.o.Default
}

// begin settles an item, or says what is left to do. It never panics.
func (j *Judge) begin(it reward.Item, how reward.Convention, audit float64) (done Judgement, left *rest) {
	name := j.verifier(it)
	done.verifier = name
	defer func() {
		if recover() != nil {
			done.Verdict, left = r1.Verdict{Label: r1.Unverified, Reason: ReasonFault, Verifier: name}, nil
		}
	}()
	if how.OpenR1 && (name == Integer || name == Math) {
		left = j.upstream(it, how)
		return done, left
	}
	switch name {
	case Integer:
		done.Verdict = compare("integer/1", it, lastToken, parseNumber)
	case Text:
		done.Verdict = compare("text/1", it, lastLine, parseText)
	case Choice:
		done.Verdict = judgeChoice(it)
	case Countdown:
		done.Verdict = judgeCountdown(it)
	case Math:
		done.Verdict, left = j.maths(it, audit)
	case ReasoningGym:
		done.Verdict, left = j.puzzle(it)
	case Code:
		done.Verdict, left = j.program(it)
	case None:
		done.Verdict = r1.Verdict{Label: r1.Unverified, Reason: ReasonNoVerifier, Verifier: "none/1"}
	default:
		done.verifier = "unknown"
		done.Verdict = r1.Verdict{Label: r1.Unverified, Reason: ReasonUnknownVerifier, Verifier: clip(name)}
	}
	return done, left
}

// compare judges by a canonical form: two answers are equal when their canonical
// forms are. The gold answer is read first.
func compare(version string, it reward.Item, plain func(string) string, parse func(string) (canonical, reason string)) r1.Verdict {
	say := func(label r1.Label, reason, answer string) r1.Verdict {
		return r1.Verdict{Label: label, Reason: reason, Answer: clip(answer), Verifier: version}
	}
	if noGold(it) {
		return say(r1.Unverified, ReasonGoldMissing, "")
	}
	if len(*it.Gold) > maxAnswer {
		return say(r1.Unverified, ReasonGoldUnparsable, "")
	}
	gold, reason := parse(*it.Gold)
	if reason != "" {
		return say(r1.Unverified, ReasonGoldUnparsable, "")
	}
	answer, reason := extract(it.Text(), plain)
	if reason != "" {
		return say(r1.Wrong, reason, "")
	}
	if len(answer) > maxAnswer {
		return say(r1.Wrong, ReasonUnparsable, answer)
	}
	got, reason := parse(answer)
	if reason != "" {
		return say(r1.Wrong, reason, answer)
	}
	if got != gold {
		return say(r1.Wrong, "", answer)
	}
	return say(r1.Correct, "", answer)
}

func noGold(it reward.Item) bool { return it.Gold == nil || strings.TrimSpace(*it.Gold) == "" }

// parseText reads words: case, white space and the dress of an answer do not count.
func parseText(text string) (canonical, reason string) {
	s := strings.ToLower(strings.Join(strings.Fields(undress(text)), " "))
	if s == "" {
		return "", ReasonUnparsable
	}
	return s, ""
}

// Known says whether a name is one of Verifiers.
func Known(verifier string) bool { return slices.Contains(Verifiers(), verifier) }
