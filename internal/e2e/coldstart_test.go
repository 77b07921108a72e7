//go:build e2e

package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/r1ctl/r1ctl/internal/chat/scripted"
	"github.com/r1ctl/r1ctl/internal/r1"
	"github.com/r1ctl/r1ctl/internal/review"
	"github.com/r1ctl/r1ctl/internal/runs"
)

// between is the text between two others, or what follows the first.
func between(text, from, to string) string {
	_, rest, _ := strings.Cut(text, from)
	if to != "" {
		rest, _, _ = strings.Cut(rest, to)
	}
	return strings.TrimSpace(rest)
}

var answerBlock = regexp.MustCompile(`<answer>\s*(.*?)\s*</answer>`)

// scriptedHelper answers what the templates of recipes/cold-start.yaml ask: it is a
// script, and no model.
func scriptedHelper(r scripted.Request) scripted.Reply {
	ask := r.Prompt
	text := "Certainly. " + strings.Repeat("Here is more about it. ", 1+r.Count%3)
	switch {
	case strings.Contains(ask, "Reference answer: "):
		says := "incorrect"
		if strings.Contains(between(ask, "Response:", ""), `\boxed{`+between(ask, "Reference answer:", "\n")+"}") {
			says = "correct"
		}
		text = fmt.Sprintf(`{"analysis": "compared", "correctness": %q}`, says)
	case strings.Contains(ask, "Assistant A: "):
		a, b := between(ask, "Assistant A:", "Assistant B:"), between(ask, "Assistant B:", "")
		longer := len(between(ask, "User:", "\n"))%2 == 0 // for some users the longer answer is better, for others the shorter one
		text = `{"analysis": "it fits better", "verdict": "B>>A"}`
		if len(a) > len(b) == longer {
			text = `{"analysis": "it fits better", "verdict": "A>>B"}`
		}
	case strings.Contains(ask, `"label": "safe" or "unsafe"`):
		text = "```json\n" + `{"analysis": "it is friendly", "label": "safe"}` + "\n```"
	case strings.Contains(ask, "Notes: "):
		answer := ""
		if m := answerBlock.FindStringSubmatch(between(ask, "Answer:", "")); m != nil {
			answer = m[1]
		}
		text = fmt.Sprintf("<think>\nI look at the numbers: %s. Let me check that once more, from the start.\n</think>\nThe result is \\boxed{%s}.", between(ask, "Notes:", "\n"), answer)
	case strings.HasSuffix(strings.SplitN(ask, "\n", 2)[0], "=?"):
		text = fmt.Sprintf("<think>\nI take it from the left. Let me check what I got before I say it.\n</think>\nThe result is \\boxed{%d}.", chain(strings.SplitN(ask, "\n", 2)[0]))
	case strings.Contains(ask, "open question"):
		text = "<think>\nI name it.\n</think>\n\\boxed{blue whale}"
	}
	return scripted.Reply{Text: text, Tokens: 12}
}

// TestColdStartData runs the recipe of cold-start data: a tiny model samples, a
// script answers in place of an endpoint's model, and a person reviews.
func TestColdStartData(t *testing.T) {
	server := scripted.New(t, scriptedHelper)
	t.Setenv("TEACHER_KEY", teacherKey)
	m := newMachine(t)
	t.Setenv("R1CTL_ENDPOINTS", fmt.Sprintf(`{"teacher": {"url": %q, "key_env": "TEACHER_KEY", "concurrency": 4}}`, server.URL))
	dir := t.TempDir()
	open := filepath.Join(dir, "open.jsonl")
	raw, err := os.ReadFile("../../recipes/cold-start.yaml")
	if err == nil {
		err = os.WriteFile(open, []byte(`{"domain":"open","prompt":"An open question: the largest animal?","gold":"blue whale","verifier":"none"}`+"\n"+
			`{"domain":"open","prompt":"Another open question: the largest fish?","gold":"whale shark","verifier":"none"}`+"\n"), 0o600)
	}
	recipe := filepath.Join(dir, "cold-start.yaml")
	text := strings.ReplaceAll(string(raw), ", omit: true", "")
	text = strings.ReplaceAll(text, "s3://your-bucket/cold/open.jsonl", open)
	text = strings.ReplaceAll(text, "audit: 0.02", "audit: 0.5")
	if err == nil {
		err = os.WriteFile(recipe, []byte(text), 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	run := decode[map[string]string](t, m.mustRun("start", recipe, "--profile", "laptop", "--detach", "-o", "json"))["run"]
	m.until(run, "cold-start", "waits", func(s runs.Stage) bool { return s.State == r1.RunWaiting })

	batch := filepath.Join(dir, "batch.jsonl")
	m.mustRun("review", run, "cold-start", "-o", batch)
	lines, err := os.ReadFile(batch)
	if err != nil {
		t.Fatal(err)
	}
	var rows []review.Row
	for line := range strings.Lines(string(lines)) {
		row := decode[review.Row](t, line)
		row.Review = review.Opinion{Decision: review.Accept}
		rows = append(rows, row)
	}
	rows[0].Review = review.Opinion{Decision: review.Reject, Reason: "not readable"}
	f, err := os.Create(batch)
	if err == nil {
		err = review.Write(f, rows)
	}
	if err != nil || f.Close() != nil {
		t.Fatal(err)
	}
	m.mustRun("review", run, "cold-start", batch)
	waitFor(t, "end of the run", 5*time.Minute, func() bool { return m.status(run).State.Ended() })
	st := m.status(run)
	if st.State != r1.RunCompleted {
		t.Fatalf("the run is %s: %s", st.State, st.Error)
	}
	for _, name := range []string{"zero-readable", "few-shot", "reflect", "refined", "cold-start", "judged", "general", "preferences", "safety"} {
		var commit r1.Commit
		m.get(r1.Layout{Recipe: "cold-start", Run: run}.Commit(r1.JobKey{Run: run, Stage: name, Job: r1.MainJob}), &commit)
		sum := commit.Funnel.Kept
		for _, d := range commit.Funnel.Dropped {
			sum += d.Rows
		}
		if sum != commit.Funnel.In || commit.Funnel.Kept == 0 {
			t.Errorf("%s: the funnel is %+v", name, commit.Funnel)
		}
		t.Logf("%s: %+v %v", name, *commit.Funnel, commit.Metrics)
		switch {
		case name == "judged" && (commit.Metrics["audit_agreement"] != 1 || commit.Funnel.Kept != 4):
			t.Errorf("judged: %v, %+v", commit.Metrics, commit.Funnel)
		case name == "cold-start" && commit.Metrics["rejected"] != 1:
			t.Errorf("cold-start: %v", commit.Metrics)
		}
	}
}
