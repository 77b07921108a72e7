package activities

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.temporal.io/sdk/testsuite"

	"github.com/r1ctl/r1ctl/internal/artifact"
	"github.com/r1ctl/r1ctl/internal/r1"
	"github.com/r1ctl/r1ctl/internal/tasks"
)

// memoryStore keeps objects in memory, with the store's conditional writes.
type memoryStore struct {
	mu      sync.Mutex
	objects map[string][]byte
	byPrint map[string]string // fingerprint -> commit key
	onGet   func(ctx context.Context, key string)
	// putFails is what an unconditional write answers.
	putFails error
}

func newMemoryStore() *memoryStore {
	return &memoryStore{objects: map[string][]byte{}, byPrint: map[string]string{}}
}

func (m *memoryStore) GetJSON(ctx context.Context, key string, v any) error {
	if m.onGet != nil {
		m.onGet(ctx, key)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	raw, ok := m.objects[key]
	if !ok {
		return fmt.Errorf("get %s: %w", key, r1.ErrNotFound)
	}
	return json.Unmarshal(raw, v)
}

func (m *memoryStore) PutJSON(_ context.Context, key string, v any) error {
	raw, err := json.Marshal(v)
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.putFails != nil {
		return m.putFails
	}
	m.objects[key] = raw
	return err
}

func (m *memoryStore) PutJSONIfAbsent(_ context.Context, key string, v any) (bool, error) {
	raw, err := json.Marshal(v)
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, there := m.objects[key]; there {
		return false, err
	}
	m.objects[key] = raw
	return true, err
}

func (m *memoryStore) GetBytes(_ context.Context, key string) ([]byte, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	raw, ok := m.objects[key]
	if !ok {
		return nil, fmt.Errorf("get %s: %w", key, r1.ErrNotFound)
	}
	return raw, nil
}

func (m *memoryStore) PutBytes(_ context.Context, key string, data []byte) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.putFails != nil {
		return m.putFails
	}
	m.objects[key] = data
	return nil
}

func (m *memoryStore) Delete(_ context.Context, key string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.objects, key)
	return nil
}

func (m *memoryStore) FilesUnder(_ context.Context, folder string) (out []artifact.Object, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, key := range slices.Sorted(maps.Keys(m.objects)) {
		if strings.HasPrefix(key, folder+"/") {
			out = append(out, artifact.Object{Key: key, Size: int64(len(m.objects[key]))})
		}
	}
	return out, nil
}

func (m *memoryStore) ListPrefixes(_ context.Context, prefix string) iter.Seq2[string, error] {
	m.mu.Lock()
	defer m.mu.Unlock()
	found := map[string]bool{}
	for key := range m.objects {
		if rest, ok := strings.CutPrefix(key, prefix); ok {
			if folder, _, deeper := strings.Cut(rest, "/"); deeper {
				found[prefix+folder+"/"] = true
			}
		}
	}
	names := slices.Sorted(maps.Keys(found))
	return func(yield func(string, error) bool) {
		for _, n := range names {
			if !yield(n, nil) {
				return
			}
		}
	}
}

func (m *memoryStore) Manifest(ctx context.Context, a r1.Artifact) (out r1.Manifest, err error) {
	return out, m.GetJSON(ctx, a.Prefix+"/"+r1.ManifestFile, &out)
}

func (m *memoryStore) OpenFile(ctx context.Context, a r1.Artifact, name string) (io.ReadCloser, error) {
	manifest, err := m.Manifest(ctx, a)
	if err != nil {
		return nil, err
	}
	for _, f := range manifest.Files {
		if f.Path == name {
			m.mu.Lock()
			defer m.mu.Unlock()
			return io.NopCloser(strings.NewReader(string(m.objects[f.Key]))), nil
		}
	}
	return nil, r1.ErrNotFound
}

func (m *memoryStore) Compose(ctx context.Context, files []r1.ManifestEntry, o artifact.UploadOptions) (r1.Artifact, error) {
	manifest := r1.Manifest{Version: 1, Name: o.Name, Type: o.Type, Producer: o.Producer, Files: files}
	_, err := m.PutJSONIfAbsent(ctx, o.Prefix+"/"+r1.ManifestFile, manifest)
	return r1.Artifact{Name: o.Name, Type: o.Type, Prefix: o.Prefix, SHA256: r1.ContentDigest(files), Bytes: manifest.Bytes(), Files: len(files)}, err
}

func (m *memoryStore) FindCommit(ctx context.Context, l r1.Layout, key r1.JobKey) (c r1.Commit, err error) {
	return c, m.GetJSON(ctx, l.Commit(key), &c)
}

func (m *memoryStore) FindWhole(ctx context.Context, l r1.Layout, key r1.JobKey) (r1.Commit, error) {
	return m.FindCommit(ctx, l, key)
}

