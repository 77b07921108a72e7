package curate

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"strings"

	"github.com/parquet-go/parquet-go"
)

// readParquet yields the rows of a Parquet file as JSON objects; Number counts
// rows. A null is a field that the row lacks, because Parquet knows no other
// way to say so. Times are numbers in the unit of their column.
func readParquet(ctx context.Context, name string, f *os.File) iter.Seq2[Line, error] {
	return func(yield func(Line, error) bool) {
		fail := func(err error) { yield(Line{}, fmt.Errorf("read %s: %w", name, err)) }
		info, err := f.Stat()
		if err != nil {
			fail(err)
			return
		}
		file, err := parquet.OpenFile(f, info.Size(), parquet.SkipBloomFilters(true))
		if err != nil {
			fail(err)
			return
		}
		reader := parquet.NewGenericReader[any](file)
		defer reader.Close()
		rows := make([]any, 64)
		for number := 1; ; {
			n, err := nextRows(reader, rows)
			for _, row := range rows[:n] {
				line := Line{File: name, Number: number}
				if raw, ok := tryEncode(withoutNulls(row)); ok {
					line.Raw = raw
				} else {
					line.problem = "not-json" // a NaN, or an infinity
				}
				if !yield(line, nil) {
					return
				}
				number++
			}
			switch {
			case errors.Is(err, io.EOF):
				return
			case err != nil:
				fail(err)
				return
			case ctx.Err() != nil:
				fail(ctx.Err())
				return
			}
		}
	}
}

// nextRows reads some rows. The library panics on some damaged files.
func nextRows(r *parquet.GenericReader[any], rows []any) (n int, err error) {
	defer func() {
		if p := recover(); p != nil {
			n, err = 0, fmt.Errorf("the file is damaged: %v", p)
		}
	}()
	clear(rows)
	n, err = r.Read(rows)
	if n == 0 && err == nil {
		err = io.ErrNoProgress
	}
	return n, err
}

// withoutNulls takes null fields out of objects, and makes text of bytes.
func withoutNulls(v any) any {
	switch t := v.(type) {
	case map[string]any:
		for key, value := range t {
			if value = withoutNulls(value); value == nil {
				delete(t, key)
			} else {
				t[key] = value
			}
		}
	case []any:
		for i, e := range t {
			t[i] = withoutNulls(e)
		}
	case []byte:
		return strings.ToValidUTF8(string(t), "\uFFFD")
	}
	return v
}

// randomAccess is a body as a file: Parquet is read from its end. What is not
// local yet goes through an unlinked temporary file.
func randomAccess(body io.Reader) (*os.File, func(), error) {
	if f, ok := body.(*os.File); ok {
		return f, func() {}, nil
	}
	f, err := os.CreateTemp("", "r1ctl-parquet-*")
	if err != nil {
		return nil, nil, err
	}
	_ = os.Remove(f.Name())
	if _, err := io.Copy(f, body); err != nil {
		f.Close()
		return nil, nil, err
	}
	return f, func() { f.Close() }, nil
}
