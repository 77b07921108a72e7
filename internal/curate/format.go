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

func newRowsWriter(to *rowFiles) (rowsWriter, error) {
	switch format := FormatOf(to.layout.Rows); format {
	case "":
		return nil, &r1.Error{
			Name: "unknown-rows-format", Detail: fmt.Sprintf("cannot write rows to %s: its ending names no format", to.layout.Rows),
			Remedy: "give one of: " + strings.Join(Formats(), ", "),
		}
	case "parquet":
		return newParquetWriter(to)
	default:
		w := &lineShards{to: to, format: format}
		return w, w.begin()
	}
}

// lineShards writes a row a line, to one file after another.
type lineShards struct {
	to     *rowFiles
	format string
	w      *lineWriter
}

func (s *lineShards) begin() error {
	f, err := s.to.next()
	if err != nil {
		return err
	}
	s.w, err = newLineWriter(s.format, f)
	return err
}

func (s *lineShards) write(raw []byte) error {
	if s.to.full(len(raw)) {
		if err := errors.Join(s.w.close(), s.to.end()); err != nil {
			return err
		}
		if err := s.begin(); err != nil {
			return err
		}
	}
	s.to.count(len(raw))
	return s.w.write(raw)
}

func (s *lineShards) close() error { return errors.Join(s.w.close(), s.to.end()) }

func newLineWriter(format string, f *os.File) (*lineWriter, error) {
	switch format {
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
	}
	return &lineWriter{buf: bufio.NewWriterSize(f, 1<<18)}, nil
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
