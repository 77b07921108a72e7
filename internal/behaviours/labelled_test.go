package behaviours_test

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/r1ctl/r1ctl/internal/behaviours"
	"github.com/r1ctl/r1ctl/internal/golden"
)

// labelledTrace is a row of testdata/labelled.jsonl: a trace with what a person says
// that it shows.
type labelledTrace struct {
	Text    string   `json:"text"`
	Shows   []string `json:"shows"`
	Why     string   `json:"why"`
	Domain  string   `json:"domain"`
	Numbers []int64  `json:"numbers"`
	Target  *int64   `json:"target"`
}

func labelled(t *testing.T, set string) []labelledTrace {
	t.Helper()
	raw, err := os.ReadFile("testdata/" + set + ".jsonl")
	if err != nil {
		t.Fatal(err)
	}
	var traces []labelledTrace
	for i, line := range strings.Split(strings.TrimSpace(string(raw)), "\n") {
		var l labelledTrace
		if err := json.Unmarshal([]byte(line), &l); err != nil || l.Why == "" || l.Shows == nil {
			t.Fatalf("line %d: %v", i+1, err)
		}
		for _, name := range l.Shows {
			if !slices.Contains(behaviours.Names(), name) {
				t.Fatalf("line %d: %q is no behaviour", i+1, name)
			}
		}
		traces = append(traces, l)
	}
	return traces
}

// TestLabelledTraces holds docs/behaviours.md to what the rules do: the numbers there
// are those of the two sets. The rules were written with labelled.jsonl at hand; heldout.jsonl
// came after them, and they stay as they are whatever it says.
func TestLabelledTraces(t *testing.T) {
	c := behaviours.New()
	var table strings.Builder
	table.WriteString("| set | behaviour | traces | that show it | precision | recall | what the rules get wrong |\n| --- | --- | --- | --- | --- | --- | --- |\n")
	for _, set := range []string{"labelled", "heldout"} {
		traces := labelled(t, set)
		for _, name := range behaviours.Names() {
			q := measure(c, traces, name)
			if set == "labelled" && (q.precision() < 0.85 || q.recall() < 0.75) {
				t.Errorf("%s: precision %.2f, recall %.2f: %s", name, q.precision(), q.recall(), q.wrong)
			}
			fmt.Fprintf(&table, "| `%s` | `%s` | %d | %d | %.2f | %.2f | %s |\n",
				set, name, len(traces), q.shows, q.precision(), q.recall(), strings.Join(q.wrong, "; "))
		}
	}
	inDoc(t, table.String())
}

// quality is how well the rules of a behaviour do.
type quality struct {
	shows, found, hits int
	wrong              []string
}

func (q quality) precision() float64 { return float64(q.hits) / float64(q.found) }
func (q quality) recall() float64    { return float64(q.hits) / float64(q.shows) }

func measure(c *behaviours.Counter, traces []labelledTrace, name string) (q quality) {
	for _, l := range traces {
		counts := c.Row(behaviours.Row{Domain: l.Domain, Response: l.Text, Numbers: l.Numbers, Target: l.Target})
		n, _ := counts.Of(name)
		truth := slices.Contains(l.Shows, name)
		switch {
		case n > 0 && truth:
			q.hits++
		case n > 0:
			q.wrong = append(q.wrong, "sees: "+l.Why)
		case truth:
			q.wrong = append(q.wrong, "misses: "+l.Why)
		}
		q.shows += b2i(truth)
		q.found += b2i(n > 0)
	}
	return q
}

// inDoc compares the table with the one in the docs, or puts it there.
func inDoc(t *testing.T, table string) {
	t.Helper()
	const doc, begin, end = "../../docs/behaviours.md", "<!-- measured: go test ./internal/behaviours -run Labelled -update -->\n", "<!-- end -->\n"
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
		if err := os.WriteFile(doc, []byte(before+begin+table+end+after), 0o644); err != nil {
			t.Fatal(err)
		}
	} else if got != table {
		t.Errorf("the numbers of %s are not those of the labelled traces (go test ./internal/behaviours -run Labelled -update):\n%s", doc, table)
	}
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}
