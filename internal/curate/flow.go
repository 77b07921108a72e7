package curate

import (
	"context"
	"crypto/sha256"

	"golang.org/x/sync/errgroup"
)

// input is a row to work on.
type input struct {
	line Line
	meta
}

// meta is what the accounts say of a row.
type meta struct {
	seq    int64 // its number among all rows read, from 0
	id     string
	sample *int
	at     position
	// As it was read, whatever steps make of it.
	domain     string
	tokens     int
	unverified bool
}

// finding is what a worker found out about a row without knowing any other.
type finding struct {
	meta
	problem string // why it is malformed
	seen    [][]byte
	keys    []rowKey // of the key steps that it reached
	drop    int      // the step that drops it, unless a key step does before
	reason  string   // why; "": none does
	raw     []byte   // the row as it is after the steps; of a malformed one, as read
	notes   [][]byte // for the set steps behind
}

// rowKey is what a key step wants to know of a row.
type rowKey struct {
	step int
	key  [16]byte
}

// A batch is worked on as a whole. Its bounds keep memory small, and bear on
// nothing that is written.
const (
	batchRows  = 256
	batchBytes = 1 << 20
)

type batch struct {
	in     []input
	out    []finding
	record []byte // with a journal: what it has, or will have, of the batch
	fresh  bool   // the journal does not have it
	done   chan struct{}
}

// recordedWork takes what a batch's record says, where it is about its rows, and
// else works on them and makes a record.
func (b *batch) recordedWork(work func() error) error {
	sum := digest(b.in)
	if len(b.record) > len(sum) && [sha256.Size]byte(b.record[:len(sum)]) == sum {
		if out, ok := readFindings(b.record[len(sum):], b.in); ok {
			b.out = out
			return nil
		}
	}
	if err := work(); err != nil {
		return err
	}
	b.record, b.fresh = appendFindings(sum[:], b.in, b.out), true
	return nil
}

// flow works on the rows that read sends, n batches at once, and calls take with
// what was found in the order in which they were sent. Bytes of a row that read
// sends must stay as they are. What the journal has is not worked on again; nil is
// fine.
func flow(ctx context.Context, n int, journal *shards, read func(send func(input) error) error, work func(input, *scratch) finding, take func(finding) error) error {
	g, ctx := errgroup.WithContext(ctx)
	todo, ordered := make(chan *batch), make(chan *batch, 2*n)
	g.Go(func() error {
		defer close(ordered)
		defer close(todo)
		b, size, number := &batch{done: make(chan struct{})}, 0, 0
		flush := func() error {
			if journal != nil {
				var err error
				if b.record, err = journal.record(ctx, number); err != nil {
					return err
				}
				number++
			}
			for _, to := range []chan *batch{ordered, todo} {
				select {
				case to <- b:
				case <-ctx.Done():
					return ctx.Err()
				}
			}
			b, size = &batch{done: make(chan struct{})}, 0
			return nil
		}
		err := read(func(in input) error {
			b.in = append(b.in, in)
			if size += len(in.line.Raw); len(b.in) >= batchRows || size >= batchBytes {
				return flush()
			}
			return nil
		})
		if err != nil || len(b.in) == 0 {
			return err
		}
		return flush()
	})
	for range n {
		g.Go(func() error {
			tmp := &scratch{}
			for b := range todo {
				all := func() error {
					b.out = make([]finding, 0, len(b.in))
					for _, in := range b.in {
						if ctx.Err() != nil {
							return ctx.Err()
						}
						b.out = append(b.out, work(in, tmp))
					}
					return nil
				}
				if journal != nil {
					work := all
					all = func() error { return b.recordedWork(work) }
				}
				if err := all(); err != nil {
					return err
				}
				b.in = nil
				close(b.done)
			}
			return nil
		})
	}
	g.Go(func() error {
		number := 0
		for b := range ordered {
			select {
			case <-b.done:
			case <-ctx.Done():
				return ctx.Err()
			}
			for _, f := range b.out {
				if err := take(f); err != nil {
					return err
				}
			}
			if journal != nil {
				if err := journal.take(ctx, number, b.record, b.fresh); err != nil {
					return err
				}
			}
			number++
		}
		if journal != nil {
			return journal.end()
		}
		return nil
	})
	return g.Wait()
}
