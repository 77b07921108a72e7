package activities

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"log/slog"
	"sync"
	"time"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/worker"

	"github.com/r1ctl/r1ctl/internal/artifact"
	"github.com/r1ctl/r1ctl/internal/r1"
	"github.com/r1ctl/r1ctl/internal/tasks"
)

// Store is what activities need of the artifact store.
type Store interface {
	GetJSON(ctx context.Context, key string, v any) error
	PutJSON(ctx context.Context, key string, v any) error
	PutJSONIfAbsent(ctx context.Context, key string, v any) (bool, error)
	GetBytes(ctx context.Context, key string) ([]byte, error)
	PutBytes(ctx context.Context, key string, data []byte) error
	Delete(ctx context.Context, key string) error
	FilesUnder(ctx context.Context, folder string) ([]artifact.Object, error)
	ListPrefixes(ctx context.Context, prefix string) iter.Seq2[string, error]
	FindCommit(ctx context.Context, l r1.Layout, key r1.JobKey) (r1.Commit, error)
	FindWhole(ctx context.Context, l r1.Layout, key r1.JobKey) (r1.Commit, error)
	FindEqual(ctx context.Context, fingerprint string, accept func(r1.Commit) bool) (r1.Commit, error)
	Commit(ctx context.Context, l r1.Layout, c r1.Commit) (r1.Commit, bool, error)
	Manifest(ctx context.Context, a r1.Artifact) (r1.Manifest, error)
	OpenFile(ctx context.Context, a r1.Artifact, path string) (io.ReadCloser, error)
	Compose(ctx context.Context, files []r1.ManifestEntry, o artifact.UploadOptions) (r1.Artifact, error)
	Upload(ctx context.Context, dir string, o artifact.UploadOptions) (r1.Artifact, error)
	Download(ctx context.Context, a r1.Artifact, dir string, o artifact.DownloadOptions) error
}

// Curator computes a curate job: rows in, rows and a funnel out, in outDir.
type Curator func(ctx context.Context, in CurateInput) (r1.Funnel, error)

// CurateInput is a curate job with its inputs on disk.
type CurateInput struct {
	Params json.RawMessage
	Seed   int64
	Inputs map[string]string // input name -> folder
	OutDir string
	Shards Shards
	// Progress is called now and then with the rows read so far.
	Progress func(rows int)
}

// Shards keeps what is found out about shards of rows, from one attempt to the next.
type Shards interface {
	Load(ctx context.Context, name string) ([]byte, error) // nil: there is none
	Save(ctx context.Context, name string, data []byte) error
}

// Site is how this place runs jobs.
type Site struct {
	Resources       r1.Resources
	Walltime        time.Duration
	VerifierURL     string // empty: the agent starts one beside the trainer
	Threads         int    // CPU threads of a trainer; 0 lets the trainer choose
	KeepCheckpoints int
	StopGrace       time.Duration // between SIGTERM and SIGKILL
	Poll            time.Duration // between looks at a running attempt
	// EndpointKeys names the variable with the key of each endpoint that has one.
	EndpointKeys map[string]string
}

// Activities carries what the activities depend on.
type Activities struct {
	Store    Store
	Launcher r1.Launcher
	Curate   Curator
	// Publisher brings artifacts out.
	Publisher Publisher
	// SumUp gives the numbers of sample rows, from the files that hold them.
	SumUp    func(ctx context.Context, files []func(context.Context) (io.ReadCloser, error)) (map[string]float64, int, error)
	Site     Site
	Bucket   string
	Queue    string // the attempts queue this process serves
	R1ctl    string // version of this binary, for the provenance of what it computes
	WorkDir  string // scratch space of computed jobs
	CacheDir string // downloaded inputs, by digest
	Log      *slog.Logger

	mu    sync.Mutex
	plans map[planKey]*r1.Plan

	past past
}

// planKey names a plan, which never changes: that of run.json, or of an amendment.
type planKey struct {
	run       string
	amendment int
}

