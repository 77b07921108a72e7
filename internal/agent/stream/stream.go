// Package stream keeps a growing file in S3 so that others can follow it.
//
// A stream is a folder of pieces. A piece is named by the offset in bytes at
// which it begins, in twelve digits, and holds at most PieceSize bytes:
//
//	log/000000000000.log
//	log/000000262144.log
//
// Only the last piece is ever written again, longer each time. So a reader at
// any offset finds its piece by name, the objects are few, and what is written
// again is bounded. Pieces end anywhere, also within a line.
package stream

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"strconv"
	"strings"
	"sync/atomic"

	"github.com/r1ctl/r1ctl/internal/artifact"
)

// PieceSize is the size of every piece but the last.
const PieceSize = 256 << 10

// Putter is what a Writer needs of the store.
type Putter interface {
	PutBytes(ctx context.Context, key string, data []byte) error
}

// Writer copies one growing local file to a stream.
type Writer struct {
	store  Putter
	file   string
	folder string
	ext    string
	begin  int64 // offset of the open piece
	sent   atomic.Int64
}

// NewWriter makes a writer of file into folder, with ext (".log") as the
// pieces' extension. A new writer of the same file repeats what is there.
func NewWriter(store Putter, file, folder, ext string) *Writer {
	return &Writer{store: store, file: file, folder: folder, ext: ext}
}

// Sent is how many bytes of the file are in the stream.
func (w *Writer) Sent() int64 { return w.sent.Load() }

// Flush stores what was added to the file since, at most maxPieces of it, and
// says whether that was all. A file that does not exist yet is empty.
func (w *Writer) Flush(ctx context.Context, maxPieces int) (all bool, err error) {
	f, err := os.Open(w.file)
	if errors.Is(err, fs.ErrNotExist) {
		return true, nil
	}
	if err != nil {
		return false, err
	}
	defer f.Close()
	for range maxPieces {
		data := make([]byte, PieceSize)
		n, err := f.ReadAt(data, w.begin)
		if err != nil && !errors.Is(err, io.EOF) {
			return false, fmt.Errorf("read %s: %w", w.file, err)
		}
		if w.begin+int64(n) > w.sent.Load() {
			if err := w.store.PutBytes(ctx, pieceKey(w.folder, w.begin, w.ext), data[:n]); err != nil {
				return false, err
			}
			w.sent.Store(w.begin + int64(n))
		}
		if n < PieceSize {
			return true, nil
		}
		w.begin += PieceSize
	}
	return false, nil
}

func pieceKey(folder string, offset int64, ext string) string {
	return path.Join(folder, fmt.Sprintf("%012d%s", offset, ext))
}

// Source is what Read needs of the store.
type Source interface {
	FilesUnder(ctx context.Context, folder string) ([]artifact.Object, error)
	Get(ctx context.Context, key string, offset, length int64) (io.ReadCloser, error)
}

// Read copies a stream from a byte offset to its end to w, and returns the offset to go on
// from. A stream that has no piece yet, or none behind the offset, gives nothing.
func Read(ctx context.Context, src Source, folder string, offset int64, w io.Writer) (next int64, err error) {
	pieces, err := src.FilesUnder(ctx, folder)
	if err != nil {
		return offset, fmt.Errorf("list %s: %w", folder, err)
	}
	next = offset
	for _, p := range pieces { // in key order, which is the order of offsets
		base := path.Base(p.Key)
		begin, err := strconv.ParseInt(strings.TrimSuffix(base, path.Ext(base)), 10, 64)
		if err != nil || begin+p.Size <= next {
			continue
		}
		if begin > next {
			return next, fmt.Errorf("%s has a hole from byte %d to %d", folder, next, begin)
		}
		n, err := copyPiece(ctx, src, p.Key, next-begin, w)
		next += n
		if err != nil {
			return next, fmt.Errorf("read %s: %w", p.Key, err)
		}
	}
	return next, nil
}

func copyPiece(ctx context.Context, src Source, key string, from int64, w io.Writer) (int64, error) {
	r, err := src.Get(ctx, key, from, -1)
	if err != nil {
		return 0, err
	}
	defer r.Close()
	return io.Copy(w, r)
}
