package curate

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"os"
	"strings"
)

// Stream is rows from anything that can be opened; the name's ending tells the
// format (JSON lines where it is none of the Formats) and the compression. A
// name that ends in .json may also hold one list of rows.
func Stream(name string, open func(ctx context.Context) (io.ReadCloser, error)) Source {
	return &stream{name: name, open: open}
}

type stream struct {
	name  string
	open  func(ctx context.Context) (io.ReadCloser, error)
	meter *meter // nil: nobody asks what was read
}

func (s *stream) Rows(ctx context.Context) iter.Seq2[Line, error] {
	return func(yield func(Line, error) bool) {
		fail := func(err error) { yield(Line{}, fmt.Errorf("read %s: %w", s.name, err)) }
		body, err := s.open(ctx)
		if err != nil {
			fail(err)
			return
		}
		defer body.Close()
		if s.meter == nil {
			s.rows(ctx, body, yield)
			return
		}
		s.meter.begin()
		stopped := false
		counted := func(l Line, err error) bool {
			if err == nil {
				s.meter.rows++
			}
			stopped = !yield(l, err) || err != nil
			return !stopped
		}
		if f, ok := body.(*os.File); ok && FormatOf(s.name) == "parquet" { // read from its end, and here once more
			if err := s.meter.file(f); err != nil {
				fail(err)
				return
			}
			s.rows(ctx, body, counted)
			return
		}
		through := s.meter.through(body)
		s.rows(ctx, through, counted)
		if !stopped { // what follows the last row belongs to the file
			if _, err := io.Copy(io.Discard, through); err != nil {
				fail(err)
			}
		}
	}
}

// rows reads the body by the ending of the name.
func (s *stream) rows(ctx context.Context, body io.ReadCloser, yield func(Line, error) bool) {
	fail := func(err error) { yield(Line{}, fmt.Errorf("read %s: %w", s.name, err)) }
	if FormatOf(s.name) == "parquet" {
		f, release, err := randomAccess(body)
		if err != nil {
			fail(err)
			return
		}
		defer release()
		readParquet(ctx, s.name, f)(yield)
		return
	}
	r, err := decompressed(s.name, body)
	if err != nil {
		fail(err)
		return
	}
	defer r.Close()
	scan := scanLines
	if strings.HasSuffix(s.name, ".json") {
		scan = scanList
	}
	if err := scan(s.name, r, func(l Line) bool { return yield(l, nil) }); err != nil {
		fail(err)
	}
}

// Generated is a dataset made by this process.
func Generated(name string, rows iter.Seq[json.RawMessage]) Source {
	return &generated{name: name, all: rows}
}

type generated struct {
	name  string
	all   iter.Seq[json.RawMessage]
	meter *meter
}

func (g *generated) Rows(context.Context) iter.Seq2[Line, error] {
	return func(yield func(Line, error) bool) {
		if g.meter != nil {
			g.meter.begin()
		}
		n := 0
		for raw := range g.all {
			n++
			if g.meter != nil {
				g.meter.row(raw)
			}
			if !yield(Line{File: g.name, Number: n, Raw: raw}, nil) {
				return
			}
		}
	}
}