// RegisterControl adds the activities of the control queue.
func (a *Activities) RegisterControl(w worker.ActivityRegistry) {
	add := func(name string, f any) {
		w.RegisterActivityWithOptions(f, activity.RegisterOptions{Name: name})
	}
	add(tasks.FindCommit, a.FindCommit)
	add(tasks.Compute, a.Compute)
	add(tasks.PrepareAttempt, a.PrepareAttempt)
	add(tasks.RecordStage, a.RecordStage)
	add(tasks.RecordRun, a.RecordRun)
	add(tasks.FindApproval, a.FindApproval)
	add(tasks.RecordApproval, a.RecordApproval)
	add(tasks.CheckGate, a.CheckGate)
	add(tasks.FindReview, a.FindReview)
	add(tasks.RecordReview, a.RecordReview)
	add(tasks.FindUnended, a.FindUnended)
}

// RegisterReap adds the activity of the queue on which this machine's attempts
// are stopped.
func (a *Activities) RegisterReap(w worker.ActivityRegistry) {
	w.RegisterActivityWithOptions(a.Reap, activity.RegisterOptions{Name: tasks.Reap})
}

// RegisterAttempts adds the activity of the attempts queue.
func (a *Activities) RegisterAttempts(w worker.ActivityRegistry) {
	w.RegisterActivityWithOptions(a.RunAttempt, activity.RegisterOptions{Name: tasks.RunAttempt})
}

// plan reads the plan that a job belongs to, once.
func (a *Activities) plan(ctx context.Context, ref tasks.JobRef) (*r1.Plan, error) {
	key := planKey{ref.Run, ref.Amendment}
	a.mu.Lock()
	cached := a.plans[key]
	a.mu.Unlock()
	if cached != nil {
		return cached, nil
	}
	plan, err := a.readPlan(ctx, ref.Layout(), ref.Amendment)
	if err != nil {
		return nil, err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.plans == nil {
		a.plans = map[planKey]*r1.Plan{}
	}
	a.plans[key] = plan
	return plan, nil
}

func (a *Activities) readPlan(ctx context.Context, l r1.Layout, amendment int) (*r1.Plan, error) {
	if amendment == 0 {
		var run r1.Run
		if err := a.Store.GetJSON(ctx, l.RunFile(), &run); err != nil {
			return nil, fmt.Errorf("read run %s: %w", l.Run, err)
		}
		return &run.Plan, nil
	}
	var change r1.Amendment
	if err := a.Store.GetJSON(ctx, l.Amendment(amendment), &change); err != nil {
		return nil, fmt.Errorf("read amendment %d of run %s: %w", amendment, l.Run, err)
	}
	if change.Plan == nil {
		return nil, permanent("plan-mismatch", "amendment %d of run %s has no plan", amendment, l.Run)
	}
	return change.Plan, nil
}

// planned finds a job in its plan.
func (a *Activities) planned(ctx context.Context, ref tasks.JobRef) (*r1.PlannedJob, error) {
	plan, err := a.plan(ctx, ref)
	if err != nil {
		return nil, err
	}
	stage := plan.Stage(ref.Stage)
	if stage == nil {
		return nil, permanent("plan-mismatch", "run %s has no stage %q", ref.Run, ref.Stage)
	}
	job := stage.Job(ref.Job)
	if job == nil {
		return nil, permanent("plan-mismatch", "stage %s of run %s has no job %q", ref.Stage, ref.Run, ref.Job)
	}
	return job, nil
}

// inputs finds the committed artifact behind each input of a job.
func (a *Activities) inputs(ctx context.Context, ref tasks.JobRef, job *r1.PlannedJob) (map[string]r1.Artifact, error) {
	in := make(map[string]r1.Artifact, len(job.Inputs))
	for name, from := range job.Inputs {
		key := r1.JobKey{Run: ref.Run, Stage: from.Stage, Job: from.Job}
		commit, err := a.Store.FindCommit(ctx, ref.Layout(), key)
		if err != nil {
			return nil, fmt.Errorf("find input %s (%s): %w", name, key, err)
		}
		art, ok := commit.Outputs[from.Output]
		if !ok {
			return nil, permanent("plan-mismatch", "commit of %s has no output %q", key, from.Output)
		}
		in[name] = art
	}
	return in, nil
}
