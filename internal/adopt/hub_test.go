package adopt

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/r1ctl/r1ctl/internal/hub/hubtest"
	"github.com/r1ctl/r1ctl/internal/r1"
)

func TestWhatIsFetchedFromTheHub(t *testing.T) {
	weights := strings.Repeat("weights ", 1000)
	const row = `{"prompt": "1+1?", "response": "2"}` + "\n"
	whole := hubtest.Repo{Model: true, Tags: []string{"v1"}, Files: model(func(f map[string]string) { f["model.safetensors"], f["evil.py"] = weights, "import os" })}
	classifier := hubtest.Repo{Model: true, Files: model(func(f map[string]string) {
		f["model.safetensors"] = weights + "of another"
		f["config.json"] = `{"model_type": "qwen2", "architectures": ["Qwen2ForSequenceClassification"]}`
	})}
	h := hubtest.New(t, map[string]hubtest.Repo{
		"a/model": whole, "a/judge": classifier,
		"a/rows":    {Files: map[string]string{"data/train.jsonl": row + row}},
		"a/parquet": {Files: map[string]string{"train.parquet": "x"}},
	})
	from := Hub{Settings: h.Settings(), Dir: t.TempDir()}
	asModel, asRows := Contract{Type: r1.TypeModel}, Contract{Type: r1.TypeDataset, Fields: []string{"prompt", "response"}}

	// Cut off in the middle of the weights, and given again.
	ctx, cancel := context.WithCancel(t.Context())
	from.Progress = func(have, _ int64) {
		if have > int64(len(weights))/2 {
			cancel()
		}
	}
	h.Cut(1)
	if _, _, err := from.Fetch(ctx, asModel, "hf://a/model@v1"); !errors.Is(err, context.Canceled) {
		t.Fatalf("cut off: %v", err)
	}
	before, told := len(h.Log()), int64(0)
	from.Progress = func(have, _ int64) { told = have }
	f, done, err := from.Fetch(t.Context(), asModel, "hf://a/model@v1")
	if err != nil {
		t.Fatal(err)
	}
	if f.Address != "hf://a/model@"+whole.Commit() || f.has("evil.py") || !f.has("model.safetensors") || len(f.Files) != 5 || told < int64(len(weights)) {
		t.Errorf("%s has %v; told of %d bytes", f.Address, f.Files, told)
	}
	if log := strings.Join(h.Log()[before:], "\n"); !strings.Contains(log, "bytes=") {
		t.Errorf("it did not go on where it was: %s", log)
	}
	if _, _, err := from.Fetch(t.Context(), asModel, "hf://a/model@v1"); err == nil || !strings.Contains(err.Error(), "another call fetches") {
		t.Errorf("two write to one folder: %v", err)
	}
	done()
	if _, err := os.Stat(f.Dir); err == nil {
		t.Error("what was fetched stays")
	}

	// Refused before its weights come.
	before = len(h.Log())
	if _, _, err := from.Fetch(t.Context(), asModel, "hf://a/judge"); err == nil || !strings.Contains(err.Error(), "it is a classifier") {
		t.Errorf("a classifier: %v", err)
	}
	if log := strings.Join(h.Log()[before:], "\n"); strings.Contains(log, "model.safetensors") {
		t.Errorf("its weights were fetched: %s", log)
	}

	f, done, err = from.Fetch(t.Context(), asRows, "hf://datasets/a/rows")
	if err != nil {
		t.Fatal(err)
	}
	if n, _, err := asRows.check(t.Context(), f); n != 2 || err != nil || !f.has("data--train.jsonl") {
		t.Errorf("%d rows in %v, %v", n, f.Files, err)
	}
	done()
	if _, _, err := from.Fetch(t.Context(), asRows, "hf://a/parquet"); err == nil || !strings.Contains(err.Error(), "train.parquet") {
		t.Errorf("Parquet: %v", err)
	}

	// Damaged on the disk between two calls.
	f, _, err = from.Fetch(t.Context(), asModel, "hf://a/model")
	if err != nil {
		t.Fatal(err)
	}
	other := Hub{Settings: from.Settings, Dir: filepath.Join(t.TempDir(), "copy")}
	if err := os.CopyFS(filepath.Join(other.Dir, filepath.Base(f.Dir)), os.DirFS(f.Dir)); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(other.Dir, filepath.Base(f.Dir), "model.safetensors")
	if err := os.WriteFile(file, []byte(strings.ToUpper(weights)), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, _, err := other.Fetch(t.Context(), asModel, "hf://a/model"); err == nil || !strings.Contains(err.Error(), "damaged on this disk") {
		t.Errorf("a damaged file: %v", err)
	}
	if _, _, err := other.Fetch(t.Context(), asModel, "hf://a/model"); err != nil {
		t.Errorf("given again: %v", err)
	}
}
