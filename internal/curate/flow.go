package curate

import (
	"context"

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
	in   []input
	out  []finding
	done chan struct{}
}

// flow works on the rows that read sends, n batches at once, and calls take with
// what was found in the order in which they were sent. Bytes of a row that read
// sends must stay as they are.
func flow(ctx context.Context, n int, read func(send func(input) error) error, work func(input, *scratch) finding, take func(finding) error) error {
	g, ctx := errgroup.WithContext(ctx)
	todo, ordered := make(chan *batch), make(chan *batch, 2*n)
	g.Go(func() error {
		defer close(ordered)
		defer close(todo)
		b, size := &batch{done: make(chan struct{})}, 0
		flush := func() error {
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
				b.out = make([]finding, 0, len(b.in))
				for _, in := range b.in {
					if ctx.Err() != nil {
						return ctx.Err()
					}
					b.out = append(b.out, work(in, tmp))
				}
				b.in = nil
				close(b.done)
			}
			return nil
		})
	}
	g.Go(func() error {
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
		}
		return nil
	})
	return g.Wait()
}
