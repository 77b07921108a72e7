package retention

import (
	"context"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/r1ctl/r1ctl/internal/artifact"
	"github.com/r1ctl/r1ctl/internal/artifact/storetest"
	"github.com/r1ctl/r1ctl/internal/r1"
	"github.com/r1ctl/r1ctl/internal/runs"
)

// world is a bucket with runs of three stages: zero makes a model, pool samples
// rows with it, and mind is tuned on them.
type world struct {
	t     *testing.T
	store *artifact.Store
	open  map[string]bool
	now   time.Time
}

func newWorld(t *testing.T) *world {
	return &world{t: t, store: storetest.New(t), open: map[string]bool{}, now: time.Now().UTC()}
}

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

func fp(name string) string { return strings.Repeat("0", 64-2*len(name)) + hexOf(name) }

func hexOf(s string) string {
	const digits = "0123456789abcdef"
	var b strings.Builder
	for _, c := range []byte(s) {
		b.WriteByte(digits[c>>4])
		b.WriteByte(digits[c&15])
	}
	return b.String()
}

func plan(salt string) r1.Plan {
	stage := func(name string, kind r1.Kind, typ r1.ArtifactType, from string) r1.PlannedStage {
		job := r1.PlannedJob{Stage: name, Name: r1.MainJob, Kind: kind, Fingerprint: fp(salt + name),
			Outputs: []r1.OutputDecl{{Name: "out", Type: typ, Path: name + "/out"}}}
		if from != "" {
			job.Inputs = map[string]r1.OutputRef{"in": {Stage: from, Job: r1.MainJob, Output: "out"}}
		}
		return r1.PlannedStage{Name: name, Kind: kind, Jobs: []r1.PlannedJob{job},
			Outputs: map[string]r1.OutputRef{"out": {Stage: name, Job: r1.MainJob, Output: "out"}}}
	}
	return r1.Plan{Recipe: "full", Stages: []r1.PlannedStage{
		stage("zero", r1.KindGRPO, r1.TypeModel, ""),
		stage("pool", r1.KindSample, r1.TypeDataset, "zero"),
		stage("mind", r1.KindSFT, r1.TypeModel, "pool"),
	}}
}

// run creates a run. An ended one ended so many days ago.
func (w *world) run(id, salt string, state r1.RunState, daysAgo int) r1.Layout {
	w.t.Helper()
	at := w.now.Add(-time.Duration(daysAgo) * 24 * time.Hour)
	w.must(runs.Create(w.t.Context(), w.store, r1.Run{ID: id, Recipe: "full", Created: at, Plan: plan(salt)}))
	l := r1.Layout{Recipe: "full", Run: id}
	rec := r1.RunRecord{Run: id, State: state, Started: at}
	if state.Ended() {
		rec.Ended = at
	}
	w.must(w.store.PutJSON(w.t.Context(), l.StateFile(), rec))
	return l
}

// bytesOf is a file that is large enough to be stored once.
func bytesOf(seed string) []byte {
	return []byte(strings.Repeat(seed, (1<<20)/len(seed)+1))
}

// upload stores an artifact of an attempt.
func (w *world) upload(l r1.Layout, stage string, attempt int, files map[string][]byte) r1.Artifact {
	w.t.Helper()
	dir := w.t.TempDir()
	for name, data := range files {
		w.must(os.WriteFile(filepath.Join(dir, name), data, 0o600))
	}
	key := r1.JobKey{Run: l.Run, Stage: stage, Job: r1.MainJob}
	a, err := w.store.Upload(w.t.Context(), dir, artifact.UploadOptions{Name: stage + ".out", Type: r1.TypeModel, Producer: key.Attempt(attempt),
		Prefix: l.Artifact(r1.OutputDecl{Path: stage + "/out"}, attempt)})
	w.must(err)
	return a
}

// commit makes an artifact the output of a job.
func (w *world) commit(l r1.Layout, salt, stage string, attempt int, a r1.Artifact, daysAgo int) {
	w.t.Helper()
	p := plan(salt)
	kind := p.Stage(stage).Kind
	a.Type = p.Stage(stage).Jobs[0].Outputs[0].Type
	_, won, err := w.store.Commit(w.t.Context(), l, r1.Commit{Key: r1.JobKey{Run: l.Run, Stage: stage, Job: r1.MainJob}, Kind: kind,
		Fingerprint: fp(salt + stage), Attempt: attempt, Outputs: map[string]r1.Artifact{"out": a}, Ended: w.now.Add(-time.Duration(daysAgo) * 24 * time.Hour)})
	w.must(err)
	if !won {
		w.t.Fatalf("%s was committed before", stage)
	}
}

