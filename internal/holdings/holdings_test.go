package holdings

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/r1ctl/r1ctl/internal/artifact"
	"github.com/r1ctl/r1ctl/internal/artifact/storetest"
	"github.com/r1ctl/r1ctl/internal/r1"
	"github.com/r1ctl/r1ctl/internal/runs"
)

// made is a run whose stage zero has two outputs, of which one is committed by each
// job, and whose stage mind is not committed.
func made(t *testing.T) (*artifact.Store, *r1.Run) {
	t.Helper()
	s := storetest.New(t)
	out := func(stage string, names ...string) r1.PlannedStage {
		p := r1.PlannedStage{Name: stage, Outputs: map[string]r1.OutputRef{}}
		for _, n := range names {
			p.Jobs = append(p.Jobs, r1.PlannedJob{Stage: stage, Name: n})
			p.Outputs[n] = r1.OutputRef{Stage: stage, Job: n, Output: "model"}
		}
		return p
	}
	run := &r1.Run{ID: "r", Recipe: "full", Created: time.Now().UTC(), Plan: r1.Plan{Stages: []r1.PlannedStage{out("distill", "big", "small"), out("mind", "model")}}}
	if err := runs.Create(t.Context(), s, *run); err != nil {
		t.Fatal(err)
	}
	l := r1.Layout{Recipe: "full", Run: "r"}
	for i, n := range []string{"big", "small"} {
		dir := t.TempDir()
		write(t, filepath.Join(dir, "model.safetensors"), strings.Repeat("weights ", 1<<18)) // equal, and stored once
		write(t, filepath.Join(dir, "sub", "config.json"), n)
		key := r1.JobKey{Run: "r", Stage: "distill", Job: n}
		a, err := s.Upload(t.Context(), dir, artifact.UploadOptions{Name: "distill." + n, Type: r1.TypeModel, Producer: key.Attempt(1), Prefix: "full/r/distill/" + n})
		if err != nil {
			t.Fatal(err)
		}
		c := r1.Commit{Key: key, Fingerprint: strings.Repeat(string(rune('a'+i)), 64), Attempt: 1, Outputs: map[string]r1.Artifact{"model": a}}
		if _, _, err := s.Commit(t.Context(), l, c); err != nil {
			t.Fatal(err)
		}
	}
	return s, run
}

func write(t *testing.T, file, text string) {
	t.Helper()
	if err := errors.Join(os.MkdirAll(filepath.Dir(file), 0o755), os.WriteFile(file, []byte(text), 0o600)); err != nil {
		t.Fatal(err)
	}
}

func find(t *testing.T, s Store, run *r1.Run, name string) Artifact {
	t.Helper()
	a, err := Find(t.Context(), s, run, name)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func wantError(t *testing.T, err error, name, detail string) {
	t.Helper()
	e, ok := r1.AsError(err)
	if !ok || e.Name != name || e.Remedy == "" || !strings.Contains(e.Detail, detail) {
		t.Errorf("error %v, want %s with %q and a remedy", err, name, detail)
	}
}

func TestListTellsWhatIsStoredElsewhere(t *testing.T) {
	s, run := made(t)
	list, err := List(t.Context(), s, run, "")
	if err != nil || len(list) != 2 {
		t.Fatalf("%+v, %v", list, err)
	}
	if list[0].Name() != "distill.big" || list[0].Elsewhere != 0 || list[1].Elsewhere != 1<<21 {
		t.Errorf("%+v", list)
	}
}

func TestNamesThatFindNothing(t *testing.T) {
	s, run := made(t)
	for name, want := range map[string][2]string{
		"distil":        {"unknown-stage", `did you mean "distill"?`},
		"distill":       {"unknown-output", "distill.big"},
		"distill.smell": {"unknown-output", `did you mean "small"?`},
		"mind":          {"not-committed", "mind.model"},
	} {
		_, err := Find(t.Context(), s, run, name)
		wantError(t, err, want[0], want[1])
	}
}

// cutOff ends a download after its first file.
type cutOff struct{ *artifact.Store }

func (c cutOff) Download(ctx context.Context, a r1.Artifact, dir string, o artifact.DownloadOptions) error {
	m, err := c.Manifest(ctx, a)
	if err == nil {
		err = c.DownloadFiles(ctx, a.Name, m.Files[:1], dir, o)
	}
	return errors.Join(err, errors.New("cut off"))
}

func TestAFolderAppearsWhenItIsWhole(t *testing.T) {
	s, run := made(t)
	a := find(t, s, run, "distill.small")
	dir := filepath.Join(t.TempDir(), "deep", "model")
	if err := Get(t.Context(), cutOff{s}, a, dir, nil); err == nil {
		t.Fatal("cut off, and yet no error")
	}
	if _, err := os.Stat(dir); err == nil {
		t.Error("the folder is there, and not whole")
	}
	// What is there already is not fetched again: it goes on, even where it cannot be fetched any more.
	first := a.Manifest.Files[0]
	if err := s.Delete(t.Context(), first.Key); err != nil {
		t.Fatal(err)
	}
	if err := Get(t.Context(), s, a, dir, nil); err != nil {
		t.Fatal(err)
	}
	raw, err := os.ReadFile(filepath.Join(dir, "sub", "config.json"))
	if err != nil || string(raw) != "small" {
		t.Errorf("%q, %v", raw, err)
	}
	if rest, err := filepath.Glob(dir + ".*"); err != nil || len(rest) > 0 {
		t.Errorf("left behind: %v, %v", rest, err)
	}
	if err := Get(t.Context(), s, a, dir, nil); err != nil {
		t.Errorf("again: %v", err)
	}
	write(t, filepath.Join(dir, "sub", "config.json"), "mine!")
	wantError(t, Get(t.Context(), s, a, dir, nil), "folder-not-empty", "distill.small")
	if raw, err := os.ReadFile(filepath.Join(dir, "sub", "config.json")); err != nil || string(raw) != "mine!" {
		t.Errorf("a file of the user was touched: %q, %v", raw, err)
	}
}

func TestGetTakesAnEmptyFolder(t *testing.T) {
	s, run := made(t)
	dir := t.TempDir()
	if err := Get(t.Context(), s, find(t, s, run, "distill.big"), dir, nil); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(dir, "model.safetensors")); err != nil {
		t.Error(err)
	}
}

