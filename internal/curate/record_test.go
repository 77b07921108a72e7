package curate

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"

	"github.com/r1ctl/r1ctl/internal/r1"
)

// What a source is called in its own words, what all its rows have, and what is
// written down of it.
func TestSourcesAreRecorded(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		sum := sha256.Sum256([]byte(text))
		return hex.EncodeToString(sum[:])
	}
	enc, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	one := write("one.jsonl", `{"problem":"1+1?","answer":2,"domain":"Algebra","split":null}`+"\n\n"+`{"problem":"2+2?","answer":4,"domain":"math"}`+"\n")
	zipped := string(enc.EncodeAll([]byte(`{"chat":[{"role":"user","content":"3+3?"}],"reward_model":{"ground_truth":"6"}}`+"\n"), nil))
	two := write("two.jsonl.zst", zipped)
	list := write("three.json", ` [ {"prompt": "a"}, {"prompt":
		"b"} ] `)
	eval := write("eval.jsonl", `{"prompt":"9"}`+"\n")
	params := fmt.Sprintf(`{"steps":[{"do":"decontaminate","against":"eval"}],"sources":[
		{"name":"one","address":%q,"columns":{"prompt":"problem","gold":"answer"},"domain":"math","verifier":"math","split":"train","licence":"mit","revision":"v2"},
		{"name":"two","address":"test://two","columns":{"prompt":"chat.0.content","gold":"reward_model.ground_truth"},"licence":"mine"},
		{"name":"three","address":%q}]}`, filepath.Join(dir, "one.jsonl"), filepath.Join(dir, "three.json"))
	against, err := Path(filepath.Join(dir, "eval.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	res, err := run(t, Job{
		Params: json.RawMessage(params), Compared: map[string]Source{"eval": against},
		Openers: map[string]Opener{"test": func(_ context.Context, address string) (Source, error) {
			part := Stream("data/two.jsonl.zst", func(context.Context) (io.ReadCloser, error) {
				return io.NopCloser(strings.NewReader(zipped)), nil
			})
			return Described(Joined(part), Origin{Address: address, Revision: "0123", Licence: "apache-2.0"}), nil
		}},
		OutDir: filepath.Join(dir, "out"),
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(res.rows) != 5 {
		t.Fatalf("kept %v", res.rows)
	}
	if row := res.rows[0]; row["prompt"] != "1+1?" || row["gold"] != 2.0 || row["domain"] != "math" || row["verifier"] != "math" || row["split"] != "train" {
		t.Errorf("the first row is %v", row)
	}
	if origin := fmt.Sprint(res.rows[0]["origin"]); origin != "map[file:one.jsonl line:1 source:one was:map[domain:Algebra]]" {
		t.Errorf("its origin is %s", origin)
	}
	if origin := fmt.Sprint(res.rows[1]["origin"]); origin != "map[file:one.jsonl line:3 source:one]" {
		t.Errorf("the second's origin is %s", origin)
	}
	if row := res.rows[2]; row["prompt"] != "3+3?" || row["gold"] != "6" || row["chat"] == nil || row["reward_model"] == nil {
		t.Errorf("the third row is %v", row)
	}
	want := []r1.SourceRecord{
		{Name: "one", Address: "one.jsonl", Revision: "v2", Licence: "mit", Files: 1, Bytes: 109, Rows: 2, SHA256: one},
		{Name: "two", Address: "test://two", Revision: "0123", Licence: "apache-2.0", Files: 1, Bytes: int64(len(zipped)), Rows: 1, SHA256: two},
		{Name: "three", Address: "three.json", Files: 1, Bytes: 40, Rows: 2, SHA256: list},
		{Name: "eval", Address: "eval", Compared: true, Files: 1, Bytes: 15, Rows: 1, SHA256: eval},
	}
	for i, w := range want {
		if got := res.funnel.Origins[i]; got != w {
			t.Errorf("recorded %+v\nwant     %+v", got, w)
		}
	}
	raw, err := os.ReadFile(filepath.Join(dir, "out", sourcesFile))
	if err != nil || !strings.Contains(string(raw), `"path": "data/two.jsonl.zst"`) || strings.Contains(string(raw), dir) {
		t.Errorf("sources.json is %s (%v)", raw, err)
	}
}

// Parquet is measured like the rest, whether it is a file here or comes over a line.
func TestParquetIsRecorded(t *testing.T) {
	dir := t.TempDir()
	layout := Layout{Rows: "data.parquet"}
	if _, err := Run(t.Context(), Job{Params: steps(), Inputs: map[string]Source{"in": lines(varied...)}, OutDir: dir, Layout: layout}); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "data.parquet")
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(raw)
	here, err := Path(file)
	if err != nil {
		t.Fatal(err)
	}
	far := Stream("far.parquet", func(context.Context) (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(string(raw))), nil })
	funnel, err := Run(t.Context(), Job{Params: steps(), Files: []NamedSource{{"here", here}, {"far", far}}, OutDir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range funnel.Origins {
		if o.SHA256 != hex.EncodeToString(sum[:]) || o.Bytes != int64(len(raw)) || o.Rows != len(varied) {
			t.Errorf("recorded %+v", o)
		}
	}
}

func TestListsOfRows(t *testing.T) {
	for name, c := range map[string]struct {
		text string
		rows int
		err  string
	}{
		"a list":            {`[{"prompt":"a"},{"prompt":"b"}]`, 2, ""},
		"lines":             {`{"prompt":"a"}` + "\n" + `{"prompt":"b"}`, 2, ""},
		"with a mark":       {"\uFEFF" + ` [{"prompt":"a"}]`, 1, ""},
		"lines with a mark": {"\uFEFF" + `{"prompt":"a"}`, 1, ""},
		"an empty list":     {`[]`, 0, ""},
		"cut":               {`[{"prompt":"a"},{"prom`, 1, "row 2 of the list: unexpected EOF"},
		"cut after a row":   {`[{"prompt":"a"}`, 1, "after row 1 of the list"},
		"broken":            {`[{"prompt":"a"},}]`, 1, "row 2 of the list"},
	} {
		t.Run(name, func(t *testing.T) {
			source := Stream("rows.json", func(context.Context) (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(c.text)), nil })
			n := 0
			var failed error
			for line, err := range source.Rows(t.Context()) {
				if failed = err; err != nil {
					break
				}
				if n++; line.Number != n {
					t.Errorf("row %d has the number %d", n, line.Number)
				}
			}
			if n != c.rows || (failed == nil) != (c.err == "") || failed != nil && !strings.Contains(failed.Error(), c.err) {
				t.Errorf("%d rows and %v, want %d and %q", n, failed, c.rows, c.err)
			}
		})
	}
}

