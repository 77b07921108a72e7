package pages

import (
	"context"
	"sync"
	"time"
)

const (
	fresh    = 3 * time.Second // how long a page stays good for other readers
	maxPages = 8
)

// cache keeps pages for a moment, so that many readers cost no more than one:
// a report is read from many objects.
type cache struct {
	mu    sync.Mutex
	pages map[string]*entry
}

type entry struct {
	mu   sync.Mutex
	page []byte
	made time.Time
}

func newCache() *cache { return &cache{pages: map[string]*entry{}} }

// get gives the page of a run, made now or a moment ago. Of readers at once one
// makes it and the others wait.
func (c *cache) get(ctx context.Context, id string, make func(context.Context, string) ([]byte, error)) ([]byte, error) {
	e := c.entry(id)
	e.mu.Lock()
	defer e.mu.Unlock()
	if time.Since(e.made) < fresh {
		return e.page, nil
	}
	page, err := make(ctx, id)
	if err != nil {
		return nil, err
	}
	e.page, e.made = page, time.Now()
	return page, nil
}

func (c *cache) entry(id string) *entry {
	c.mu.Lock()
	defer c.mu.Unlock()
	if e := c.pages[id]; e != nil {
		return e
	}
	if len(c.pages) >= maxPages {
		clear(c.pages)
	}
	e := &entry{}
	c.pages[id] = e
	return e
}
