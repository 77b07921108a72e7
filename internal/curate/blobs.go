package curate

import (
	"bufio"
	"fmt"
	"io"
	"os"

	"github.com/r1ctl/r1ctl/internal/curate/index"
)

// blobs holds pieces of bytes on disk, and 8 bytes each of the index: their places.
// Its file has no name, so a killed process leaves nothing.
type blobs struct {
	f    *os.File
	w    *bufio.Writer
	end  int64
	ends *index.List // where each ends
}

func newBlobs(dir string, budget *index.Budget) (*blobs, error) {
	f, err := unlinked(dir)
	if err != nil {
		return nil, err
	}
	return &blobs{f: f, w: bufio.NewWriterSize(f, 1<<18), ends: index.NewList(budget)}, nil
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

func (b *blobs) close() { _, _ = b.f.Close(), b.ends.Close() }

func (b *blobs) len() int { return b.ends.Len() }

func (b *blobs) add(data []byte) error {
	b.end += int64(len(data))
	if err := b.ends.Append(uint64(b.end)); err != nil {
		return err
	}
	if _, err := b.w.Write(data); err != nil {
		return fmt.Errorf("spill a row: %w", err)
	}
	return nil
}

// start is where piece i begins, or the one before it ends.
func (b *blobs) start(i int) (int64, error) {
	if i == 0 {
		return 0, nil
	}
	end, err := b.ends.At(i - 1)
	return int64(end), err
}

// reader reads pieces one after another; it must not be used while some are added.
func (b *blobs) reader() (*blobReader, error) {
	if err := b.w.Flush(); err != nil {
		return nil, fmt.Errorf("spill rows: %w", err)
	}
	return &blobReader{b: b, br: bufio.NewReaderSize(nil, 1<<17), at: -1}, nil
}

type blobReader struct {
	b  *blobs
	br *bufio.Reader
	at int64 // where br stands; -1: nowhere
}

// read appends piece i to into. Pieces in order cost no seek, and those that are
// left out between them little.
func (r *blobReader) read(i int, into []byte) ([]byte, error) {
	from, err := r.b.start(i)
	if err != nil {
		return nil, err
	}
	to, err := r.b.start(i + 1)
	if err != nil {
		return nil, err
	}
	if skip := from - r.at; r.at >= 0 && skip >= 0 && skip < 1<<17 {
		if _, err := r.br.Discard(int(skip)); err != nil {
			return nil, fmt.Errorf("read a spilled row: %w", err)
		}
	} else {
		r.br.Reset(io.NewSectionReader(r.b.f, from, r.b.end-from))
	}
	r.at = to
	at := len(into)
	into = append(into, make([]byte, to-from)...)
	if _, err := io.ReadFull(r.br, into[at:]); err != nil {
		return nil, fmt.Errorf("read a spilled row: %w", err)
	}
	return into, nil
}