func (m *memoryStore) FindEqual(ctx context.Context, fp string, accept func(r1.Commit) bool) (c r1.Commit, err error) {
	m.mu.Lock()
	key, ok := m.byPrint[fp]
	m.mu.Unlock()
	if !ok {
		return c, r1.ErrNotFound
	}
	if err := m.GetJSON(ctx, key, &c); err != nil || accept(c) {
		return c, err
	}
	return r1.Commit{}, r1.ErrNotFound
}

func (m *memoryStore) Commit(ctx context.Context, l r1.Layout, c r1.Commit) (r1.Commit, bool, error) {
	key := l.Commit(c.Key)
	won, err := m.PutJSONIfAbsent(ctx, key, c)
	if err != nil {
		return c, false, err
	}
	m.mu.Lock()
	if _, there := m.byPrint[c.Fingerprint]; !there && !c.Apart {
		m.byPrint[c.Fingerprint] = key
	}
	m.mu.Unlock()
	if !won {
		err = m.GetJSON(ctx, key, &c)
	}
	return c, won, err
}

func (m *memoryStore) Upload(_ context.Context, dir string, o artifact.UploadOptions) (r1.Artifact, error) {
	files, err := os.ReadDir(dir)
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, f := range files {
		raw, rerr := os.ReadFile(filepath.Join(dir, f.Name()))
		err = errors.Join(err, rerr)
		m.objects[o.Prefix+"/"+f.Name()] = raw
	}
	return r1.Artifact{Name: o.Name, Type: o.Type, URI: "s3://b/" + o.Prefix, Prefix: o.Prefix, Files: len(files)}, err
}

func (m *memoryStore) Download(_ context.Context, a r1.Artifact, dir string, _ artifact.DownloadOptions) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	for key, raw := range m.objects {
		if name, ok := strings.CutPrefix(key, a.Prefix+"/"); ok {
			if err := os.WriteFile(filepath.Join(dir, name), raw, 0o644); err != nil {
				return err
			}
		}
	}
	return nil
}

// scriptedLauncher plays attempts: onSubmit runs when one is first submitted,
// and what it leaves in states is their status.
type scriptedLauncher struct {
	mu       sync.Mutex
	states   map[string]r1.Status
	submits  map[string]int // real submissions, one a key if the activities are right
	stopped  []string
	onSubmit func(key r1.AttemptKey) r1.Status
	down     error // what Find answers while the scheduler is away
	// submitFails is what Submit answers.
	submitFails error
}

func newScriptedLauncher(onSubmit func(r1.AttemptKey) r1.Status) *scriptedLauncher {
	return &scriptedLauncher{states: map[string]r1.Status{}, submits: map[string]int{}, onSubmit: onSubmit}
}

func (s *scriptedLauncher) Name() string { return "scripted" }

func (s *scriptedLauncher) Capabilities() r1.Capabilities { return r1.Capabilities{} }

func (s *scriptedLauncher) Submit(_ context.Context, l r1.Launch) (r1.Handle, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.submitFails != nil {
		return r1.Handle{}, s.submitFails
	}
	h := r1.Handle{Launcher: "scripted", Version: 1, Key: l.Key, State: json.RawMessage(`{}`)}
	if _, known := s.states[l.Key.String()]; known {
		return h, nil
	}
	s.submits[l.Key.String()]++
	s.states[l.Key.String()] = s.onSubmit(l.Key)
	return h, nil
}

func (s *scriptedLauncher) Find(_ context.Context, key r1.AttemptKey) (r1.Handle, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.down != nil {
		return r1.Handle{}, s.down
	}
	if _, known := s.states[key.String()]; !known {
		return r1.Handle{}, r1.ErrNotFound
	}
	return r1.Handle{Launcher: "scripted", Version: 1, Key: key}, nil
}

func (s *scriptedLauncher) Status(_ context.Context, h r1.Handle) (r1.Status, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.states[h.Key.String()], nil
}

func (s *scriptedLauncher) set(key r1.AttemptKey, status r1.Status) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.states[key.String()] = status
}

func (s *scriptedLauncher) Stop(_ context.Context, h r1.Handle, _ time.Duration) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stopped = append(s.stopped, h.Key.String())
	s.states[h.Key.String()] = r1.Status{State: r1.StateEnded, Outcome: r1.Stopped}
	return nil
}

func (s *scriptedLauncher) Logs(context.Context, r1.Handle, int64) (io.ReadCloser, error) {
	return io.NopCloser(strings.NewReader("")), nil
}

// world is a run of two stages (rows, then model) with its activities.
type world struct {
	*Activities
	t        *testing.T
	store    *memoryStore
	launcher *scriptedLauncher
	layout   r1.Layout
	env      *testsuite.TestActivityEnvironment
}

