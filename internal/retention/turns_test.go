package retention

import (
	"context"
	"testing"
	"time"

	"github.com/r1ctl/r1ctl/internal/artifact"
	"github.com/r1ctl/r1ctl/internal/r1"
)

// usurped is a store in which another collection takes the place of ours before a removal.
type usurped struct {
	*artifact.Store
	left int
}

func (u *usurped) Dooms(ctx context.Context, d artifact.Doomed) (bool, error) {
	if u.left--; u.left < 0 {
		if err := u.TakeOver(ctx); err != nil {
			return false, err
		}
		if err := u.Doom(ctx, artifact.Doomed{Host: "elsewhere", PID: 1, At: d.At.Add(time.Second), Prefixes: []string{"x"}}); err != nil {
			return false, err
		}
	}
	return u.Store.Dooms(ctx, d)
}

// Whoever wakes up after another has taken the place removes nothing more, and leaves the
// other's word.
func TestWhoWasTakenForGoneStops(t *testing.T) {
	w := newWorld(t)
	p := Policy{OlderThan: 24 * time.Hour}
	l := w.run("old", "old", r1.RunCompleted, 60)
	zero, pool := w.make(l, "old", "zero", 60), w.make(l, "old", "pool", 60)
	s := w.sweeper(p)
	s.Store = &usurped{w.store, 1}
	swept, err := s.Sweep(t.Context(), w.survey(p))
	if e, ok := r1.AsError(err); !ok || e.Name != "gc-under-way" || len(swept.Items) != 1 {
		t.Fatalf("%+v, %v", swept, err)
	}
	left := 0
	for _, a := range []r1.Artifact{zero, pool} {
		if _, err := w.store.Manifest(t.Context(), a); err == nil {
			left++
		}
	}
	if d, err := w.store.Doomed(t.Context()); left != 1 || err != nil || d == nil || d.Host != "elsewhere" {
		t.Errorf("%d left, doomed by %+v, %v", left, d, err)
	}
}
