package provenance

import (
	"encoding/json"
	"testing"

	"github.com/r1ctl/r1ctl/internal/r1"
)

func TestFoldersStayAtHome(t *testing.T) {
	r := Record{Step: Step{Params: json.RawMessage(`{"source":"/home/ada/models/base","rate":1e-4}`)}, Behind: []Step{
		{Params: json.RawMessage(`{"sources":[{"address":"/home/ada/rows.jsonl"},{"address":"hf://a/b"}],"template":{"text":"/not a path {prompt}"}}`)},
		{Params: json.RawMessage(`{"steps": 10}`)},
	}}
	before := r.Behind
	if err := r.WithoutFolders(); err != nil {
		t.Fatal(err)
	}
	for i, want := range []string{`{"rate":0.0001,"source":"base"}`, `{"sources":[{"address":"rows.jsonl"},{"address":"hf://a/b"}],"template":{"text":"/not a path {prompt}"}}`, `{"steps": 10}`} {
		got := r.Params
		if i > 0 {
			got = r.Behind[i-1].Params
		}
		if string(got) != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
	if string(before[0].Params) == string(r.Behind[0].Params) {
		t.Error("the steps that were given were changed")
	}
}

// What a person adds stands below the title; a data set names the files with rows.
func TestCardOfADataset(t *testing.T) {
	r := Record{Artifact: r1.Artifact{Type: r1.TypeDataset}, Files: []r1.ManifestEntry{
		{Path: "data-00000-of-00002.parquet"}, {Path: "data-00001-of-00002.parquet"}, {Path: "funnel.json"}, {Path: "dropped.jsonl.gz"}, {Path: "sources.json"},
	}}
	raw, err := r.Card(CardOptions{Title: "Rows", Notes: "Not for use.\n"})
	if err != nil {
		t.Fatal(err)
	}
	const want = "---\nconfigs:\n    - config_name: default\n      data_files:\n        - path:\n            - data-00000-of-00002.parquet\n            - data-00001-of-00002.parquet\n" +
		"          split: train\ntags:\n    - r1ctl\n    - \"\"\n---\n\n# Rows\n\nNot for use.\n\nMade by"
	if got := string(raw)[:len(want)]; got != want {
		t.Errorf("got\n%s", got)
	}
}
