package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/r1ctl/r1ctl/internal/hub/hubtest"
)

// A data set of the Hub is curated as a file is: by its split, at a commit that is
// recorded with the licence, against a benchmark from there too.
func TestCurateADataSetOfTheHub(t *testing.T) {
	var train strings.Builder
	for i := range 40 {
		fmt.Fprintf(&train, `{"problem":"what is %d and %d?","answer":"%d"}`+"\n", i, i, 2*i)
	}
	train.WriteString("no row\n")
	repo := hubtest.Repo{Tags: []string{"v1"}, Files: map[string]string{
		"README.md": "---\nlicense: apache-2.0\n---\n", "train.jsonl": train.String(), "test.jsonl": `{"problem":"held out"}` + "\n",
	}}
	bench := hubtest.Repo{Files: map[string]string{"test.jsonl": `{"question":"what is 7 and 7?"}` + "\n"}}
	h := hubtest.New(t, map[string]hubtest.Repo{"org/maths": repo, "org/bench": bench})
	h.Cut(2)
	t.Setenv("HF_ENDPOINT", h.URL)
	t.Setenv("HF_HUB_CACHE", t.TempDir())
	t.Setenv("HF_TOKEN", "a-secret-token")
	dir := curateFiles(t, map[string]string{"c.yaml": `columns: {prompt: problem, gold: answer}
max_bad: 0.1
datasets: {eval: {paths: ["hf://org/bench"], columns: {prompt: question}}}
steps: [{filter: decontaminate, against: eval}]
`})
	out := filepath.Join(dir, "clean")
	text, errs, code := call(t, "curate", filepath.Join(dir, "c.yaml"), "hf://org/maths@v1?split=train", "-o", out, "-o", "json", "--shard-rows", "20")
	if code != exitOK {
		t.Fatalf("exit code %d: %s", code, errs)
	}
	var result curateResult
	if err := json.Unmarshal([]byte(text), &result); err != nil {
		t.Fatal(err)
	}
	if result.Funnel.In != 41 || result.Funnel.Kept != 39 || len(result.Funnel.Origins) != 2 {
		t.Errorf("got %+v", result.Funnel)
	}
	if o := result.Funnel.Origins[1]; o.Address != "hf://org/maths@v1?split=train" || o.Revision != repo.Commit() || o.Licence != "apache-2.0" || o.Rows != 41 || o.Bytes != int64(train.Len()) {
		t.Errorf("recorded %+v", o)
	}
	if o := result.Funnel.Origins[0]; !o.Compared || o.Revision != bench.Commit() {
		t.Errorf("recorded %+v", o)
	}
	if q := read(t, filepath.Join(out, "quarantine.jsonl")); !strings.Contains(q, `"text":"no row"`) || !strings.Contains(q, `"line":41`) {
		t.Errorf("the quarantine is %s", q)
	}
	if rows := read(t, filepath.Join(out, "data-00001-of-00002.jsonl")); strings.Count(rows, "\n") != 19 {
		t.Errorf("the second shard is %s", rows)
	}
	err := filepath.Walk(out, func(path string, info os.FileInfo, err error) error {
		if err == nil && !info.IsDir() && strings.Contains(read(t, path), "a-secret-token") {
			t.Errorf("%s holds the token", path)
		}
		return err
	})
	if err != nil || strings.Contains(text+errs, "a-secret-token") {
		t.Errorf("the token is shown: %s %s (%v)", text, errs, err)
	}
}

func TestCurateAddressesThatNameNothing(t *testing.T) {
	h := hubtest.New(t, map[string]hubtest.Repo{
		"org/maths": {Files: map[string]string{"train.jsonl": "{}\n", "test.jsonl": "{}\n"}},
		"org/shut":  {Token: "x", Gated: true, Files: map[string]string{"README.md": "---\nlicense: mit\n---\n", "train.jsonl": "{}\n"}},
	})
	t.Setenv("HF_ENDPOINT", h.URL)
	t.Setenv("HF_HUB_CACHE", t.TempDir())
	dir := curateFiles(t, map[string]string{"c.yaml": "steps: []\n", "rows.jsonl": "{}\n"})
	for address, want := range map[string][2]string{
		"hf://org/maths":                              {"[hub-choice]", "hf://org/maths?split=train"},
		"hf://org/maths?split=tset":                   {"[hub-choice]", `did you mean "test"?`},
		"hf://org/shut":                               {"[hub-gated]", "accept its terms at " + h.URL + "/datasets/org/shut"},
		"hf://maths":                                  {"[hub-address-invalid]", "expected hf://org/name"},
		"gs://bucket/key":                             {"[unsupported-source]", "unknown scheme gs://"},
		filepath.Join(dir, "row.jsonl"):               {"[source-not-found]", "did you mean rows.jsonl?"},
		filepath.Join(dir, "*.parquet"):               {"[source-not-found]", "no file of rows"},
		"tiny://arithmatic?split=train&size=4&seed=1": {"[", "arithmetic"},
	} {
		_, errs, code := call(t, "curate", filepath.Join(dir, "c.yaml"), address, "-o", filepath.Join(dir, "out"))
		if code == exitOK || !strings.Contains(errs, want[0]) || !strings.Contains(errs, want[1]) {
			t.Errorf("%s: exit code %d: %s, want %q", address, code, errs, want)
		}
	}
	for _, args := range [][]string{{"-o", "x.jsonl", "--shard-rows", "3"}, {"-o", "x", "--shard-rows", "-1"}, {"-o", "x", "--shard-bytes", "0"}} {
		if _, errs, code := call(t, append([]string{"curate", filepath.Join(dir, "c.yaml"), filepath.Join(dir, "rows.jsonl")}, args...)...); code != exitUsage {
			t.Errorf("%q: exit code %d: %s", args, code, errs)
		}
	}
}
