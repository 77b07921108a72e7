package curate

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"
)

var varied = []string{
	`{"id":"a","prompt":"p <b>","tokens":3,"ok":true,"score":0.5,"tags":["x",null,"y"],"origin":{"run":"r","n":4},"messages":[{"role":"user","content":"hi"},{"role":"assistant"}],"odd":1,"big":9007199254740993}`,
	`{"id":"b","prompt":"q\n\"三\"","tokens":4,"score":2,"tags":[],"origin":{"run":"s"},"odd":"text","big":1,"dict":{}}`,
	`{"id":"c","prompt":"r","tokens":5,"score":1e-7,"odd":[1,{"a":2.5}],"messages":[],"none":null,"dict":{}}`,
}

// Zeros are values, and not what a row lacks.
func TestZerosInParquet(t *testing.T) {
	for _, row := range []string{
		`{"b":false,"f":0.0,"g":{"b":false,"i":0,"t":""},"i":0,"l":[],"m":[0,"",false],"prompt":"","t":""}`,
		`{"b":true,"f":1.5,"g":{"b":true,"i":1,"t":"x"},"i":1,"l":[0],"m":[""],"prompt":"p","t":"x"}`,
	} {
		dir := t.TempDir()
		other := `{"b":true,"f":1.5,"g":{"b":true,"i":1,"t":"x"},"i":1,"l":[0],"m":0,"prompt":"p","t":"x"}` // gives the columns their types
		if _, err := Run(t.Context(), Job{Params: steps(), Inputs: map[string]Source{"in": lines(row, other)}, OutDir: dir, Layout: Layout{Rows: "data.parquet"}}); err != nil {
			t.Fatal(err)
		}
		source, err := Dir(dir)
		if err != nil {
			t.Fatal(err)
		}
		for line, err := range source.Rows(t.Context()) {
			if err != nil {
				t.Fatal(err)
			}
			got, err := decodeAny(line.Raw)
			if err != nil {
				t.Fatal(err)
			}
			delete(got, "id")
			delete(got, "origin")
			want, _ := decodeAny([]byte(row))
			got["f"], want["f"] = must(got["f"].(json.Number).Float64()), must(want["f"].(json.Number).Float64())
			if fmt.Sprint(got) != fmt.Sprint(want) {
				t.Errorf("got  %v\nwant %v", got, want)
			}
			break
		}
	}
}

// What is written in any format is read back as the same rows.
func TestFormatsRoundTrip(t *testing.T) {
	var want []map[string]any
	for _, row := range varied {
		v, err := decodeAny([]byte(row))
		if err != nil {
			t.Fatal(err)
		}
		delete(v, "none") // a null is a missing field
		v["score"] = fmt.Sprintf("%g", must(v["score"].(json.Number).Float64()))
		want = append(want, v)
	}
	for _, format := range Formats() {
		t.Run(format, func(t *testing.T) {
			layout := Layout{Rows: "rows." + format, Dropped: "dropped.jsonl", Quarantine: "quarantine.jsonl"}
			dir := t.TempDir()
			if _, err := Run(t.Context(), Job{Params: steps(), Inputs: map[string]Source{"in": lines(varied...)}, OutDir: dir, Layout: layout}); err != nil {
				t.Fatal(err)
			}
			source, err := Dir(dir) // takes neither dropped nor quarantine for rows
			if err != nil {
				t.Fatal(err)
			}
			var got []map[string]any
			for line, err := range source.Rows(t.Context()) {
				if err != nil {
					t.Fatal(err)
				}
				v, err := decodeAny(line.Raw)
				if err != nil || line.File != "rows."+format || line.Number != len(got)+1 {
					t.Fatalf("%s:%d %v", line.File, line.Number, err)
				}
				if strings.HasPrefix(format, "jsonl") {
					delete(v, "none")
				} else if tags := v["origin"].(map[string]any); tags["source"] == "in" { // made up by the run
					v["origin"] = tags
				}
				v["score"] = fmt.Sprintf("%g", must(v["score"].(json.Number).Float64()))
				got = append(got, v)
			}
			for i := range want {
				if want[i]["origin"] == nil {
					delete(got[i], "origin")
				}
				// "n" of one origin is a null of the other: none of both.
				a, b := encode(want[i]), encode(got[i])
				if !bytes.Equal(a, b) {
					t.Errorf("row %d\n got %s\nwant %s", i, b, a)
				}
			}
		})
	}
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func TestCompressedSources(t *testing.T) {
	dir := t.TempDir()
	enc, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	whole := enc.EncodeAll([]byte(strings.Join(varied, "\n")), nil)
	for name, data := range map[string][]byte{"two-frames.jsonl.zst": append(bytes.Clone(whole), enc.EncodeAll([]byte("\n"+varied[0]), nil)...), "cut.jsonl.zst": whole[:len(whole)-9], "no.parquet": []byte("PAR1 not at all PAR1")} {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		source, err := Path(path)
		if err != nil {
			t.Fatal(err)
		}
		n := 0
		err = nil
		for _, e := range source.Rows(t.Context()) {
			if err = e; err == nil {
				n++
			}
		}
		if (err == nil) != (name == "two-frames.jsonl.zst") || err == nil && n != 4 || err != nil && !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %d rows, %v", name, n, err)
		}
	}
}

