package main

import (
	"context"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/r1ctl/r1ctl/internal/r1"
)

// curateFiles writes files into a folder of their own.
func curateFiles(t *testing.T, files map[string]string) (dir string) {
	t.Helper()
	dir = t.TempDir()
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

const (
	curateConfig = `columns: {prompt: problem, response: solution}
datasets: {eval: eval.jsonl}
steps:
  - {filter: format, style: think}
  - {do: dedup, by: [prompt]}
  - {filter: decontaminate, against: eval}
`
	curateRows = `{"problem": "1+1?", "solution": "<think>two</think>2"}
{"problem": "1+1?", "solution": "<think>again</think>2"}
{"problem": "1+2?", "solution": "3"}
{"problem": "9+9?", "solution": "<think>eighteen</think>18"}
{"problem": "2+2?", "solution": "<think>four</think>4"}
`
)

func TestCurate(t *testing.T) {
	dir := curateFiles(t, map[string]string{
		"c.yaml": curateConfig, "rows.jsonl": curateRows, "eval.jsonl": `{"prompt": "9+9?"}`,
		"bad.jsonl": curateRows + "no\n", "lenient.yaml": "max_bad: 0.5\n" + curateConfig,
	})
	at := func(name string) string { return filepath.Join(dir, name) }
	out, errs, code := call(t, "curate", at("c.yaml"), at("rows.jsonl"), "-o", at("clean"), "-o", "json")
	if code != exitOK {
		t.Fatalf("exit code %d: %s", code, errs)
	}
	var result curateResult
	if err := json.Unmarshal([]byte(out), &result); err != nil {
		t.Fatalf("%v in %s", err, out)
	}
	sum := result.Funnel.Kept
	for _, d := range result.Funnel.Dropped {
		sum += d.Rows
	}
	if result.Funnel.In != 5 || result.Funnel.Kept != 2 || sum != 5 || result.Folder != at("clean") {
		t.Errorf("got %+v", result)
	}
	text := read(t, at("clean/dropped.jsonl"))
	for i, want := range []string{`"step":"dedup","reason":"duplicate"`, `"reason":"not-think"`, `"step":"decontaminate","reason":"same-prompt"`} {
		line := strings.Split(text, "\n")[i]
		if !strings.Contains(line, want) || !strings.Contains(line, `"line":`+string("234"[i])) {
			t.Errorf("drop %d is %s, want %s", i, line, want)
		}
	}
	if funnel := read(t, at("clean/funnel.json")); !strings.Contains(funnel, `"kept": 2`) {
		t.Errorf("funnel.json is %s", funnel)
	}
	rows := read(t, at("clean/data.jsonl"))
	if strings.Count(rows, "\n") != 2 || !strings.Contains(rows, `"prompt":"2+2?"`) {
		t.Errorf("rows are %s", rows)
	}

	for name, c := range map[string]struct {
		args           []string
		code           int
		stdout, stderr string
		there          []string // beside what was there
	}{
		"it exists":           {[]string{"c.yaml", "rows.jsonl", "-o", "clean"}, exitError, "", "[output-exists]", nil},
		"by force":            {[]string{"c.yaml", "rows.jsonl", "-o", "clean", "--force"}, exitOK, "kept             2", "", nil},
		"a folder of others":  {[]string{"c.yaml", "rows.jsonl", "-o", "mine", "--force"}, exitError, "", "[output-not-replaced]", nil},
		"what is read":        {[]string{"none.yaml", "clean", "-o", "clean", "--force"}, exitError, "", "[output-holds-input]", nil},
		"a file":              {[]string{"c.yaml", "rows.jsonl", "-o", "set.parquet"}, exitOK, "set.parquet", "", []string{"set.curate", "set.parquet"}},
		"its accounts exist":  {[]string{"c.yaml", "rows.jsonl", "-o", "set.jsonl"}, exitError, "", "set.curate exists", nil},
		"from Parquet":        {[]string{"none.yaml", "set.parquet", "-o", "back.jsonl"}, exitOK, "read  2", "", []string{"back.curate", "back.jsonl"}},
		"compressed":          {[]string{"c.yaml", "rows.jsonl", "-o", "zipped", "--format", "jsonl.zst"}, exitOK, "", "", []string{"zipped"}},
		"from a folder":       {[]string{"none.yaml", "zipped", "-o", "again", "-o", "json"}, exitOK, `"kept": 2`, "", []string{"again"}},
		"too many bad":        {[]string{"c.yaml", "bad.jsonl", "-o", "x"}, exitError, "", "1 of 6 rows are malformed", []string{"x.failed"}},
		"few enough bad":      {[]string{"lenient.yaml", "bad.jsonl", "-o", "x"}, exitOK, "- malformed      1", "", []string{"x"}},
		"a set twice":         {[]string{"c.yaml", "rows.jsonl", "rows.jsonl", "-o", "twice"}, exitOK, "read             10", "", []string{"twice"}},
		"no such input":       {[]string{"c.yaml", "row.jsonl", "-o", "y"}, exitError, "", "[source-not-found]", nil},
		"no such config":      {[]string{"d.yaml", "rows.jsonl", "-o", "y"}, exitUsage, "", "read the config", nil},
		"no output":           {[]string{"c.yaml", "rows.jsonl"}, exitUsage, "", "-o OUT is missing", nil},
		"two outputs":         {[]string{"c.yaml", "rows.jsonl", "-o", "y", "-o", "z"}, exitUsage, "", "given twice", nil},
		"no input":            {[]string{"c.yaml", "-o", "y"}, exitUsage, "", "requires at least 2 arg", nil},
		"unknown format":      {[]string{"c.yaml", "rows.jsonl", "-o", "y", "--format", "csv"}, exitUsage, "", `--format is "csv", expected one of jsonl`, nil},
		"a format too many":   {[]string{"c.yaml", "rows.jsonl", "-o", "y.jsonl", "--format", "parquet"}, exitUsage, "", "ends in jsonl", nil},
		"standard input, bad": {[]string{"c.yaml", "-", "-", "-o", "y"}, exitUsage, "", "given twice", nil},
	} {
		t.Run(name, func(t *testing.T) {
			dir := curateFiles(t, map[string]string{
				"c.yaml": curateConfig, "rows.jsonl": curateRows, "eval.jsonl": `{"prompt": "9+9?"}`,
				"bad.jsonl": curateRows + "no\n", "lenient.yaml": "max_bad: 0.5\n" + curateConfig, "none.yaml": "steps: []\n",
			})
			t.Chdir(dir)
			if err := os.Mkdir("mine", 0o700); err != nil {
				t.Fatal(err)
			}
			for _, made := range [][]string{{"clean"}, {"set.parquet"}, {"zipped", "--format", "jsonl.zst"}} {
				if slices.Contains(c.there, made[0]) {
					continue
				}
				if _, errs, code := call(t, append([]string{"curate", "c.yaml", "rows.jsonl", "-o"}, made...)...); code != exitOK {
					t.Fatal(errs)
				}
			}
			before := list(t, dir)
			out, errs, code := call(t, append([]string{"curate"}, c.args...)...)
			if code != c.code || !strings.Contains(out, c.stdout) || !strings.Contains(errs, c.stderr) {
				t.Errorf("exit code %d, want %d\nstdout %s\nstderr %s", code, c.code, out, errs)
			}
			var made []string
			for _, file := range list(t, dir) {
				if !slices.Contains(before, file) {
					made = append(made, file)
				}
			}
			if !slices.Equal(made, c.there) {
				t.Errorf("it left %q, want %q", made, c.there)
			}
		})
	}
}

func TestCurateReadsStandardInput(t *testing.T) {
	dir := curateFiles(t, map[string]string{"c.yaml": "steps: [{filter: shuffle}]\n", "rows.jsonl": `{"prompt": "a"}` + "\n"})
	a := &app{out: &strings.Builder{}, err: &strings.Builder{}}
	root := a.root()
	in, err := os.Open(filepath.Join(dir, "rows.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	root.SetIn(in)
	root.SetArgs([]string{"curate", filepath.Join(dir, "c.yaml"), "-", "-o", filepath.Join(dir, "out")})
	if err := root.ExecuteContext(t.Context()); err != nil {
		t.Fatal(err)
	}
	if rows := read(t, filepath.Join(dir, "out", "data.jsonl")); !strings.Contains(rows, `"source":"stdin"`) {
		t.Errorf("rows are %s", rows)
	}
}

// A command that waits for input can be stopped, and leaves nothing behind.
func TestCurateStopsWhileItWaits(t *testing.T) {
	dir := curateFiles(t, map[string]string{"c.yaml": "steps: []\n"})
	ctx, cancel := context.WithCancel(t.Context())
	in, writer := io.Pipe()
	defer writer.Close()
	errs := &strings.Builder{}
	a := &app{out: io.Discard, err: errs}
	root := a.root()
	root.SetIn(in)
	root.SetArgs([]string{"curate", filepath.Join(dir, "c.yaml"), "-", "-o", filepath.Join(dir, "out")})
	go func() {
		_, _ = io.WriteString(writer, `{"prompt": "a"}`+"\n")
		cancel()
	}()
	if code := report(io.Discard, root.ExecuteContext(ctx)); code != exitCancelled || !strings.Contains(errs.String(), "nothing was written") {
		t.Errorf("exit code %d: %s", code, errs)
	}
	if left := list(t, dir); !slices.Equal(left, []string{"c.yaml"}) {
		t.Errorf("it left %q", left)
	}
}

func TestMistakesInACurationAreNamed(t *testing.T) {
	config := `colums: {}
columns: {prompt: problem, respons: solution, id: problem}
max_bad: 2
datasets: {eval: [], test: eval.jsonl, other: 7}
steps:
  - {filter: fromat}
  - {do: length, min: 9, max: 3}
  - {filter: repetition, maximum: 0.3}
  - {filter: decontaminate, against: evla}
  - {filter: dedup, do: dedup}
  - {max: 3}
  - {filtr: shuffle}
`
	dir := curateFiles(t, map[string]string{"c.yaml": config, "rows.jsonl": curateRows})
	_, errs, code := call(t, "curate", filepath.Join(dir, "c.yaml"), filepath.Join(dir, "rows.jsonl"), "-o", filepath.Join(dir, "out"))
	if code != exitUsage || !strings.Contains(errs, "[config-invalid]") {
		t.Errorf("exit code %d: %s", code, errs)
	}
	for _, want := range []string{
		`c.yaml:1:1: colums: unknown key "colums"; did you mean "columns"?`,
		`c.yaml:2:28: columns.respons: unknown field "respons"; did you mean "response"?`,
		`c.yaml:2:51: columns.id: the column "problem" is the field prompt already`,
		`c.yaml:3:10: max_bad: expected a number from 0 to 1, found the number 2`,
		`c.yaml:4:18: datasets.eval: expected a list of paths that is not empty`,
		`c.yaml:4:47: datasets.other: expected a path, found the number 7`,
		`c.yaml:4:22: datasets.test: no step compares with it`,
		`c.yaml:6:14: steps[0].filter: unknown filter "fromat"; did you mean "format"?`,
		`c.yaml:7:5: steps[1]: min 9 and max 3 leave nothing between them`,
		`c.yaml:8:26: steps[2].maximum: unknown key "maximum"`,
		`c.yaml:9:38: steps[3].against: there is no dataset "evla" under datasets; did you mean "eval"?`,
		`c.yaml:10:25: steps[4]: filter and do are two names for one thing`,
		`c.yaml:11:5: steps[5]: filter is missing`,
		`c.yaml:12:6: steps[6].filtr: unknown key "filtr"; did you mean "filter"?`,
	} {
		if !strings.Contains(errs, want) {
			t.Errorf("stderr lacks %s", want)
		}
	}
	if t.Failed() {
		t.Log(errs)
	}
}

func read(t *testing.T, path string) string {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

func list(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

// A curation that was killed leaves its hidden folder; the next one clears it, and
// two of one OUT do not mix.
func TestCurationsOfOneOutput(t *testing.T) {
	dir := t.TempDir()
	left := filepath.Join(dir, ".set.curate")
	for _, file := range []string{filepath.Join(left, "data.jsonl"), filepath.Join(dir, ".set.curate.old", "funnel.json")} {
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte("{}"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	work, release, err := workFolder(dir, "set")
	if err != nil {
		t.Fatal(err)
	}
	if found, err := os.ReadDir(work); err != nil || len(found) != 0 {
		t.Errorf("what was left is still there: %v, %v", found, err)
	}
	if _, _, err := workFolder(dir, "set"); err == nil {
		t.Error("a second curation writes the same OUT")
	} else if e, ok := r1.AsError(err); !ok || e.Name != "output-busy" {
		t.Errorf("a second curation: %v", err)
	}
	out := filepath.Join(dir, "set")
	if err := os.Rename(work, out); err != nil {
		t.Fatal(err)
	}
	again, releaseAgain, err := workFolder(dir, "set")
	if err != nil {
		t.Fatal(err)
	}
	release() // of the first: what is in its place is not its own
	if _, err := os.Stat(again); err != nil {
		t.Error("the folder of the second curation is gone")
	}
	releaseAgain()
	if found, err := os.ReadDir(dir); err != nil || len(found) != 1 {
		t.Errorf("left behind: %v, %v", found, err)
	}
}
