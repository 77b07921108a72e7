package activities

import (
	"context"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/r1ctl/r1ctl/internal/r1"
	"github.com/r1ctl/r1ctl/internal/tasks"
)

// A curation that fails leaves the account of its rows, and no rows.
func TestAFailedCurationLeavesItsAccounts(t *testing.T) {
	w := newWorld(t)
	w.Curate = func(_ context.Context, in CurateInput) (r1.Funnel, error) {
		if err := os.MkdirAll(in.OutDir, 0o755); err != nil {
			return r1.Funnel{}, err
		}
		for _, name := range []string{"data-00000-of-00002.jsonl.zst", "data-00001-of-00002.jsonl.zst", "quarantine.jsonl.gz", "funnel.json"} {
			if err := os.WriteFile(filepath.Join(in.OutDir, name), []byte(name), 0o644); err != nil {
				return r1.Funnel{}, err
			}
		}
		return r1.Funnel{In: 3}, &r1.Error{Name: "malformed-rows", Detail: "2 of 3 rows are malformed", Remedy: "correct the rows"}
	}
	_, err := w.env.ExecuteActivity(tasks.Compute, w.ref("rows"))
	const place = "small/r/_jobs/rows/main/1/accounts"
	if err == nil || !strings.Contains(err.Error(), "2 of 3 rows are malformed; what became of each row is in s3://b/"+place) {
		t.Errorf("got %v", err)
	}
	if _, err := w.store.FindCommit(context.Background(), w.layout, w.ref("rows").Key()); err == nil {
		t.Error("a failed curation is committed")
	}
	var kept []string
	for _, key := range slices.Sorted(maps.Keys(w.store.objects)) {
		if name, ok := strings.CutPrefix(key, place+"/"); ok {
			kept = append(kept, name)
		}
	}
	if !slices.Equal(kept, []string{"funnel.json", "quarantine.jsonl.gz"}) {
		t.Errorf("%s holds %q", place, kept)
	}
}
