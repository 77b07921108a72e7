package curate

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/r1ctl/r1ctl/internal/r1"
	"github.com/r1ctl/r1ctl/internal/review"
)

func TestReviewIsApplied(t *testing.T) {
	rows := []string{sampled("a", 0, "one", r1.Correct, nil), sampled("b", 0, "two", r1.Correct, nil), sampled("c", 1, "three", r1.Correct, nil), sampled("d", 0, "four", r1.Correct, nil)}
	p, err := ParseParams(steps(`{"do":"review"}`))
	if err != nil {
		t.Fatal(err)
	}
	batch := review.NewBatch(0, 7)
	if err := ReviewBatch(t.Context(), p, map[string]Source{"samples": lines(rows...)}, batch); err != nil {
		t.Fatal(err)
	}
	list := batch.Rows()
	list[0].Review = review.Opinion{Decision: review.Accept, By: "ada"}
	list[1].Review = review.Opinion{Decision: review.Reject, Reason: "says we", By: "ada"}
	list[2].Response, list[2].Review = "3", review.Opinion{Decision: review.Edit, By: "ada"}
	var file []string
	for _, row := range list {
		raw, _ := json.Marshal(row)
		file = append(file, string(raw))
	}
	job := Job{Params: steps(`{"do":"review"}`), Inputs: map[string]Source{"samples": lines(rows...), r1.ReviewInput: lines(file...)}}
	res, err := run(t, job)
	if err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(res.ids(), res.dropped()); got != "[a c d] [b review rejected:says we]" {
		t.Fatal(got)
	}
	if res.rows[0]["reviewed"] != true || res.rows[0]["response"] != "one" || res.rows[2]["reviewed"] != nil {
		t.Errorf("%v", res.rows)
	}
	edited := res.rows[1]
	if edited["response"] != "3" || edited["tokens"] != nil || fmt.Sprint(edited["verdict"]) != "map[label:correct verifier:review:ada]" {
		t.Errorf("%v", edited)
	}
	if origin := edited["origin"].(map[string]any)["reviewed"].(map[string]any); origin["digest"] != review.Digest("three") || origin["by"] != "ada" {
		t.Errorf("%v", origin)
	}
	job.Params = steps(`{"do":"review","unreviewed":"drop"}`)
	if res, _ = run(t, job); fmt.Sprint(res.ids(), res.dropped()) != "[a c] [b review rejected:says we d review not-reviewed]" {
		t.Error(res.ids(), res.dropped())
	}
	job.Inputs[r1.ReviewInput] = lines(strings.Replace(file[1], "says we", "", 1))
	_, err = run(t, job)
	wantError(t, err, "review-invalid", "rows.jsonl:1: review.reason is empty")
}