var (
	ended   = r1.Status{State: r1.StateEnded, Outcome: r1.Succeeded}
	running = r1.Status{State: r1.StateRunning}
)

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{t: t, store: newMemoryStore(), layout: r1.Layout{Recipe: "small", Run: "r"}}
	w.launcher = newScriptedLauncher(func(r1.AttemptKey) r1.Status { return running })
	w.Activities = &Activities{
		Store: w.store, Launcher: w.launcher, Bucket: "b", WorkDir: t.TempDir(),
		Site: Site{Poll: time.Millisecond, StopGrace: time.Second, KeepCheckpoints: 2},
		Curate: func(_ context.Context, in CurateInput) (r1.Funnel, error) {
			if err := os.MkdirAll(in.OutDir, 0o755); err != nil {
				return r1.Funnel{}, err
			}
			return r1.Funnel{In: 3, Kept: 2, Dropped: []r1.FunnelCount{{Name: "correct", Reason: "wrong", Rows: 1}}},
				os.WriteFile(filepath.Join(in.OutDir, "data.jsonl"), []byte("{}\n{}\n"), 0o644)
		},
	}
	w.freeze(t, "r")
	var suite testsuite.WorkflowTestSuite
	w.env = suite.NewTestActivityEnvironment()
	w.RegisterControl(w.env)
	w.RegisterAttempts(w.env)
	w.RegisterReap(w.env)
	return w
}

// freeze puts a run with the world's plan into the store.
func (w *world) freeze(t *testing.T, id string) {
	t.Helper()
	run := r1.Run{ID: id, Recipe: "small", Plan: r1.Plan{Recipe: "small", Stages: []r1.PlannedStage{
		{Name: "rows", Kind: r1.KindCurate, Jobs: []r1.PlannedJob{{
			Stage: "rows", Name: r1.MainJob, Kind: r1.KindCurate, Fingerprint: strings.Repeat("a", 64),
			Outputs: []r1.OutputDecl{{Name: "data", Type: r1.TypeDataset, Path: "rows/data"}},
		}}},
		{Name: "sft", Kind: r1.KindSFT, Needs: []string{"rows"}, Jobs: []r1.PlannedJob{{
			Stage: "sft", Name: r1.MainJob, Kind: r1.KindSFT, Fingerprint: strings.Repeat("b", 64),
			Inputs:  map[string]r1.OutputRef{"data": {Stage: "rows", Job: r1.MainJob, Output: "data"}},
			Outputs: []r1.OutputDecl{{Name: "model", Type: r1.TypeModel, Path: "sft/model"}},
		}}},
	}}}
	if err := w.store.PutJSON(context.Background(), r1.Layout{Recipe: "small", Run: id}.RunFile(), run); err != nil {
		t.Fatal(err)
	}
}

func (w *world) ref(stage string) tasks.JobRef {
	return tasks.JobRef{Recipe: "small", Run: "r", Stage: stage, Job: r1.MainJob}
}

func (w *world) compute(t *testing.T) {
	t.Helper()
	if _, err := w.env.ExecuteActivity(tasks.Compute, w.ref("rows")); err != nil {
		t.Fatal(err)
	}
}

func (w *world) prepare(t *testing.T, after int) tasks.AttemptRef {
	t.Helper()
	v, err := w.env.ExecuteActivity(tasks.PrepareAttempt, tasks.PrepareInput{JobRef: w.ref("sft"), After: after})
	if err != nil {
		t.Fatal(err)
	}
	var ref tasks.AttemptRef
	if err := v.Get(&ref); err != nil {
		t.Fatal(err)
	}
	return ref
}

func (w *world) runAttempt(t *testing.T, ref tasks.AttemptRef) tasks.AttemptEnd {
	t.Helper()
	v, err := w.env.ExecuteActivity(tasks.RunAttempt, ref)
	if err != nil {
		t.Fatal(err)
	}
	var end tasks.AttemptEnd
	if err := v.Get(&end); err != nil {
		t.Fatal(err)
	}
	return end
}

// finish writes the attempt's last word, as its agent would.
func (w *world) finish(t *testing.T, attempt int, res r1.Result) {
	t.Helper()
	key := w.ref("sft").Key().Attempt(attempt)
	if err := w.store.PutJSON(context.Background(), w.layout.Attempt(key)+"/"+r1.ResultFile, res); err != nil {
		t.Fatal(err)
	}
}

// success is the result of an attempt that made its model.
func success() r1.Result {
	return r1.Result{Outcome: r1.Succeeded, Step: 10, Outputs: map[string]r1.Artifact{"model": {Name: "sft.model"}}}
}
