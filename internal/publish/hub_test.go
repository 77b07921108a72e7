package publish_test

import (
	"io"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/r1ctl/r1ctl/internal/hub"
	"github.com/r1ctl/r1ctl/internal/hub/hubtest"
	"github.com/r1ctl/r1ctl/internal/publish"
	"github.com/r1ctl/r1ctl/internal/r1"
)

const repo = "models/org/zero"

func onHub(t *testing.T) (*place, *hubtest.Writable) {
	p, h := newPlace(t), hubtest.NewWritable(t)
	h.Part = 1 << 20
	p.Hub = h.Settings()
	return p, h
}

// holds is what a branch holds but for the marker, and what the Hub made.
func holds(t *testing.T, h *hubtest.Writable, repo string) map[string]string {
	t.Helper()
	history := h.History(repo, "main")
	if len(history) == 0 {
		t.Fatalf("there is no %s", repo)
	}
	files := maps.Clone(history[len(history)-1].Files)
	if files[publish.MarkerFile] == "" {
		t.Error("there is no marker")
	}
	delete(files, publish.MarkerFile)
	delete(files, ".gitattributes")
	return files
}

func TestPublishToTheHub(t *testing.T) {
	p, h := onHub(t)
	in := p.input("r-1", r1.TypeModel, weights("a"), "hf://org/zero")
	rec := p.publish(in)
	history := h.History(repo, "main")
	if bad := differ(holds(t, h, repo), want("r-1", weights("a"))); bad != "" || rec.Commit != history[1].OID || !h.Private(repo) || history[1].Message != "zero.model of run r-1, by r1ctl" {
		t.Errorf("%s: %+v", bad, rec)
	}
	// What this job has published stays as people have changed it; that something is missing is seen.
	h.Change(repo, "main", map[string]string{"README.md": "better words"})
	if rec := p.publish(in); !rec.Already || len(h.History(repo, "main")) != 3 || holds(t, h, repo)["README.md"] != "better words" {
		t.Errorf("%+v after %d commits", rec, len(h.History(repo, "main")))
	}
	h.Change(repo, "main", map[string]string{"model.safetensors": ""})
	p.gone(rec, "model.safetensors")
	before := len(h.Log())
	if p.publish(in); differ(holds(t, h, repo), want("r-1", weights("a"))) != "" {
		t.Error("it was not mended")
	}
	for _, line := range h.Log()[before:] {
		if strings.HasPrefix(line, "PUT") {
			t.Errorf("bytes were sent again: %s", line)
		}
	}
	// Another artifact is refused, or another commit, without the files of the one before.
	other := p.input("r-2", r1.TypeModel, map[string]string{"config.json": "b"}, "hf://org/zero")
	p.refused(other, "publish-exists")
	other.Replace = true
	p.publish(other)
	if bad := differ(holds(t, h, repo), want("r-2", map[string]string{"config.json": "b"})); bad != "" || len(h.History(repo, "main")) != 6 {
		t.Errorf("%s, after %d commits", bad, len(h.History(repo, "main")))
	}
	p.gone(rec, "config.json")
	h.Delete(repo)
	p.gone(rec, "config.json")
}

func TestARepoOfSomebodyElse(t *testing.T) {
	p, h := onHub(t)
	h.Change(repo, "main", map[string]string{"model.safetensors": "years of work", "README.md": "mine"})
	in := p.input("r-1", r1.TypeModel, weights("a"), "hf://org/zero")
	p.refused(in, "hub-public")
	in.Private = false
	p.refused(in, "publish-foreign")
	if len(h.History(repo, "main")) != 2 {
		t.Error("it was written to")
	}
	in.Replace = true
	p.publish(in)
	if history := h.History(repo, "main"); len(history) != 3 || history[1].Files["model.safetensors"] != "years of work" {
		t.Error("what was there is not in the history")
	}
	p.Hub.Token = ""
	p.refused(in, "hub-token-missing")
}

// A data set that was published is read as one by its address. What a curation dropped stays at home.
func TestAPublishedDatasetIsRead(t *testing.T) {
	p, h := onHub(t)
	rows := `{"prompt": "1 + 1?"}` + "\n"
	in := p.input("r-1", r1.TypeDataset, map[string]string{"data.jsonl": rows, "funnel.json": "{}", "sources.json": "[]", "dropped.jsonl": "private", "quarantine.jsonl.gz": "private"}, "hf://org/rows")
	in.Card = "---\nlicense: mit\nconfigs:\n- config_name: default\n  data_files:\n  - path: [data.jsonl]\n    split: train\n---\n# Rows\n"
	p.publish(in)
	if files := holds(t, h, "datasets/org/rows"); files["dropped.jsonl"] != "" || files["quarantine.jsonl.gz"] != "" || files["funnel.json"] == "" {
		t.Errorf("it holds %q", slices.Sorted(maps.Keys(files)))
	}
	d, err := hub.Open(t.Context(), h.Settings(), "hf://org/rows?split=train", []string{"jsonl"})
	if err != nil {
		t.Fatal(err)
	}
	if len(d.Files) != 1 || d.Files[0].Path != "data.jsonl" || d.Licence != "mit" {
		t.Fatalf("%+v", d)
	}
	body, err := d.Read(t.Context(), d.Files[0])
	if err != nil {
		t.Fatal(err)
	}
	defer body.Close()
	if got, err := io.ReadAll(body); err != nil || string(got) != rows {
		t.Errorf("read %q, %v", got, err)
	}
}

// Damaged bytes do not leave the house.
func TestDamageIsNotPublished(t *testing.T) {
	p, h := onHub(t)
	in := p.input("r-1", r1.TypeModel, map[string]string{"config.json": `{"a": 1}`}, "hf://org/zero")
	i := slices.IndexFunc(in.Files, func(f r1.ManifestEntry) bool { return f.Path == "config.json" })
	if err := p.store.PutBytes(t.Context(), in.Files[i].Key, []byte(`{"a": 2}`)); err != nil {
		t.Fatal(err)
	}
	p.refused(in, "artifact-corrupt")
	if len(h.History(repo, "main")) != 1 {
		t.Error("it was committed")
	}
}
