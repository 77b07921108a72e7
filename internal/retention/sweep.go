package retention

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/r1ctl/r1ctl/internal/artifact"
	"github.com/r1ctl/r1ctl/internal/r1"
)

// Sweeper removes what a survey found.
type Sweeper struct {
	Store  Store
	Policy Policy
	Open   Open
	By     string // who asked for it, for the record
	Host   string
	PID    int
	Now    time.Time
	// Progress is told of bytes that are free now; may be nil.
	Progress func(done, total int64)
}

// Swept is what a sweep did.
type Swept struct {
	Items []Item `json:"items"` // those that are gone
	Bytes int64  `json:"bytes"`
	// Foreign are objects that lie below what was removed and that r1ctl did not write.
	Foreign []string `json:"foreign,omitempty"`
	// Spared is how many items were found and then turned out to be needed.
	Spared int `json:"spared,omitempty"`
}

// Sweep removes the items, or those that are still not needed when everybody can
// know that they will go. It may be repeated, and cut off anywhere.
func (w *Sweeper) Sweep(ctx context.Context, found *Found) (*Swept, error) {
	out := &Swept{Items: []Item{}}
	if len(found.Items) == 0 {
		return out, nil
	}
	doomed := artifact.Doomed{By: w.By, Host: w.Host, PID: w.PID, At: w.Now}
	asked := map[string]bool{}
	for _, item := range found.Items {
		doomed.Prefixes = append(doomed.Prefixes, item.Prefix)
		asked[item.Prefix] = true
		if item.over && !slices.Contains(doomed.Runs, item.Run) {
			doomed.Runs = append(doomed.Runs, item.Run)
		}
	}
	if err := w.Store.Doom(ctx, doomed); err != nil {
		return nil, err
	}
	// What begins to depend on one of them from now on sees that it will go.
	err := w.sweep(ctx, doomed, asked, out)
	// Not when it was cut off: uploads may go on relying on the rest, which is whole.
	if spareErr := w.Store.Spare(context.WithoutCancel(ctx), doomed); err == nil {
		err = spareErr
	}
	return out, err
}

func (w *Sweeper) sweep(ctx context.Context, doomed artifact.Doomed, asked map[string]bool, out *Swept) error {
	again, err := Survey(ctx, w.Store, w.Policy, w.Open, w.Now)
	if err != nil {
		return err
	}
	var items []Item
	var total int64
	for _, item := range again.Items {
		if asked[item.Prefix] {
			items = append(items, item)
			total += item.Bytes
		}
	}
	out.Spared = len(asked) - len(items)
	if err := w.record(ctx, items); err != nil {
		return err
	}
	for _, item := range items {
		// Whoever was asleep for long, and was taken for gone, removes nothing after that.
		ours, err := w.Store.Dooms(ctx, doomed)
		if err != nil {
			return err
		}
		if !ours {
			return &r1.Error{Name: "gc-under-way", Detail: fmt.Sprintf("another garbage collection has taken the place of this one, after %d of %d items", len(out.Items), len(items)),
				Remedy: "nothing to do: the other one goes on; see r1ctl artifacts gc for what is left"}
		}
		freed, foreign, err := w.remove(ctx, item)
		out.Foreign = append(out.Foreign, foreign...)
		out.Bytes += freed
		if err != nil {
			return fmt.Errorf("remove %s: %w", item.Prefix, err)
		}
		item.Bytes = freed
		out.Items = append(out.Items, item)
		if w.Progress != nil {
			w.Progress(out.Bytes, total)
		}
	}
	return nil
}

// record says in each run what goes and why, before it goes.
func (w *Sweeper) record(ctx context.Context, items []Item) error {
	byRun := map[string][]Item{}
	for _, item := range items {
		if item.Sort == SortArtifact {
			byRun[item.Run] = append(byRun[item.Run], item)
		}
	}
	for run, items := range byRun {
		recipe, err := recipeOf(ctx, w.Store, run)
		if err != nil {
			return err
		}
		key := r1.Layout{Recipe: recipe, Run: run}.Removed()
		var removed r1.Removed
		if _, err := read(ctx, w.Store, key, &removed); err != nil {
			return err
		}
		if removed.Artifacts == nil {
			removed.Artifacts = map[string]r1.Removal{}
		}
		for _, item := range items {
			if _, ok := removed.Artifacts[item.Prefix]; !ok {
				removed.Artifacts[item.Prefix] = r1.Removal{At: w.Now, By: w.By, Why: item.Why}
			}
		}
		// Collections take turns, so nobody else writes this.
		if err := w.Store.PutJSON(ctx, key, removed); err != nil {
			return fmt.Errorf("record what is removed of run %s: %w", run, err)
		}
	}
	return nil
}

func recipeOf(ctx context.Context, s Store, run string) (string, error) {
	var e struct {
		Recipe string `json:"recipe"`
	}
	if err := s.GetJSON(ctx, r1.RunIndex(run), &e); err != nil {
		return "", fmt.Errorf("find run %s: %w", run, err)
	}
	return e.Recipe, nil
}

// deletesAtOnce bounds the requests in flight.
const deletesAtOnce = 16

// remove deletes an item's objects: first, alone, the one that makes it whole.
func (w *Sweeper) remove(ctx context.Context, item Item) (freed int64, foreign []string, err error) {
	sizes := make([]int64, len(item.keys))
	strange := make([]bool, len(item.keys))
	one := func(ctx context.Context, i int) error {
		there, err := w.Store.Head(ctx, item.keys[i])
		if errors.Is(err, r1.ErrNotFound) {
			return nil // an earlier call was cut off behind it
		}
		if err != nil {
			return err
		}
		if there.SHA256 == "" {
			strange[i] = true
			return nil
		}
		if err := w.Store.Delete(ctx, item.keys[i]); err != nil {
			return err
		}
		sizes[i] = there.Size
		return nil
	}
	err = one(ctx, 0)
	if err == nil {
		g, gctx := errgroup.WithContext(ctx)
		g.SetLimit(deletesAtOnce)
		for i := range item.keys[1:] {
			g.Go(func() error { return one(gctx, i+1) })
		}
		err = g.Wait()
	}
	for i := range item.keys {
		freed += sizes[i]
		if strange[i] {
			foreign = append(foreign, item.keys[i])
		}
	}
	return freed, foreign, err
}
