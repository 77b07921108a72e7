package slurm

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/r1ctl/r1ctl/internal/launch/record"
	"github.com/r1ctl/r1ctl/internal/r1"
)

// Name is the launcher's word in the config.
const Name = "slurm"

// handleVersion is the version of Handle.State.
const handleVersion = 1

// Config says what the launcher starts, where, and what it asks of Slurm.
type Config struct {
	Root    string   // folder of the attempts' folders, shared with the nodes
	Command []string // what to run; "--bucket B --spec KEY" is appended; it must call Main
	Env     []string // KEY=VALUE for the process, besides what the node gives; no secrets
	// CredentialsFile is handed on as R1CTL_CREDENTIALS_FILE, when set; the nodes must see it.
	CredentialsFile string
	Exec            Exec
	Queue           Queue
	// Poll is how old what squeue said may be: one question per Poll for all
	// attempts. 0 is 5 s.
	Poll time.Duration
}

// Queue is what sbatch is told of where to run. Empty leaves it to the cluster.
type Queue struct {
	Partition  string
	Account    string
	QOS        string
	Constraint string
	GRES       string   // what a GPU is called, such as gpu or gpu:h100; empty: gpu
	Args       []string // further options of sbatch
}

// Launcher runs attempts as jobs of Slurm.
type Launcher struct {
	cfg    Config
	poll   *poller
	settle time.Duration // what an unanswered sbatch has to show its job
}

var _ r1.Launcher = (*Launcher)(nil)

// New checks the config. Launchers over one root, also of several machines, are one launcher.
func New(cfg Config) (*Launcher, error) {
	switch {
	case len(cfg.Command) == 0:
		return nil, errors.New("slurm launcher: no command")
	case cfg.Root == "" || !filepath.IsAbs(cfg.Root):
		return nil, fmt.Errorf("slurm launcher: %q is no absolute path of a root folder", cfg.Root)
	case cfg.Exec == nil:
		return nil, errors.New("slurm launcher: nothing to run commands with")
	}
	if cfg.Poll == 0 {
		cfg.Poll = 5 * time.Second
	}
	if err := os.MkdirAll(cfg.Root, 0o700); err != nil {
		return nil, &r1.Error{Name: "slurm-scratch", Detail: "cannot make the attempts' folder", Remedy: "set scratch of the site to a folder that this machine and the nodes share and you may write to", Err: err}
	}
	cfg.Root = filepath.Clean(cfg.Root)
	return &Launcher{
		cfg:    cfg,
		poll:   &poller{look: func(ctx context.Context) (map[string][]job, error) { return queue(ctx, cfg.Exec) }, now: time.Now},
		settle: 3 * commandWait,
	}, nil
}

// Name implements r1.Launcher.
func (l *Launcher) Name() string { return Name }

// Capabilities implements r1.Launcher. Out of memory is told where the cluster confines
// memory by cgroups; notice of a preemption is the cluster's setting (docs/slurm.md).
func (l *Launcher) Capabilities() r1.Capabilities {
	return r1.Capabilities{Resources: true, Walltime: true, Notice: true,
		Outcomes: []r1.Outcome{r1.OutOfMemory, r1.TimedOut, r1.Preempted, r1.NodeLost, r1.Rejected}}
}

func (l *Launcher) present() error { return record.Present(l.cfg.Root) }

// name is the job's name: of the attempt, and of this root, as two installations may
// have runs of one name.
func (l *Launcher) name(key r1.AttemptKey) string {
	sum := sha256.Sum256([]byte(l.cfg.Root + "\n" + key.String()))
	return "r1-" + hex.EncodeToString(sum[:8])
}

// handleState is Handle.State: for people, as the key decides.
type handleState struct {
	Name string `json:"name"`
	Dir  string `json:"dir"`
}

func (l *Launcher) handle(key r1.AttemptKey, dir string) (r1.Handle, error) {
	return record.Handle(Name, handleVersion, key, handleState{Name: l.name(key), Dir: dir})
}

// open checks a handle and gives the attempt's folder.
func (l *Launcher) open(h r1.Handle) (string, error) {
	return record.Open(l.cfg.Root, Name, handleVersion, h)
}

// Find implements r1.Launcher.
func (l *Launcher) Find(ctx context.Context, key r1.AttemptKey) (r1.Handle, error) {
	dir, err := record.Dir(l.cfg.Root, key)
	if err != nil {
		return r1.Handle{}, err
	}
	if err := l.known(ctx, key, dir); err != nil {
		return r1.Handle{}, fmt.Errorf("find %s: %w", key, err)
	}
	return l.handle(key, dir)
}

// errUnanswered says that there may be a job soon.
var errUnanswered = errors.New("a submission got no answer, and may still become a job")

// known is nil for an attempt that exists, and ErrNotFound for one that does not.
func (l *Launcher) known(ctx context.Context, key r1.AttemptKey, dir string) error {
	e, err := gather(dir)
	if err != nil || e.end != nil {
		return err
	}
	jobs, err := l.poll.jobs(ctx, 0)
	if err != nil {
		return err
	}
	if e, err = gather(dir); err != nil {
		return err
	}
	switch {
	case e.end != nil, e.job != nil, e.claimed != "", len(jobs[l.name(key)]) > 0:
		return nil
	case e.intent != nil && time.Since(e.intent.Begun) < l.settle:
		return fmt.Errorf("%w (sbatch of %s)", errUnanswered, e.intent.Begun.Format(time.RFC3339))
	}
	// Asked last: had the folder gone away before, what was seen above means nothing.
	if err := l.present(); err != nil {
		return err
	}
	return r1.ErrNotFound
}

// Logs implements r1.Launcher: what the job that has the claim printed.
func (l *Launcher) Logs(_ context.Context, h r1.Handle, offset int64) (io.ReadCloser, error) {
	dir, err := l.open(h)
	if err != nil {
		return nil, err
	}
	id, err := holder(dir)
	if err == nil && (id == "" || id == nobody) {
		var j jobRecord
		if _, err = record.Read(dir, jobFile, &j); err == nil {
			id = j.ID
		}
	}
	if err != nil {
		return nil, fmt.Errorf("log of %s: %w", h.Key, err)
	}
	return record.Log(h.Key, filepath.Join(dir, "slurm-"+id+".log"), offset)
}
