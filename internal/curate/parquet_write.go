package curate

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/parquet-go/parquet-go"
)

// rowGroup bounds what is held in memory of a Parquet file, in bytes of JSON.
const rowGroup = 32 << 20

// maxColumns bounds the fields of rows; each costs memory in every row group.
const maxColumns = 2000

// parquetWriter writes rows as Parquet, zstd inside. The types of columns are
// known only when all rows have been seen, so rows wait in an unlinked file, and
// all shards have the same columns. A column has the type that all its values
// have (text, whole number, number, truth, list, object); one with values of
// different types holds JSON text.
type parquetWriter struct {
	to   *rowFiles
	wait *os.File
	buf  *bufio.Writer
	rows int
	all  column
}

func newParquetWriter(to *rowFiles) (*parquetWriter, error) {
	wait, err := unlinked(to.dir)
	if err != nil {
		return nil, err
	}
	return &parquetWriter{to: to, wait: wait, buf: bufio.NewWriterSize(wait, 1<<18)}, nil
}

func (w *parquetWriter) write(raw []byte) error {
	row, err := decodeAny(raw)
	if err != nil {
		return err
	}
	w.all.seeFields(row)
	if len(w.all.fields) > maxColumns {
		return fmt.Errorf("the rows have more than %d different fields: too many for Parquet columns", maxColumns)
	}
	w.rows++
	if _, err := w.buf.Write(binary.AppendUvarint(nil, uint64(len(raw)))); err != nil {
		return err
	}
	_, err = w.buf.Write(raw)
	return err
}

func (w *parquetWriter) close() (err error) {
	defer w.wait.Close()
	defer func() { // the library panics where a schema is not one
		if p := recover(); p != nil {
			err = fmt.Errorf("write Parquet: %v", p)
		}
	}()
	if len(w.all.fields) == 0 {
		w.all.fields = map[string]*column{"prompt": {kind: ofText}}
	}
	if err := w.buf.Flush(); err != nil {
		return err
	}
	if _, err := w.wait.Seek(0, io.SeekStart); err != nil {
		return err
	}
	file, err := w.begin()
	if err != nil {
		return err
	}
	if err := w.each(func(size int, row any) error {
		if w.to.full(size) {
			if err := file.end(w.to); err != nil {
				return err
			}
			if file, err = w.begin(); err != nil {
				return err
			}
		}
		w.to.count(size)
		return file.write(size, row)
	}); err != nil {
		return err
	}
	return file.end(w.to)
}

// parquetFile is one shard.
type parquetFile struct {
	pw   *parquet.GenericWriter[any]
	buf  *bufio.Writer
	held int // bytes of JSON in the row group
}

func (w *parquetWriter) begin() (*parquetFile, error) {
	f, err := w.to.next()
	if err != nil {
		return nil, err
	}
	buf := bufio.NewWriterSize(f, 1<<18)
	return &parquetFile{pw: parquet.NewGenericWriter[any](buf, parquet.NewSchema("row", w.all.group()), parquet.Compression(&parquet.Zstd)), buf: buf}, nil
}

func (p *parquetFile) write(size int, row any) error {
	if _, err := p.pw.Write([]any{row}); err != nil {
		return err
	}
	if p.held += size; p.held < rowGroup {
		return nil
	}
	p.held = 0
	return p.pw.Flush()
}

func (p *parquetFile) end(s *rowFiles) error {
	return errors.Join(p.pw.Close(), p.buf.Flush(), s.end())
}

// each reads the waiting rows back, with their size as JSON.
func (w *parquetWriter) each(write func(size int, row any) error) error {
	br := bufio.NewReaderSize(w.wait, 1<<18)
	for range w.rows {
		size, err := binary.ReadUvarint(br)
		if err != nil {
			return err
		}
		raw := make([]byte, size)
		if _, err := io.ReadFull(br, raw); err != nil {
			return err
		}
		row, err := decodeAny(raw)
		if err != nil {
			return err
		}
		out := map[string]any{}
		for name, value := range row {
			out[name] = w.all.fields[name].value(value)
		}
		if err := write(len(raw), out); err != nil {
			return err
		}
	}
	return nil
}

func decodeAny(raw []byte) (map[string]any, error) {
	var row map[string]any
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber()
	err := dec.Decode(&row)
	return row, err
}
