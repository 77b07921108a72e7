package curate

import (
	"bufio"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/klauspost/compress/zstd"

	"github.com/r1ctl/r1ctl/internal/r1"
)

// Formats are the endings of files of rows that can be read and written:
// JSON lines, plain or compressed, and Parquet.
func Formats() []string { return []string{"jsonl", "jsonl.gz", "jsonl.zst", "parquet"} }

// FormatOf is the format that a file's name ends in, or "".
func FormatOf(name string) string {
	for _, f := range Formats() {
		if strings.HasSuffix(name, "."+f) {
			return f
		}
	}
	return ""
}

// decompressed reads a stream by the ending of its name.
func decompressed(name string, r io.Reader) (io.ReadCloser, error) {
	switch {
	case strings.HasSuffix(name, ".gz"):
		return gzip.NewReader(r)
	case strings.HasSuffix(name, ".zst"):
		// One goroutine besides the caller's. A frame's window bounds the memory.
		zr, err := zstd.NewReader(r, zstd.WithDecoderConcurrency(2), zstd.WithDecoderMaxWindow(128<<20))
		if err != nil {
			return nil, err
		}
		return zr.IOReadCloser(), nil
	}
	return io.NopCloser(r), nil
}

func newRowsWriter(name string, f *os.File, dir string) (rowsWriter, error) {
	switch FormatOf(name) {
	case "jsonl":
		return &lineWriter{buf: bufio.NewWriterSize(f, 1<<18)}, nil
	case "jsonl.gz":
		zw := gzip.NewWriter(f)
		return &lineWriter{buf: bufio.NewWriterSize(zw, 1<<18), end: zw}, nil
	case "jsonl.zst":
		// One frame, whose bytes do not depend on the number of goroutines.
		zw, err := zstd.NewWriter(f, zstd.WithEncoderConcurrency(2), zstd.WithEncoderLevel(zstd.SpeedDefault))
		if err != nil {
			return nil, err
		}
		return &lineWriter{buf: bufio.NewWriterSize(zw, 1<<18), end: zw}, nil
	case "parquet":
		return newParquetWriter(f, dir)
	}
	return nil, &r1.Error{
		Name: "unknown-rows-format", Detail: fmt.Sprintf("cannot write rows to %s: its ending names no format", name),
		Remedy: "give one of: " + strings.Join(Formats(), ", "),
	}
}

// lineWriter writes a row a line.
type lineWriter struct {
	buf *bufio.Writer
	end io.Closer // of a compressor; nil: none
}

func (w *lineWriter) write(raw []byte) error {
	if _, err := w.buf.Write(raw); err != nil {
		return err
	}
	return w.buf.WriteByte('\n')
}

func (w *lineWriter) close() error {
	err := w.buf.Flush()
	if w.end != nil {
		err = errors.Join(err, w.end.Close())
	}
	return err
}
