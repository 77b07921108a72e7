package curate

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/r1ctl/r1ctl/internal/golden"
)

// labelledRow is a row of testdata/labelled with what a person says of it.
type labelledRow struct {
	Drop bool   `json:"drop"`
	Why  string `json:"why"`
}

// quality is how well a filter does on a labelled set.
type quality struct {
	name                   string
	step                   string
	rows, drop, hits, lost int      // hits are right drops, lost wrong ones
	wrong                  []string // what it gets wrong
}

func (q quality) precision() float64 { return float64(q.hits) / float64(q.hits+q.lost) }
func (q quality) recall() float64    { return float64(q.hits) / float64(q.drop) }

// measure runs the steps of a labelled set over its rows.
func measure(t *testing.T, path string) quality {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	head, rest, _ := strings.Cut(strings.TrimSpace(string(raw)), "\n")
	var set struct {
		Steps   []json.RawMessage `json:"steps"`
		Against []json.RawMessage `json:"against"`
	}
	if err := json.Unmarshal([]byte(head), &set); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	rows := strings.Split(rest, "\n")
	job := Job{Params: encode(map[string]any{"steps": set.Steps}), Inputs: map[string]Source{"rows": lines(rows...)}}
	if set.Against != nil {
		var against []string
		for _, r := range set.Against {
			against = append(against, string(r))
		}
		job.Compared = map[string]Source{"eval": lines(against...)}
	}
	res, err := run(t, job)
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	dropped := map[int]bool{}
	for _, d := range res.drops {
		dropped[d.Line] = true
	}
	q := quality{name: strings.TrimSuffix(filepath.Base(path), ".jsonl"), step: string(set.Steps[0]), rows: len(rows)}
	for i, text := range rows {
		var label labelledRow
		if err := json.Unmarshal([]byte(text), &label); err != nil || label.Why == "" {
			t.Fatalf("%s:%d: %v", path, i+2, err)
		}
		q.drop += b2i(label.Drop)
		switch got := dropped[i+1]; {
		case got && label.Drop:
			q.hits++
		case got:
			q.lost++
			q.wrong = append(q.wrong, "drops: "+label.Why)
		case label.Drop:
			q.wrong = append(q.wrong, "misses: "+label.Why)
		}
	}
	return q
}

// TestLabelledSets holds docs/curate.md to what the filters do: the numbers there
// are those of the labelled sets.
func TestLabelledSets(t *testing.T) {
	paths, err := filepath.Glob("testdata/labelled/*.jsonl")
	if err != nil || len(paths) == 0 {
		t.Fatal("no labelled sets", err)
	}
	var table strings.Builder
	table.WriteString("| labelled set | rows | to drop | precision | recall | what it gets wrong |\n| --- | --- | --- | --- | --- | --- |\n")
	for _, path := range paths {
		q := measure(t, path)
		if q.precision() < 0.75 || q.recall() < 0.4 {
			t.Errorf("%s: precision %.2f, recall %.2f: %s", q.name, q.precision(), q.recall(), q.wrong)
		}
		wrong := strings.Join(q.wrong, "; ")
		fmt.Fprintf(&table, "| `%s` | %d | %d | %.2f | %.2f | %s |\n", q.name, q.rows, q.drop, q.precision(), q.recall(), wrong)
	}
	const doc, begin, end = "../../docs/curate.md", "<!-- measured: go test ./internal/curate -run Labelled -update -->\n", "<!-- end -->\n"
	raw, err := os.ReadFile(doc)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok := strings.Cut(string(raw), begin)
	got, after, ok2 := strings.Cut(rest, end)
	if !ok || !ok2 {
		t.Fatalf("%s has no place for the numbers", doc)
	}
	if golden.Updating() {
		if err := os.WriteFile(doc, []byte(before+begin+table.String()+end+after), 0o644); err != nil {
			t.Fatal(err)
		}
	} else if got != table.String() {
		t.Errorf("the numbers of %s are not those of the labelled sets (go test ./internal/curate -run Labelled -update):\n%s", doc, table.String())
	}
}