// make uploads and commits.
func (w *world) make(l r1.Layout, salt, stage string, daysAgo int) r1.Artifact {
	w.t.Helper()
	a := w.upload(l, stage, 1, map[string][]byte{"model.safetensors": bytesOf(salt + stage), "config.json": []byte("{}")})
	w.commit(l, salt, stage, 1, a, daysAgo)
	w.result(l, stage, 1, r1.Succeeded)
	return a
}

func (w *world) result(l r1.Layout, stage string, attempt int, o r1.Outcome) {
	w.t.Helper()
	key := r1.JobKey{Run: l.Run, Stage: stage, Job: r1.MainJob}.Attempt(attempt)
	w.must(w.store.PutJSON(w.t.Context(), path.Join(l.Attempt(key), r1.ResultFile), r1.Result{Key: key, Outcome: o}))
}

// checkpoint stores one; a torn one has no COMPLETE.
func (w *world) checkpoint(l r1.Layout, stage string, attempt, step int, whole bool, files ...r1.ManifestEntry) string {
	w.t.Helper()
	key := r1.JobKey{Run: l.Run, Stage: stage, Job: r1.MainJob}.Attempt(attempt)
	prefix := path.Join(l.Attempt(key), r1.CheckpointDir, "step-"+itoa(step))
	w.must(w.store.PutBytes(w.t.Context(), prefix+"/state.bin", []byte("state")))
	files = append(files, r1.ManifestEntry{Path: "state.bin", Size: 5, Key: prefix + "/state.bin"})
	if whole {
		w.must(w.store.PutJSON(w.t.Context(), prefix+"/"+r1.CompleteFile, r1.Checkpoint{Step: step, Prefix: prefix, Files: files}))
	}
	return prefix
}

func itoa(n int) string {
	if n >= 10 {
		return itoa(n/10) + itoa(n%10)
	}
	return string(rune('0' + n))
}

func (w *world) isOpen(_ context.Context, run string) (bool, error) { return w.open[run], nil }

func (w *world) survey(p Policy) *Found {
	w.t.Helper()
	found, err := Survey(w.t.Context(), w.store, p, w.isOpen, w.now)
	w.must(err)
	return found
}

func (w *world) sweeper(p Policy) *Sweeper {
	return &Sweeper{Store: w.store, Policy: p, Open: w.isOpen, Host: "here", PID: os.Getpid(), Now: w.now}
}

func (w *world) sweep(p Policy) *Swept {
	w.t.Helper()
	swept, err := w.sweeper(p).Sweep(w.t.Context(), w.survey(p))
	w.must(err)
	return swept
}

// prefixes are those of the items, below full/.
func prefixes(items []Item) []string {
	out := []string{}
	for _, i := range items {
		out = append(out, strings.TrimPrefix(i.Prefix, "full/"))
	}
	slices.Sort(out)
	return out
}

func (w *world) want(found []Item, want ...string) {
	w.t.Helper()
	slices.Sort(want)
	if got := prefixes(found); !slices.Equal(got, want) {
		w.t.Errorf("would remove\n  %s\nwant\n  %s", strings.Join(got, "\n  "), strings.Join(want, "\n  "))
	}
}

// whole checks that an artifact can be read, all of it.
func (w *world) whole(a r1.Artifact) {
	w.t.Helper()
	m, err := w.store.Manifest(w.t.Context(), a)
	w.must(err)
	damage, err := w.store.CheckFiles(w.t.Context(), m.Files, nil)
	w.must(err)
	if len(damage) > 0 {
		w.t.Errorf("%s is damaged: %+v", a.Prefix, damage)
	}
}

func (w *world) gone(key string) {
	w.t.Helper()
	there, err := w.store.Exists(w.t.Context(), key)
	w.must(err)
	if there {
		w.t.Errorf("%s is still there", key)
	}
}
