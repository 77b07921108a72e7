package tally_test

import (
	"os"
	"path/filepath"
	"reflect"
	"testing"

	"github.com/r1ctl/r1ctl/internal/r1"
	"github.com/r1ctl/r1ctl/internal/tally"
)

func TestSamples(t *testing.T) {
	dir := t.TempDir()
	rows := `{"domain":"math","tokens":10,"verdict":{"label":"correct","verifier":"math/1"}}
{"domain":"math","tokens":5,"verdict":{"label":"wrong","reason":"differs","verifier":"math/1"}}
{"domain":"code","tokens":7,"verdict":{"label":"unverified","reason":"sandbox-unavailable","verifier":"code/1"}}
{"domain":"general","tokens":1,"verdict":null}
`
	if err := os.WriteFile(filepath.Join(dir, "samples.jsonl"), []byte(rows), 0o600); err != nil {
		t.Fatal(err)
	}
	got, err := tally.Samples(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	if why := got.Problem(); why != "" {
		t.Error(why)
	}
	want := &r1.Funnel{
		In: 4, Kept: 4, TokensIn: 23, TokensKept: 23, Unverified: 1,
		Verdicts: []r1.FunnelCount{{Name: "correct", Rows: 1}, {Name: "none", Rows: 1}, {Name: "unverified", Reason: "sandbox-unavailable", Rows: 1}, {Name: "wrong", Rows: 1}},
		Domains: []r1.FunnelDomain{
			{Name: "code", In: 1, Kept: 1, TokensIn: 7, TokensKept: 7, Unverified: 1, Verdicts: []r1.FunnelCount{{Name: "unverified", Reason: "sandbox-unavailable", Rows: 1}}},
			{Name: "general", In: 1, Kept: 1, TokensIn: 1, TokensKept: 1, Verdicts: []r1.FunnelCount{{Name: "none", Rows: 1}}},
			{Name: "math", In: 2, Kept: 2, TokensIn: 15, TokensKept: 15, Verdicts: []r1.FunnelCount{{Name: "correct", Rows: 1}, {Name: "wrong", Rows: 1}}},
		},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

func TestWhatIsNoSample(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "samples.jsonl"), []byte("{}\nnonsense\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := tally.Samples(t.Context(), dir); err == nil {
		t.Error("a line that is no sample was counted")
	}
}
