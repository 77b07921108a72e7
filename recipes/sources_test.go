package recipes_test

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/r1ctl/r1ctl/recipes"
)

// What a source says enters the fingerprint, how it is spelt, its licence, and how
// the rows are written do not.
func TestSourcesInFingerprints(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"rows/a.jsonl", "rows/b.jsonl", "other/a.jsonl", "other/b.jsonl", "other/more.jsonl"} {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o700); err != nil {
			t.Fatal(err)
		}
		write(t, filepath.Join(dir, name), filepath.Base(name))
	}
	fingerprint := func(source, params string) string {
		t.Helper()
		file := filepath.Join(dir, "r.yaml")
		write(t, file, "recipe: r\nstages: [{name: rows, kind: curate, params: {sources: [{name: p, "+source+"}], steps: []"+params+"}}]\n")
		r, err := recipes.Load(file, recipes.Options{})
		if err != nil {
			t.Fatal(err)
		}
		return plan(t, r).Stages[0].Jobs[0].Fingerprint
	}
	base := fingerprint(`address: "hf://a/b@v1?split=train&config=c"`, "")
	for _, same := range []struct{ source, params string }{
		{`address: "hf://datasets/a/b@v1?config=c&split=train"`, ""},
		{`address: "hf://a/b@v1?split=train&config=c", licence: mit`, ""},
		{`address: "hf://a/b@v1?split=train&config=c"`, ", format: parquet, shard_rows: 9, shard_bytes: 100000"},
	} {
		if fingerprint(same.source, same.params) != base {
			t.Errorf("%s%s has another fingerprint", same.source, same.params)
		}
	}
	for _, other := range []string{
		`address: "hf://a/b@v2?split=train&config=c"`, `address: "hf://a/b@v1?split=test&config=c"`, `address: "hf://a/b@v1/train.jsonl"`,
		`address: "hf://a/b@v1?split=train&config=c", columns: {prompt: problem}`, `address: "hf://a/b@v1?split=train&config=c", domain: math`,
		`address: "hf://a/b@v1?split=train&config=c", verifier: math`,
	} {
		if fingerprint(other, "") == base {
			t.Errorf("%s has the same fingerprint", other)
		}
	}
	if fingerprint(`address: "s3://bucket/k/", revision: v1`, "") == fingerprint(`address: "s3://bucket/k/", revision: v2`, "") {
		t.Error("raising the revision of an s3:// source changes nothing")
	}
	pattern := fingerprint(`address: "rows/*.jsonl"`, "")
	if fingerprint(`address: "other/[ab].jsonl"`, "") != pattern {
		t.Error("where the files of a pattern lie bears on the fingerprint")
	}
	if fingerprint(`address: "other/*.jsonl"`, "") == pattern {
		t.Error("one file more has the same fingerprint")
	}
	file := filepath.Join(dir, "none.yaml")
	write(t, file, "recipe: r\nstages: [{name: rows, kind: curate, params: {sources: [{name: p, address: 'no/*.jsonl'}], steps: []}}]\n")
	r, err := recipes.Load(file, recipes.Options{})
	if err != nil {
		t.Fatal(err)
	}
	_, err = recipes.Plan(r, recipes.PlanOptions{})
	named(t, err, "source-missing")
}

func TestSourcesThatMayChange(t *testing.T) {
	file := filepath.Join(t.TempDir(), "r.yaml")
	write(t, file, `recipe: r
stages:
  - name: rows
    kind: curate
    params:
      sources:
        - {name: a, address: "hf://a/loose?split=train"}
        - {name: b, address: "hf://a/moving@main"}
        - {name: c, address: "hf://a/tagged@v1?split=train"}
        - {name: d, address: "hf://a/glob/data@x/*.parquet"}
        - {name: e, address: "s3://bucket/loose/"}
        - {name: f, address: "s3://bucket/said/", revision: v1}
      steps: []
`)
	r, err := recipes.Load(file, recipes.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := r.Unpinned(), []string{"hf://a/loose?split=train", "hf://a/moving@main", "hf://a/glob/data@x/*.parquet", "s3://bucket/loose/"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}
