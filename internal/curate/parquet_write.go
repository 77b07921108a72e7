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
// known only when all rows have been seen, so rows wait in an unlinked file.
// A column has the type that all its values have (text, whole number, number,
// truth, list, object); one with values of different types holds JSON text.
type parquetWriter struct {
	to   *os.File
	wait *os.File
	buf  *bufio.Writer
	rows int
	all  column
}

func newParquetWriter(to *os.File, dir string) (*parquetWriter, error) {
	wait, err := unlinked(dir)
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
	to := bufio.NewWriterSize(w.to, 1<<18)
	pw := parquet.NewGenericWriter[any](to, parquet.NewSchema("row", w.all.group()), parquet.Compression(&parquet.Zstd))
	if err := w.each(func(row any) error {
		_, err := pw.Write([]any{row})
		return err
	}, pw.Flush); err != nil {
		return err
	}
	return errors.Join(pw.Close(), to.Flush())
}

// each reads the waiting rows back, and calls flush after so many bytes.
func (w *parquetWriter) each(write func(row any) error, flush func() error) error {
	br := bufio.NewReaderSize(w.wait, 1<<18)
	held := 0
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
		if err := write(out); err != nil {
			return err
		}
		if held += len(raw); held >= rowGroup {
			held = 0
			if err := flush(); err != nil {
				return err
			}
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
