package agent

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/r1ctl/r1ctl/internal/artifact"
	"github.com/r1ctl/r1ctl/internal/fault"
	"github.com/r1ctl/r1ctl/internal/launch/childenv"
	"github.com/r1ctl/r1ctl/internal/r1"
)

// Store is what the agent needs of S3; *artifact.Store has it.
type Store interface {
	GetJSON(ctx context.Context, key string, v any) error
	PutJSON(ctx context.Context, key string, v any) error
	PutJSONIfAbsent(ctx context.Context, key string, v any) (won bool, err error)
	PutBytes(ctx context.Context, key string, data []byte) error
	Download(ctx context.Context, a r1.Artifact, dir string, o artifact.DownloadOptions) error
	DownloadFiles(ctx context.Context, name string, files []r1.ManifestEntry, dir string, o artifact.DownloadOptions) error
	Upload(ctx context.Context, dir string, o artifact.UploadOptions) (r1.Artifact, error)
	UploadFiles(ctx context.Context, dir, prefix string, files []artifact.File, progress func(done, total int64)) ([]r1.ManifestEntry, error)
	AnyDoomed(ctx context.Context, files []r1.ManifestEntry) (bool, error)
	FilesUnder(ctx context.Context, folder string) ([]artifact.Object, error)
	Delete(ctx context.Context, key string) error
}

var _ Store = (*artifact.Store)(nil)

// Config says which attempt to run, and with what.
type Config struct {
	Store   Store  // of the attempt's bucket
	SpecKey string // S3 key of the r1.Spec
	WorkDir string // the working folder; made here, removed at the end
	// CacheDir keeps inputs by digest, shared by all agents of the machine; empty keeps none.
	CacheDir string
	// CacheBytes is how much of it stays when an attempt has ended; default a
	// quarter of its file system.
	CacheBytes int64

	Trainer    []string // command; the path of job.json is appended
	TrainerEnv []string // KEY=VALUE, such as PYTHONPATH; no secrets
	// TrainerFor, where set, names another trainer for some attempts, with its
	// environment, which may hold what that trainer alone is to know; no command
	// leaves it to Trainer.
	TrainerFor func(spec r1.Spec) (command, environ []string)
	// Maker is this agent and its trainer, for the provenance of what they make.
	Maker *r1.Maker
	// Verifier is the command of the verifier service. It must print one line
	// {"url": "http://…"} to standard output when it is ready, and end when its
	// standard input closes.
	Verifier []string

	// Allocated is when the machine was given to the attempt, from which the
	// walltime counts; zero is what the launcher says, else now.
	Allocated time.Time
	// Grace is how long the trainer may take to save after SIGTERM. It must be
	// shorter than the launcher's own, or nothing of it gets uploaded. Default 30 s.
	Grace time.Duration
	// SaveMargin is how long before the end of the walltime the trainer is asked
	// to save. Default 2 min.
	SaveMargin time.Duration
	// Interval is the pace of heartbeats and uploads. Default 3 s.
	Interval time.Duration
	// Patience is how long the agent waits for an S3 that is away before it gives
	// up, before and after the training. Default 24 h.
	Patience time.Duration
	// ExitWait is how long the trainer may take to end after its summary. Default 5 min.
	ExitWait time.Duration
	// Stall is how long a trainer may write no metrics at least before it counts
	// as stalled; see silence. Default 2 h.
	Stall  time.Duration
	Logger *slog.Logger // default: discards
}

func (c Config) withDefaults() (Config, error) {
	if c.Store == nil || c.SpecKey == "" || len(c.Trainer) == 0 {
		return c, errors.New("agent: store, spec key and trainer command are required")
	}
	if c.WorkDir == "" {
		return c, errors.New("agent: no working folder")
	}
	dir, err := filepath.Abs(c.WorkDir)
	if err != nil {
		return c, fmt.Errorf("agent: working folder: %w", err)
	}
	c.WorkDir = dir
	if c.Allocated.IsZero() {
		c.Allocated = allocated(os.Getenv(childenv.Allocated), fault.Now())
	}
	defaultTo(&c.Grace, 30*time.Second)
	defaultTo(&c.SaveMargin, 2*time.Minute)
	defaultTo(&c.Interval, 3*time.Second)
	defaultTo(&c.Patience, 24*time.Hour)
	defaultTo(&c.ExitWait, 5*time.Minute)
	defaultTo(&c.Stall, 2*time.Hour)
	if c.Logger == nil {
		c.Logger = slog.New(slog.NewTextHandler(io.Discard, nil))
	}
	return c, nil
}

// allocated is when the launcher says that the machine was given to the attempt.
// A time to come is a clock that is wrong.
func allocated(said string, now time.Time) time.Time {
	if t, err := time.Parse(time.RFC3339Nano, said); err == nil && t.Before(now) {
		return t
	}
	return now
}

func defaultTo(d *time.Duration, value time.Duration) {
	if *d <= 0 {
		*d = value
	}
}

// Names in the working folder, besides those of the job contract.
const (
	jobFile    = "job.json"
	errorFile  = "error.json"
	trainerLog = "trainer.log"
	endedFile  = "ended.json"
	resumeDir  = "resume"
)
