package curate

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/r1ctl/r1ctl/internal/r1"
)

// lines is a source of the rows given as JSON.
func lines(rows ...string) Source {
	return Generated("rows.jsonl", func(yield func(json.RawMessage) bool) {
		for _, row := range rows {
			if !yield(json.RawMessage(row)) {
				return
			}
		}
	})
}

// sampled is a sample row as a trainer writes it; extra overrides.
func sampled(id string, n int, response string, label r1.Label, extra map[string]any) string {
	row := map[string]any{
		"id": id, "domain": "arithmetic", "prompt": "what is " + id + "?", "gold": "7", "verifier": "integer", "split": "train",
		"sample": n, "response": response, "tokens": len(response), "finish": "stop",
		"verdict": r1.Verdict{Label: label, Answer: "7", Verifier: "integer/1"},
		"rewards": map[string]any{"accuracy": 1.0},
		"origin":  map[string]any{"run": "r", "stage": "zero-samples", "job": "main", "model_sha256": "abc"},
	}
	for k, v := range extra {
		if row[k] = v; v == nil {
			delete(row, k)
		}
	}
	return string(encode(row))
}

// result is what a run left behind.
type result struct {
	funnel r1.Funnel
	rows   []map[string]any
	drops  []dropRecord
	bad    []quarantineRecord
	data   []byte
}

func (r result) ids() []string {
	var ids []string
	for _, row := range r.rows {
		ids = append(ids, fmt.Sprint(row["id"]))
	}
	return ids
}

// dropped tells the drops as "id step reason".
func (r result) dropped() []string {
	var all []string
	for _, d := range r.drops {
		all = append(all, d.ID+" "+d.Step+" "+d.Reason)
	}
	slices.Sort(all)
	return all
}

// run curates and checks what must hold of every run.
func run(t testing.TB, job Job) (result, error) {
	t.Helper()
	if job.OutDir == "" {
		job.OutDir = t.TempDir()
	}
	funnel, err := Run(t.Context(), job)
	if funnel.In == 0 {
		return result{}, err
	}
	res := result{funnel: funnel, rows: readRows(t, job.OutDir), drops: readRecords[dropRecord](t, job.OutDir, droppedFile), bad: readRecords[quarantineRecord](t, job.OutDir, quarantineFile)}
	res.data, _ = os.ReadFile(filepath.Join(job.OutDir, dataFile))
	sum, bySource := funnel.Kept, 0
	for _, d := range funnel.Dropped {
		sum += d.Rows
	}
	for _, s := range funnel.Sources {
		bySource += s.Rows
	}
	if sum != funnel.In || bySource != funnel.In || funnel.Kept != len(res.rows) || funnel.In-funnel.Kept != len(res.drops)+len(res.bad) {
		t.Errorf("the funnel does not add up: %+v, %d rows, %d drops, %d in quarantine", funnel, len(res.rows), len(res.drops), len(res.bad))
	}
	var onDisk r1.Funnel
	raw, readErr := os.ReadFile(filepath.Join(job.OutDir, funnelFile))
	if readErr != nil || json.Unmarshal(raw, &onDisk) != nil || onDisk.In != funnel.In || onDisk.Kept != funnel.Kept {
		t.Errorf("funnel.json differs: %s (%v)", raw, readErr)
	}
	entries, _ := os.ReadDir(job.OutDir)
	want := []string{dataFile, droppedFile, funnelFile, quarantineFile}
	if len(funnel.Origins) > 0 {
		want = append(want, sourcesFile)
	}
	if !slices.EqualFunc(entries, want, func(e os.DirEntry, name string) bool { return e.Name() == name }) {
		t.Errorf("the output holds %v, want %v", entries, want)
	}
	return res, err
}

func readRows(t testing.TB, dir string) []map[string]any {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(dir, dataFile))
	if err != nil {
		t.Fatal(err)
	}
	return decodeLines[map[string]any](t, raw)
}

func readRecords[T any](t testing.TB, dir, name string) []T {
	t.Helper()
	f, err := os.Open(filepath.Join(dir, name))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	zr, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	var buf bytes.Buffer
	if _, err := buf.ReadFrom(zr); err != nil {
		t.Fatal(err)
	}
	return decodeLines[T](t, buf.Bytes())
}

func decodeLines[T any](t testing.TB, raw []byte) []T {
	t.Helper()
	var all []T
	scanner := bufio.NewScanner(bytes.NewReader(raw))
	scanner.Buffer(nil, 1<<26)
	for scanner.Scan() {
		var v T
		if err := json.Unmarshal(scanner.Bytes(), &v); err != nil {
			t.Fatalf("%v in %s", err, scanner.Bytes())
		}
		all = append(all, v)
	}
	return all
}

func steps(list ...string) json.RawMessage {
	return json.RawMessage(`{"steps":[` + strings.Join(list, ",") + `]}`)
}

func wantError(t *testing.T, err error, name, says string) {
	t.Helper()
	e, ok := r1.AsError(err)
	if !ok || e.Name != name || !strings.Contains(err.Error(), says) || e.Remedy == "" {
		t.Errorf("got %v, want %s with %q and a remedy", err, name, says)
	}
}
