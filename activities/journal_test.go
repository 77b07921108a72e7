package activities

import (
	"context"
	"errors"
	"testing"

	"github.com/r1ctl/r1ctl/internal/r1"
	"github.com/r1ctl/r1ctl/internal/tasks"
)

func TestShardsGoFromOneAttemptToTheNextAndAreRemovedWithTheCommit(t *testing.T) {
	for name, c := range map[string]struct {
		putFails error // of the first attempt's shard
		want     string
	}{
		"kept":                  {nil, "found out"},
		"S3 was away meanwhile": {errors.New("connection refused"), ""},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			curate := w.Curate
			w.Curate = func(ctx context.Context, in CurateInput) (r1.Funnel, error) {
				if data, err := in.Shards.Load(ctx, "read-0-000000"); data != nil || err != nil {
					t.Errorf("the first attempt got %q, %v", data, err)
				}
				w.store.putFails = c.putFails
				if err := in.Shards.Save(ctx, "read-0-000000", []byte("found out")); err != nil {
					t.Error(err)
				}
				w.store.putFails = nil
				return r1.Funnel{}, errors.New("the worker is gone")
			}
			if _, err := w.env.ExecuteActivity(tasks.Compute, w.ref("rows")); err == nil {
				t.Fatal("the first attempt has an end")
			}
			w.Curate = func(ctx context.Context, in CurateInput) (r1.Funnel, error) {
				data, err := in.Shards.Load(ctx, "read-0-000000")
				if string(data) != c.want || err != nil {
					t.Errorf("the second attempt got %q, %v", data, err)
				}
				return curate(ctx, in)
			}
			w.compute(t)
			objects, err := w.store.FilesUnder(t.Context(), w.layout.Journal(w.ref("rows").Key()))
			if err != nil || len(objects) > 0 {
				t.Errorf("left are %v, %v", objects, err)
			}
		})
	}
}

// Whoever committed may have died before the journal was removed.
func TestTheJournalOfACommittedJobIsRemoved(t *testing.T) {
	w := newWorld(t)
	w.compute(t)
	ref := w.ref("rows")
	if err := w.store.PutBytes(t.Context(), w.layout.Journal(ref.Key())+"/read-0-000000", []byte("found out")); err != nil {
		t.Fatal(err)
	}
	if _, err := w.FindCommit(t.Context(), ref); err != nil {
		t.Fatal(err)
	}
	if left, err := w.store.FilesUnder(t.Context(), w.layout.Journal(ref.Key())); err != nil || len(left) > 0 {
		t.Errorf("left are %v, %v", left, err)
	}
}
