package curate

import (
	"bufio"
	"fmt"
	"io"
	"os"
)

// blobs holds pieces of bytes on disk, and their places in memory: 8 bytes each.
// Its file has no name, so a killed process leaves nothing.
type blobs struct {
	f       *os.File
	w       *bufio.Writer
	offsets []int64 // of each, and the end
}

func newBlobs(dir string) (*blobs, error) {
	f, err := unlinked(dir)
	if err != nil {
		return nil, err
	}
	return &blobs{f: f, w: bufio.NewWriterSize(f, 1<<18), offsets: []int64{0}}, nil
}

// unlinked is a file of dir without a name: it goes when it is closed.
func unlinked(dir string) (*os.File, error) {
	f, err := os.CreateTemp(dir, ".curate-spill-*")
	if err != nil {
		return nil, fmt.Errorf("make a spill file: %w", err)
	}
	if err := os.Remove(f.Name()); err != nil {
		f.Close()
		return nil, fmt.Errorf("unlink the spill file: %w", err)
	}
	return f, nil
}

func (b *blobs) close() { _ = b.f.Close() }

func (b *blobs) len() int { return len(b.offsets) - 1 }

func (b *blobs) add(data []byte) error {
	b.offsets = append(b.offsets, b.offsets[len(b.offsets)-1]+int64(len(data)))
	if _, err := b.w.Write(data); err != nil {
		return fmt.Errorf("spill a row: %w", err)
	}
	return nil
}

// reader reads pieces one after another; it must not be used while some are added.
func (b *blobs) reader() (*blobReader, error) {
	if err := b.w.Flush(); err != nil {
		return nil, fmt.Errorf("spill rows: %w", err)
	}
	return &blobReader{b: b, br: bufio.NewReaderSize(nil, 1<<17), next: -1}, nil
}

type blobReader struct {
	b    *blobs
	br   *bufio.Reader
	next int // the piece that br stands before; -1: none
}

// read appends piece i to into. Pieces in order cost no seek, and those that are
// left out between them little.
func (r *blobReader) read(i int, into []byte) ([]byte, error) {
	from, to := r.b.offsets[i], r.b.offsets[i+1]
	skip := int64(-1)
	if r.next >= 0 && i >= r.next {
		skip = from - r.b.offsets[r.next]
	}
	if skip >= 0 && skip < 1<<17 {
		if _, err := r.br.Discard(int(skip)); err != nil {
			return nil, fmt.Errorf("read a spilled row: %w", err)
		}
	} else {
		r.br.Reset(io.NewSectionReader(r.b.f, from, r.b.offsets[r.b.len()]-from))
	}
	r.next = i + 1
	at := len(into)
	into = append(into, make([]byte, to-from)...)
	if _, err := io.ReadFull(r.br, into[at:]); err != nil {
		return nil, fmt.Errorf("read a spilled row: %w", err)
	}
	return into, nil
}