func TestLocalAddresses(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"a/one.jsonl", "a/b/two.jsonl.zst", "a/notes.txt", "a/dropped.jsonl", "three.jsonl"} {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	names := func(address string) (string, error) {
		source, err := Open(t.Context(), address, map[string]Opener{"s3": nil, "hf": nil})
		if err != nil {
			return "", err
		}
		meters, _ := watch(source)
		var out []string
		for _, m := range meters {
			out = append(out, m.name)
		}
		return strings.Join(out, " "), nil
	}
	for address, want := range map[string]string{
		dir + "/a": "one.jsonl", dir + "/**/*": "two.jsonl.zst one.jsonl three.jsonl", "file://" + dir + "/t*.jsonl": "three.jsonl", dir + "/{a,b}/*.jsonl": "one.jsonl",
	} {
		if got, err := names(address); got != want {
			t.Errorf("%s is %q (%v), want %q", address, got, err, want)
		}
	}
	for address, want := range map[string]string{
		dir + "/thre.jsonl": "did you mean three.jsonl?", dir + "/*.txt": "no file of rows", "HF://b/k": "did you mean hf://?", "gs://b/k": "unknown scheme gs://", dir + "/[": "cannot be read",
	} {
		_, err := names(address)
		e, ok := r1.AsError(err)
		if !ok || e.Remedy == "" || !strings.Contains(e.Detail, want) {
			t.Errorf("%s: %v, want %q", address, err, want)
		}
	}
}
