package index

import (
	"fmt"
	"os"
)

// Budget is the memory that structures of one run may take together. It is for
// one goroutine at a time, as they are.
type Budget struct {
	dir               string
	limit, used, peak int64
}

// NewBudget allows so many bytes; files beyond them are made in dir.
func NewBudget(dir string, limit int64) *Budget { return &Budget{dir: dir, limit: limit} }

// Peak is the most that was taken at once, in bytes.
func (b *Budget) Peak() int64 { return b.peak }

// Take notes bytes that are taken in any case, or given back where they are
// negative.
func (b *Budget) Take(bytes int64) {
	b.used += bytes
	b.peak = max(b.peak, b.used)
}

// try takes bytes where the limit allows it.
func (b *Budget) try(bytes int64) bool {
	if b.used+bytes > b.limit {
		return false
	}
	b.Take(bytes)
	return true
}

// File is a new file without a name: it goes when it is closed.
func (b *Budget) File() (*os.File, error) {
	f, err := os.CreateTemp(b.dir, ".curate-index-*")
	if err != nil {
		return nil, fmt.Errorf("make a file for the index: %w", err)
	}
	if err := os.Remove(f.Name()); err != nil {
		f.Close()
		return nil, fmt.Errorf("unlink a file of the index: %w", err)
	}
	return f, nil
}
