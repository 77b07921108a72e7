//go:build e2e

package e2e

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/r1ctl/r1ctl/internal/r1"
	"github.com/r1ctl/r1ctl/internal/review"
	"github.com/r1ctl/r1ctl/internal/runs"
)

// TestPeopleReviewRows exports rows of a waiting stage, makes mistakes, gives
// decisions back over a restart of the engine, and runs the recipe again.
func TestPeopleReviewRows(t *testing.T) {
	m := newMachine(t)
	run := decode[struct {
		Run string `json:"run"`
	}](t, m.mustRun("start", "testdata/review.yaml", "--detach", "-o", "json")).Run
	s := m.until(run, "checked", "waits", func(s runs.Stage) bool { return s.State == r1.RunWaiting })
	if s.Question != "a review of 3 rows" || !strings.Contains(s.Remedy, "review "+run+" checked -o") {
		t.Errorf("it asks %q and says %q", s.Question, s.Remedy)
	}
	file := filepath.Join(t.TempDir(), "batch.jsonl")
	m.mustRun("review", run, "checked", "-o", file)
	m.refused(1, "output-exists", "review", run, "checked", "-o", file)
	m.refused(2, "unknown-gate", "review", run, "rows", file)
	m.refused(2, "review-incomplete", "review", run, "checked", file)

	var rows []review.Row
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(raw)) {
		rows = append(rows, decode[review.Row](t, line))
	}
	rows[0].Review.Decision = review.Accept
	rows[1].Review = review.Opinion{Decision: review.Reject, Reason: "says too little"}
	rows[2].Response = strings.Replace(rows[2].Response, "and", "plus", 1)
	submit := func() {
		t.Helper()
		f, err := os.Create(file)
		if err == nil {
			err = review.Write(f, rows)
		}
		if err != nil || f.Close() != nil {
			t.Fatal(err)
		}
	}
	submit()
	m.refused(2, "review-invalid", "review", run, "checked", file) // an edit that does not say so
	rows[2].Review.Decision = review.Edit
	submit()

	m.mustRun("server", "stop")
	if said := m.mustRun("review", run, "checked", file); !strings.Contains(said, "is reviewed: 1 rows accepted, 1 edited, 1 rejected") {
		t.Error(said)
	}
	m.mustRun("watch", run)
	if said := m.mustRun("review", run, "checked", file); !strings.Contains(said, "was reviewed already") {
		t.Error(said)
	}
	done := stageOf(t, m.status(run), "checked")
	if done.Reviewed == nil || done.Reviewed.Rejected != 1 || done.Metrics["rows"] != 5 {
		t.Errorf("reviewed %+v, metrics %v", done.Reviewed, done.Metrics)
	}

	again := decode[struct {
		Run string `json:"run"`
	}](t, m.mustRun("start", "testdata/review.yaml", "--detach", "-o", "json")).Run
	m.mustRun("watch", again)
	if s := stageOf(t, m.status(again), "checked"); !s.Reused {
		state, _ := json.Marshal(s)
		t.Errorf("the second run did not reuse the reviewed rows: %s", state)
	}
}
