package activities

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/r1ctl/r1ctl/internal/r1"
	"github.com/r1ctl/r1ctl/internal/tasks"
)

// reviewedWorld is one in which the rows are to be reviewed, and their review is stored.
func reviewedWorld(t *testing.T) (*world, r1.Review) {
	t.Helper()
	w := newWorld(t)
	var run r1.Run
	if err := w.store.GetJSON(t.Context(), w.layout.RunFile(), &run); err != nil {
		t.Fatal(err)
	}
	run.Plan.Stages[0].Gate = &r1.Gate{Review: &r1.ReviewGate{Rows: 1}}
	if err := w.store.PutJSON(t.Context(), w.layout.RunFile(), run); err != nil {
		t.Fatal(err)
	}
	fp := run.Plan.Stages[0].Jobs[0].Fingerprint
	prefix := w.layout.ReviewData("rows", fp, strings.Repeat("c", 64))
	files := []r1.ManifestEntry{{Path: "review.jsonl", Size: 3, SHA256: "d", Key: prefix + "/review.jsonl"}}
	w.store.objects[prefix+"/review.jsonl"] = []byte("{}\n")
	if err := w.store.PutJSON(t.Context(), prefix+"/"+r1.ManifestFile, r1.Manifest{Files: files}); err != nil {
		t.Fatal(err)
	}
	return w, r1.Review{
		Stage: "rows", Fingerprint: fp, Rows: 7, Accepted: 4, Rejected: 2, Edited: 1, By: "ada",
		Data: r1.Artifact{Prefix: prefix, SHA256: r1.ContentDigest(files)},
	}
}

func (w *world) record(t *testing.T, said r1.Review) (r1.Review, error) {
	t.Helper()
	v, err := w.env.ExecuteActivity(tasks.RecordReview, tasks.ReviewInput{JobRef: w.ref("rows"), Review: said})
	var stored r1.Review
	if err == nil {
		err = v.Get(&stored)
	}
	return stored, err
}

func TestAReviewIsRecordedOnce(t *testing.T) {
	w, said := reviewedWorld(t)
	for name, spoil := range map[string]func(*r1.Review){
		"review-stale":   func(r *r1.Review) { r.Fingerprint = strings.Repeat("e", 64) },
		"review-missing": func(r *r1.Review) { r.Data.SHA256 = "other" },
	} {
		bad := said
		spoil(&bad)
		if _, err := w.record(t, bad); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%v, want %s", err, name)
		}
	}
	if first, err := w.record(t, said); err != nil || first.By != "ada" {
		t.Errorf("%+v, %v", first, err)
	}
	late := said
	late.By = "bob"
	if second, err := w.record(t, late); err != nil || second.By != "ada" {
		t.Errorf("the second one holds: %+v, %v", second, err)
	}
}

func TestReviewedRowsReachTheFilter(t *testing.T) {
	w, said := reviewedWorld(t)
	curate, seen := w.Curate, ""
	w.Curate = func(ctx context.Context, in CurateInput) (r1.Funnel, error) {
		raw, err := os.ReadFile(filepath.Join(in.Inputs[r1.ReviewInput], "review.jsonl"))
		if seen = string(raw); err != nil {
			t.Error(err)
		}
		return curate(ctx, in)
	}
	if _, err := w.env.ExecuteActivity(tasks.Compute, w.ref("rows")); err == nil || !strings.Contains(err.Error(), "review-missing") {
		t.Errorf("without a review: %v", err)
	}
	if _, err := w.record(t, said); err != nil {
		t.Fatal(err)
	}
	w.compute(t)
	c, err := w.store.FindCommit(t.Context(), w.layout, w.ref("rows").Key())
	if err != nil || seen != "{}\n" || c.Metrics["reviewed"] != 7 || c.Metrics["rejected"] != 2 || c.Metrics["edited"] != 1 {
		t.Errorf("%v: the filter saw %q, the commit has %v", err, seen, c.Metrics)
	}
}

func TestAuditsAreCounted(t *testing.T) {
	f := r1.Funnel{Dropped: []r1.FunnelCount{
		{Name: "judged", Reason: "audit:agrees", Rows: 9}, {Name: "judged", Reason: "audit:disagrees", Rows: 3}, {Name: "judged", Reason: "audit:undecided", Rows: 2}, {Name: "judged", Reason: "merged", Rows: 5},
	}}
	if got := audits(f); got["audited"] != 14 || got["audit_agreement"] != 0.75 || got["audit_undecided"] != 2 {
		t.Errorf("%v", got)
	}
	if got := audits(r1.Funnel{}); got != nil {
		t.Errorf("%v of no audit", got)
	}
}