func TestTwoDownloadsDoNotShareAFolder(t *testing.T) {
	s, run := made(t)
	a := find(t, s, run, "distill.big")
	dir := filepath.Join(t.TempDir(), "model")
	_, unlock, err := openPart(dir, a)
	if err != nil {
		t.Fatal(err)
	}
	wantError(t, Get(t.Context(), s, a, dir, nil), "folder-busy", dir)
	unlock()
	if err := Get(t.Context(), s, a, dir, nil); err != nil {
		t.Error(err)
	}
}

func TestVerifyNamesWhatIsWrong(t *testing.T) {
	s, run := made(t)
	check := func() []Checked {
		t.Helper()
		list, err := List(t.Context(), s, run, "")
		if err != nil {
			t.Fatal(err)
		}
		checked, err := Verify(t.Context(), s, list, nil)
		if err != nil {
			t.Fatal(err)
		}
		return checked
	}
	for _, c := range check() {
		if !c.Whole() {
			t.Errorf("%+v", c)
		}
	}
	// The shared object is damaged: both suffer.
	if err := s.PutBytes(t.Context(), "full/r/distill/big/model.safetensors", []byte(strings.Repeat("Weights ", 1<<18))); err != nil {
		t.Fatal(err)
	}
	if err := s.Delete(t.Context(), "full/r/distill/small/sub/config.json"); err != nil {
		t.Fatal(err)
	}
	checked := check()
	if len(checked[0].Damage) != 1 || len(checked[1].Damage) != 2 || !checked[1].Damage[1].Missing || checked[1].Damage[0].Path != "model.safetensors" {
		t.Errorf("%+v", checked)
	}
	if err := s.Delete(t.Context(), "full/r/distill/big/"+r1.ManifestFile); err != nil {
		t.Fatal(err)
	}
	if checked = check(); checked[0].Whole() || checked[0].Gone == "" || checked[0].Removed {
		t.Errorf("%+v", checked[0])
	}
	if err := s.PutJSON(t.Context(), r1.Layout{Recipe: "full", Run: "r"}.Removed(), r1.Removed{Artifacts: map[string]r1.Removal{
		"full/r/distill/big": {At: time.Now(), Why: "models: none"}}}); err != nil {
		t.Fatal(err)
	}
	if checked = check(); !checked[0].Removed || !strings.Contains(checked[0].Gone, "models: none") {
		t.Errorf("%+v", checked[0])
	}
	list, _ := List(t.Context(), s, run, "")
	wantError(t, Get(t.Context(), s, list[0], t.TempDir(), nil), "artifact-missing", "removed on")
}
