package activities

import (
	"context"
	"iter"
	"sync/atomic"
	"testing"

	"github.com/r1ctl/r1ctl/internal/r1"
	"github.com/r1ctl/r1ctl/internal/tasks"
)

// countingStore counts what is read.
type countingStore struct {
	*memoryStore
	reads *atomic.Int64
}

func (c countingStore) GetJSON(ctx context.Context, key string, v any) error {
	c.reads.Add(1)
	return c.memoryStore.GetJSON(ctx, key, v)
}

func (c countingStore) ListPrefixes(ctx context.Context, prefix string) iter.Seq2[string, error] {
	c.reads.Add(1)
	return c.memoryStore.ListPrefixes(ctx, prefix)
}

// A job that is preempted again and again must not make each preparation dearer
// than the one before, nor its specs longer.
func TestPreparingTheHundredthAttemptCostsWhatTheFortiethDoes(t *testing.T) {
	w := newWorld(t)
	w.compute(t)
	var reads atomic.Int64
	w.Store = countingStore{w.store, &reads}
	costs := map[int]int64{}
	var ref tasks.AttemptRef
	for n := 1; n <= 100; n++ {
		reads.Store(0)
		ref = w.prepare(t, n-1)
		costs[n] = reads.Load()
		if want := n - 1; ref.Resume != want {
			t.Fatalf("attempt %d resumes from step %d, want %d", n, ref.Resume, want)
		}
		w.keep(t, n, n)
		w.finish(t, n, r1.Result{Outcome: r1.Preempted, Class: r1.ClassPreempted, Began: &r1.Beginning{Resumed: n > 1, Step: n - 1, Cursor: int64(16 * n)}})
	}
	if costs[100] > costs[40] {
		t.Errorf("%d reads for attempt 100, and %d for the fortieth", costs[100], costs[40])
	}
	var spec r1.Spec
	if err := w.store.GetJSON(context.Background(), specKey(w.ref("sft"), 100), &spec); err != nil {
		t.Fatal(err)
	}
	if len(spec.Earlier) != 1 || spec.Earlier[0].Step != 98 || spec.Ends[r1.ClassPreempted] != 99 {
		t.Errorf("the spec has %+v and %v, want the beginning furthest in the data, and 99 preemptions", spec.Earlier, spec.Ends)
	}
}

func TestWhatMayStillChangeIsReadAgain(t *testing.T) {
	w := newWorld(t)
	w.compute(t)
	w.prepare(t, 0)
	w.keep(t, 1, 5)
	if ref := w.prepare(t, 1); ref.Resume != 5 {
		t.Fatalf("attempt 2 resumes from step %d, want 5", ref.Resume)
	}
	w.keep(t, 1, 9) // it has no result: it may live on, and save more
	if ref := w.prepare(t, 2); ref.Resume != 9 {
		t.Errorf("attempt 3 resumes from step %d, want what attempt 1 saved meanwhile", ref.Resume)
	}
}

func TestTheProofOfAResumeGoesByTwoBeginnings(t *testing.T) {
	began := []r1.Beginning{{Step: 0, Cursor: 16}, {Step: 20, Cursor: 320}, {Step: 40, Cursor: 640}, {Step: 60, Cursor: 960}, {Step: 80, Cursor: 1280}}
	got := decisive(began, &r1.Checkpoint{Step: 40})
	if len(got) != 2 || got[0].Step != 20 || got[1].Step != 60 {
		t.Errorf("back to step 40: %+v, want those at 20 and 60", got)
	}
	if got := decisive(began, nil); len(got) != 0 {
		t.Errorf("a fresh start: %+v, want none", got)
	}
	if got := decisive(began, &r1.Checkpoint{Step: 90}); len(got) != 1 || got[0].Step != 80 {
		t.Errorf("on to step 90: %+v, want that at 80", got)
	}
}
