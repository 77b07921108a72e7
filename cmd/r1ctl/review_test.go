package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestReviewAndTestsRefuseWhatMakesNoSense(t *testing.T) {
	t.Setenv("R1CTL_STATE_DIR", filepath.Join(t.TempDir(), "state"))
	rows := filepath.Join(t.TempDir(), "rows.jsonl")
	if err := os.WriteFile(rows, []byte(`{"id":"a"}`+"\n"+`{"prompt":"x"}`+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		args []string
		code int
		want string
	}{
		"neither to nor from":   {[]string{"review", "run", "stage"}, exitUsage, "give -o FILE to export rows, or the FILE to submit"},
		"to and from":           {[]string{"review", "run", "stage", rows, "-o", "x"}, exitUsage, "not both"},
		"rows of a submission":  {[]string{"review", "run", "stage", rows, "--rows", "3"}, exitUsage, "for the export"},
		"no rows":               {[]string{"review", "run", "stage", "-o", "x", "--rows", "0"}, exitUsage, "--rows must be at least 1"},
		"tests without output":  {[]string{"tests", rows}, exitUsage, "say with -o OUT.jsonl"},
		"tests over something":  {[]string{"tests", rows, "-o", rows}, exitError, "[output-exists]"},
		"tests of none":         {[]string{"tests", rows, "-o", rows + ".out", "--most", "0"}, exitUsage, "must be above 0"},
		"tests of no problem":   {[]string{"tests", rows, "-o", rows + ".out"}, exitError, "rows.jsonl:2: id is missing"},
		"tests without samples": {[]string{"tests", rows, "-o", rows + ".out", "--solutions", rows + ".none"}, exitError, "rows.jsonl:2"},
	} {
		_, errs, code := call(t, c.args...)
		if code != c.code || !strings.Contains(errs, c.want) {
			t.Errorf("%s: exit code %d, %q; want %d, %q", name, code, errs, c.code, c.want)
		}
	}
}

// A reviewed batch is applied to files, without an engine.
func TestAReviewOfFiles(t *testing.T) {
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	for name, text := range map[string]string{
		"c.yaml":    "datasets: {checked: batch.jsonl}\nsteps: [{filter: review, against: checked, unreviewed: drop}]\n",
		"none.yaml": "steps: [{filter: review}]\n",
		"rows.jsonl": `{"id":"a","prompt":"p","response":"one"}` + "\n" + `{"id":"b","prompt":"p","response":"two"}` + "\n" +
			`{"id":"c","prompt":"p","response":"three"}` + "\n",
		"batch.jsonl": `{"id":"a","prompt":"p","response":"one","digest":"7692c3ad3540bb80","review":{"decision":"accept","reason":"","by":"ada"}}` + "\n" +
			`{"id":"b","prompt":"p","response":"two","digest":"3fc4ccfe745870e2","review":{"decision":"reject","reason":"too short","by":"ada"}}` + "\n",
	} {
		if err := os.WriteFile(at(name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	out, errs, code := call(t, "curate", at("c.yaml"), at("rows.jsonl"), "-o", at("out"))
	if code != exitOK || !strings.Contains(out, "rejected:too short") || !strings.Contains(out, "not-reviewed") {
		t.Errorf("exit code %d\n%s%s", code, out, errs)
	}
	if raw, err := os.ReadFile(at("out/data.jsonl")); err != nil || !strings.Contains(string(raw), `"reviewed":true`) {
		t.Errorf("%s, %v", raw, err)
	}
	if _, errs, code := call(t, "curate", at("none.yaml"), at("rows.jsonl"), "-o", at("other")); code == exitOK || !strings.Contains(errs, "against") {
		t.Errorf("without a batch: exit code %d, %s", code, errs)
	}
}