func TestColumnsAreRenamed(t *testing.T) {
	source := Mapped(lines(
		`{"problem":"1+1?","solution":"<think>x</think>2","prompt_id":"7"}`,
		`{"prompt":"as it is","response":"<think>x</think>2"}`,
		`{"problem":"1+1?","prompt":"both"}`,
	), Columns{"prompt": "problem", "response": "solution", "id": "prompt_id"})
	res, err := run(t, Job{Params: steps(), Inputs: map[string]Source{"in": source}, MaxMalformed: 0.5})
	if err != nil {
		t.Fatal(err)
	}
	want := `{"id":"7","origin":{"file":"rows.jsonl","line":1,"source":"in"},"prompt":"1+1?","response":"<think>x</think>2"}`
	if first, _, _ := bytes.Cut(res.data, []byte("\n")); string(first) != want {
		t.Errorf("got  %s\nwant %s", first, want)
	}
	if fmt.Sprint(res.funnel.Dropped) != "[{malformed column-taken-prompt 1}]" || res.rows[1]["prompt"] != "as it is" {
		t.Errorf("%v %v", res.funnel.Dropped, res.rows[1])
	}
}

func TestMalformedRowsGoToQuarantine(t *testing.T) {
	dir := t.TempDir()
	text := "{\"id\":\"a\",\"prompt\":\"x\"}\nno\xff\n{\"id\":\"b\",\"prompt\":7}\n{\"prompt\":\"" + strings.Repeat("y", 70000) + "\n"
	if err := os.WriteFile(filepath.Join(dir, "rows.jsonl"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	source, err := Path(filepath.Join(dir, "rows.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	job := Job{
		Params: steps(), OutDir: filepath.Join(dir, "out"), MaxMalformed: 0.75,
		Files:  []NamedSource{{Name: "rows.jsonl", Source: source}},
		Layout: Layout{Dropped: "dropped.jsonl", Quarantine: "quarantine.jsonl"},
	}
	funnel, err := Run(t.Context(), job)
	if err != nil || funnel.In != 4 || funnel.Kept != 1 {
		t.Fatalf("%+v %v", funnel, err)
	}
	raw, err := os.ReadFile(filepath.Join(job.OutDir, "quarantine.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	got := decodeLines[quarantineRecord](t, raw)
	if len(got) != 3 || got[0] != (quarantineRecord{"rows.jsonl", "rows.jsonl", 2, "not-utf8", "no\uFFFD", false}) || got[1].Reason != "bad-prompt" || !got[2].Cut || len(got[2].Text) != quarantined {
		t.Errorf("got %.200v", got)
	}
	if dropped, err := os.ReadFile(filepath.Join(job.OutDir, "dropped.jsonl")); err != nil || len(dropped) != 0 {
		t.Errorf("dropped %s (%v)", dropped, err)
	}
	job.MaxMalformed, job.Strict = 0, true
	_, err = Run(t.Context(), job)
	wantError(t, err, "malformed-rows", "3 of 4 rows are malformed (75.0 %, at most 0.0 % may be)")
}
