package publish_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/r1ctl/r1ctl/internal/artifact"
	"github.com/r1ctl/r1ctl/internal/artifact/storetest"
	"github.com/r1ctl/r1ctl/internal/destination"
	"github.com/r1ctl/r1ctl/internal/publish"
	"github.com/r1ctl/r1ctl/internal/r1"
)

func TestMain(m *testing.M) { os.Exit(storetest.Main(m)) }

// place is a store, and the ways out of it.
type place struct {
	*testing.T
	store *artifact.Store
	*publish.Publisher
}

func newPlace(t *testing.T) *place {
	cfg := storetest.Config()
	p := &place{T: t, store: storetest.Open(t, cfg)}
	p.Publisher = &publish.Publisher{Store: p.store, OpenBucket: func(ctx context.Context, bucket string) (publish.Bucket, error) {
		to := cfg
		to.Bucket = bucket
		s, err := artifact.New(ctx, to)
		if err != nil {
			return nil, err
		}
		return s, s.EnsureBucket(ctx)
	}}
	return p
}

// weights is a model of one large and some small files.
func weights(seed string) map[string]string {
	return map[string]string{
		"config.json": `{"hidden_size": 8, "name": "` + seed + `"}`, "model.safetensors": strings.Repeat(seed+" weights ", 200_000),
		"sub/tokenizer.json": "{}", "README.md": "made by the trainer",
	}
}

// input stores an artifact and says what goes out of it, as job of run.
func (p *place) input(run string, typ r1.ArtifactType, files map[string]string, to string) publish.Input {
	p.Helper()
	dir := p.TempDir()
	for path, content := range files {
		file := filepath.Join(dir, filepath.FromSlash(path))
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			p.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
			p.Fatal(err)
		}
	}
	a, err := p.store.Upload(p.Context(), dir, artifact.UploadOptions{Name: "zero.model", Type: typ, Prefix: "r/" + run + "/zero/model"})
	if err != nil {
		p.Fatal(err)
	}
	m, err := p.store.Manifest(p.Context(), a)
	if err != nil {
		p.Fatal(err)
	}
	d, err := destination.Parse(to, "/")
	if err != nil {
		p.Fatal(err)
	}
	key := r1.JobKey{Run: run, Stage: "out", Job: r1.MainJob}
	sum := sha256.Sum256([]byte(run))
	return publish.Input{
		Publication: publish.Publication{Artifact: a, Files: publish.Paths(typ, m.Files), Recipe: "r", By: key, Fingerprint: hex.EncodeToString(sum[:]),
			Card: "# The card of " + run + "\n", Provenance: "{}\n"},
		To: d, Private: true, Attempt: 1, Dir: p.TempDir(),
	}
}

// want is what a destination holds besides the marker.
func want(run string, files map[string]string) map[string]string {
	out := maps.Clone(files)
	if card, ok := out["README.md"]; ok {
		out["README.artifact.md"] = card
	}
	out["README.md"], out["provenance.json"] = "# The card of "+run+"\n", "{}\n"
	return out
}

// folder reads a folder, without the marker, which must be there.
func (p *place) folder(dir string) map[string]string {
	p.Helper()
	out := map[string]string{}
	err := filepath.WalkDir(dir, func(at string, e os.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		raw, err := os.ReadFile(at)
		rel, _ := filepath.Rel(dir, at)
		out[filepath.ToSlash(rel)] = string(raw)
		return err
	})
	if err != nil {
		p.Fatal(err)
	}
	if out[publish.MarkerFile] == "" {
		p.Errorf("%s has no marker", dir)
	}
	delete(out, publish.MarkerFile)
	return out
}

func (p *place) publish(in publish.Input) publish.Record {
	p.Helper()
	rec, err := p.Publish(p.Context(), in)
	if err != nil {
		p.Fatal(err)
	}
	if why, err := p.Gone(p.Context(), rec); why != "" || err != nil {
		p.Errorf("just published, and gone: %s, %v", why, err)
	}
	return rec
}

func (p *place) refused(in publish.Input, name string) {
	p.Helper()
	_, err := p.Publish(p.Context(), in)
	if e, ok := r1.AsError(err); !ok || e.Name != name || e.Remedy == "" {
		p.Errorf("got %v, want the error %s", err, name)
	}
}

func (p *place) gone(rec publish.Record, why string) {
	p.Helper()
	got, err := p.Gone(p.Context(), rec)
	if err != nil || !strings.Contains(got, why) || got == "" {
		p.Errorf("gone is %q (%v), want %q", got, err, why)
	}
}

func differ(got, want map[string]string) string {
	if maps.Equal(got, want) {
		return ""
	}
	return strings.Join(slices.Sorted(maps.Keys(got)), " ") + " instead of " + strings.Join(slices.Sorted(maps.Keys(want)), " ")
}
