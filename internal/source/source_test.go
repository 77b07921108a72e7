package source

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/r1ctl/r1ctl/internal/artifact"
	"github.com/r1ctl/r1ctl/internal/curate"
	"github.com/r1ctl/r1ctl/internal/hub/hubtest"
	"github.com/r1ctl/r1ctl/internal/r1"
)

// curated runs no step over a source, and gives the prompts and what was recorded.
func curated(t *testing.T, c Config, address string) ([]string, r1.SourceRecord, error) {
	t.Helper()
	dir := t.TempDir()
	params := fmt.Appendf(nil, `{"steps":[],"sources":[{"name":"s","address":%q}]}`, address)
	funnel, err := curate.Run(t.Context(), curate.Job{Params: params, Openers: Openers(c), OutDir: dir, Strict: true})
	if err != nil {
		return nil, r1.SourceRecord{}, err
	}
	out, err := curate.Dir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var prompts []string
	for line, err := range out.Rows(t.Context()) {
		var row struct{ Prompt string }
		if err != nil || json.Unmarshal(line.Raw, &row) != nil {
			t.Fatal(err)
		}
		prompts = append(prompts, row.Prompt)
	}
	return prompts, funnel.Origins[0], nil
}

func TestS3(t *testing.T) {
	cfg := testS3()
	cfg.Bucket = "rows"
	store, err := artifact.New(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	if err := store.EnsureBucket(t.Context()); err != nil {
		t.Fatal(err)
	}
	for key, prompt := range map[string]string{
		"set/b.jsonl": "b", "set/a.jsonl": "a", "set/dropped.jsonl.gz": "", "set/deep/c.jsonl": "c", "set/notes.txt": "", "set/[odd].jsonl": "odd", "other/d.jsonl": "d",
	} {
		if err := store.PutBytes(t.Context(), key, fmt.Appendf(nil, "{\"prompt\":%q}\n", prompt)); err != nil {
			t.Fatal(err)
		}
	}
	for address, want := range map[string][]string{
		"s3://rows/set/a.jsonl":        {"a"},
		"s3://rows/set/":               {"odd", "a", "b"},
		"s3://rows/set":                {"odd", "a", "b"},
		"s3://rows/set/[odd].jsonl":    {"odd"},
		"s3://rows/set/[ab].jsonl":     {"a", "b"},
		"s3://rows/**/*.jsonl":         {"d", "odd", "a", "b", "c"},
		"s3://rows/{set/deep,other}/*": {"d", "c"},
	} {
		got, record, err := curated(t, Config{S3: testS3()}, address)
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("%s gives %q (%v), want %q", address, got, err, want)
		}
		if record.Address != address || record.Files != len(want) || record.Rows != len(want) || len(record.SHA256) != 64 {
			t.Errorf("%s is recorded as %+v", address, record)
		}
	}
	for address, want := range map[string]string{
		"s3://rows/set/c.jsonl":  "no object and no folder of rows",
		"s3://rows/sett/":        "did you mean s3://rows/set?",
		"s3://rows/set/aa.jsonl": "did you mean s3://rows/set/a.jsonl?",
		"s3://rows/set/*.txt":    "no object and no folder of rows",
		"s3://rows/set/[":        "cannot be read",
	} {
		_, _, err := curated(t, Config{S3: testS3()}, address)
		e, ok := r1.AsError(err)
		if !ok || e.Name != "source-not-found" || e.Remedy == "" || !strings.Contains(e.Detail, want) {
			t.Errorf("%s: %v, want %q", address, err, want)
		}
	}
}

func TestHub(t *testing.T) {
	repo := hubtest.Repo{Files: map[string]string{
		"README.md": "---\nlicense: mit\n---\n", "train-a.jsonl": `{"prompt":"` + strings.Repeat("long ", 40) + `"}` + "\n", "train-b.json": `[{"prompt":"b"}, {"prompt":"c"}]`,
		"test.jsonl": `{"prompt":"held out"}` + "\n",
	}}
	h := hubtest.New(t, map[string]hubtest.Repo{"org/set": repo})
	h.Fail(503)
	h.Cut(1)
	got, record, err := curated(t, Config{Hub: h.Settings()}, "hf://datasets/org/set?split=train")
	if err != nil || len(got) != 3 || got[2] != "c" {
		t.Fatalf("got %q (%v)", got, err)
	}
	want := r1.SourceRecord{Name: "s", Address: "hf://org/set?split=train", Revision: repo.Commit(), Licence: "mit", Files: 2, Bytes: record.Bytes, Rows: 3, SHA256: record.SHA256}
	if record != want || record.Bytes != int64(len(repo.Files["train-a.jsonl"])+len(repo.Files["train-b.json"])) {
		t.Errorf("recorded %+v, want %+v", record, want)
	}
	h.Damage()
	_, _, err = curated(t, Config{Hub: h.Settings()}, "hf://org/set/train-a.jsonl")
	if e, ok := r1.AsError(err); !ok || e.Name != "hub-digest" {
		t.Errorf("damaged rows are taken: %v", err)
	}
}

func TestTinyWorld(t *testing.T) {
	got, record, err := curated(t, Config{}, "tiny://arithmetic?split=train&size=8&seed=1")
	if err != nil || len(got) != 8 || record.Rows != 8 || len(record.SHA256) != 64 || record.Bytes == 0 {
		t.Errorf("got %q, %+v (%v)", got, record, err)
	}
}
