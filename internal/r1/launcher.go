package r1

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"time"
)

// ErrNotFound says that nothing is known under a key.
var ErrNotFound = errors.New("not found")

// Launcher puts attempts onto machines. Nothing in it assumes that the machine
// is this one. Every implementation passes the suite in internal/launch/launchtest.
type Launcher interface {
	// Name is the launcher's word in the config: local, slurm, kubernetes, ray.
	Name() string
	// Capabilities says what it can do, and never changes.
	Capabilities() Capabilities
	// Submit makes the attempt exist exactly once. Called again with the same
	// key, also by another process after a crash, it returns the same attempt. An
	// error leaves open whether the attempt exists: only Find can say.
	Submit(ctx context.Context, a Launch) (Handle, error)
	// Find returns the handle of an attempt that was submitted, or ErrNotFound,
	// which is a promise that nothing runs under the key. A scheduler that gives
	// no answer is another error.
	Find(ctx context.Context, key AttemptKey) (Handle, error)
	// Status never guesses: what cannot be known is StateUnknown with the reason,
	// or an error. ErrNotFound is the promise of Find.
	Status(ctx context.Context, h Handle) (Status, error)
	// Stop asks the attempt to end: SIGTERM, then SIGKILL after the grace time.
	// It is idempotent and returns when the request is accepted, not when the
	// attempt is gone. An attempt that was stopped before it began never begins.
	Stop(ctx context.Context, h Handle, grace time.Duration) error
	// Logs reads the launcher's own log of the attempt from a byte offset, also
	// when the attempt has ended.
	Logs(ctx context.Context, h Handle, offset int64) (io.ReadCloser, error)
}

// Capabilities are what launchers differ in.
type Capabilities struct {
	// MachineBound: attempts live on the machine of the worker that submits them,
	// and no other machine's worker can see them.
	MachineBound bool
	// Resources: it finds a place with Launch.Resources, and the attempt is
	// pending until there is one.
	Resources bool
	// Walltime: it ends an attempt whose Launch.Walltime is over by itself. Where it
	// does not, only the agent does.
	Walltime bool
	// Notice: an attempt that it ends (walltime, preemption) gets SIGTERM Launch.Notice before.
	Notice bool
	// Outcomes are those it can tell besides Succeeded, Failed and Stopped.
	Outcomes []Outcome
}

// Launch is what a launcher needs to know of an attempt. The agent fetches all
// else from SpecKey. Secrets are the launcher's configuration, not part of it.
type Launch struct {
	Key       AttemptKey
	Bucket    string
	SpecKey   string // S3 key of the Spec
	Resources Resources
	Walltime  time.Duration // counts from allocation; 0 is unlimited
	Notice    time.Duration // what the attempt needs between SIGTERM and its end, to save
	// Pass names environment variables that this attempt gets besides those that any
	// gets, with their values on the worker's machine, or where a scheduler sets them
	// itself, there. They may be secret: a launcher records names, never values.
	Pass []string
}

// Resources is what a job asks of a machine.
type Resources struct {
	CPUs   int `json:"cpus,omitempty"`
	GPUs   int `json:"gpus,omitempty"`
	Memory int `json:"memory_mib,omitempty"`
	Nodes  int `json:"nodes,omitempty"`
}

// Handle is enough for any worker to find an attempt again. State is opaque to
// all but the launcher, and versioned by it. One without State, of somebody who
// knows the key alone, does too.
type Handle struct {
	Launcher string          `json:"launcher"`
	Version  int             `json:"version"`
	Key      AttemptKey      `json:"key"`
	State    json.RawMessage `json:"state"`
}

// State is where an attempt is in its life.
type State string

// The states of an attempt.
const (
	StatePending State = "pending" // accepted, not running yet
	StateRunning State = "running"
	StateEnded   State = "ended"   // Status.Outcome says how
	StateUnknown State = "unknown" // cannot be said now; never a failure by itself
)

// Status is a launcher's view of an attempt.
type Status struct {
	State    State     `json:"state"`
	ID       string    `json:"id,omitempty"`        // the scheduler's own name for the attempt, for people
	Outcome  Outcome   `json:"outcome,omitempty"`   // when ended
	ExitCode int       `json:"exit_code,omitempty"` // 128+n for signal n; -1: nobody saw it
	Reason   string    `json:"reason,omitempty"`    // the scheduler's own words
	Host     string    `json:"host,omitempty"`
	Started  time.Time `json:"started,omitzero"`
	Ended    time.Time `json:"ended,omitzero"`
}

// Outcome is how an attempt ended.
type Outcome string

// The outcomes of an attempt.
const (
	Succeeded   Outcome = "succeeded"
	Failed      Outcome = "failed"
	OutOfMemory Outcome = "out-of-memory"
	TimedOut    Outcome = "timed-out"
	Preempted   Outcome = "preempted"
	NodeLost    Outcome = "node-lost"
	Stopped     Outcome = "stopped"
	Rejected    Outcome = "rejected"
)

// Class is why an attempt failed, which decides what happens next.
type Class string

// The failure classes (design section 7).
const (
	ClassPreempted      Class = "preempted"
	ClassInfrastructure Class = "infrastructure"
	ClassOOM            Class = "oom"
	ClassCapacity       Class = "capacity"
	ClassProgram        Class = "program"
	ClassDiverged       Class = "diverged"
	ClassConfig         Class = "config"
	ClassStopped        Class = "stopped" // somebody asked for it
)
