package curate

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"os"
	"path/filepath"
	"strings"

	"github.com/r1ctl/r1ctl/internal/r1"
)

// Source is a dataset that can be read from its start.
type Source interface {
	// Rows yields the lines in a fixed order. An error ends the reading; a line
	// that holds no valid row is no error here.
	Rows(ctx context.Context) iter.Seq2[Line, error]
}

// Line is one line of a source.
type Line struct {
	File   string // what it came from, for people
	Number int    // from 1
	Raw    []byte // valid until the next line is asked for

	problem string // why Raw is not there
	columns Columns
}

// Opener finds the dataset of an address of one scheme, such as s3://bucket/key.
type Opener func(ctx context.Context, address string) (Source, error)

// openAddress opens an external source: a local path, or an address whose
// scheme has an opener.
func openAddress(ctx context.Context, address string, openers map[string]Opener) (Source, error) {
	scheme, rest, found := strings.Cut(address, "://")
	switch {
	case !found:
		return Path(address)
	case scheme == "file":
		return Path(rest)
	case openers[scheme] != nil:
		return openers[scheme](ctx, address)
	case scheme == "hf":
		return nil, &r1.Error{
			Name: "unsupported-source", Detail: fmt.Sprintf("cannot read %s: hf:// sources are not supported by this version", address),
			Remedy: "download the files and give their path",
		}
	}
	return nil, &r1.Error{
		Name: "unsupported-source", Detail: fmt.Sprintf("cannot read %s: unknown scheme %s://", address, scheme),
		Remedy: "give tiny://name, s3://bucket/key or a local path",
	}
}

// Path is a local file in one of the Formats (JSON lines where its ending is none), or a folder as Dir reads it.
func Path(path string) (Source, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, &r1.Error{
			Name: "source-not-found", Detail: fmt.Sprintf("cannot read the source %s", path),
			Remedy: "check the path; it is seen from the machine the worker runs on", Err: err,
		}
	}
	if info.IsDir() {
		return Dir(path)
	}
	return localFile(path), nil
}

// Dir is a dataset folder: its files in one of the Formats in order of name,
// without what a curation dropped or could not read.
func Dir(dir string) (Source, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("list the dataset %s: %w", dir, err)
	}
	var files sources
	for _, e := range entries {
		name := e.Name()
		if e.IsDir() || FormatOf(name) == "" || isAccount(name) || strings.HasPrefix(name, ".") {
			continue
		}
		files = append(files, localFile(filepath.Join(dir, name)))
	}
	if len(files) == 0 {
		return nil, &r1.Error{
			Name: "dataset-empty", Detail: fmt.Sprintf("the folder %s holds no file of rows (%s)", dir, strings.Join(Formats(), ", ")),
			Remedy: "give the folder or the file that holds the rows",
		}
	}
	return files, nil
}

// isAccount says whether a file tells of rows that are not in the dataset.
func isAccount(name string) bool {
	name = strings.TrimSuffix(name, ".gz")
	return name == "dropped.jsonl" || name == "quarantine.jsonl"
}

func localFile(path string) Source {
	return Stream(filepath.Base(path), func(context.Context) (io.ReadCloser, error) { return os.Open(path) })
}

// Stream is rows from anything that can be opened; the name's ending tells the
// format (JSON lines where it is none of the Formats) and the compression.
func Stream(name string, open func(ctx context.Context) (io.ReadCloser, error)) Source {
	return stream{name, open}
}

type stream struct {
	name string
	open func(ctx context.Context) (io.ReadCloser, error)
}

func (s stream) Rows(ctx context.Context) iter.Seq2[Line, error] {
	return func(yield func(Line, error) bool) {
		fail := func(err error) { yield(Line{}, fmt.Errorf("read %s: %w", s.name, err)) }
		body, err := s.open(ctx)
		if err != nil {
			fail(err)
			return
		}
		defer body.Close()
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
		if err := scanLines(s.name, r, func(l Line) bool { return yield(l, nil) }); err != nil {
			fail(err)
		}
	}
}

// Generated is a dataset made by this process.
func Generated(name string, rows iter.Seq[json.RawMessage]) Source { return generated{name, rows} }

type generated struct {
	name string
	rows iter.Seq[json.RawMessage]
}

func (g generated) Rows(context.Context) iter.Seq2[Line, error] {
	return func(yield func(Line, error) bool) {
		n := 0
		for raw := range g.rows {
			n++
			if !yield(Line{File: g.name, Number: n, Raw: raw}, nil) {
				return
			}
		}
	}
}

// Joined is several datasets one after another.
func Joined(all ...Source) Source { return sources(all) }

// sources is several datasets one after another.
type sources []Source

func (s sources) Rows(ctx context.Context) iter.Seq2[Line, error] {
	seqs := make([]iter.Seq2[Line, error], len(s))
	for i, source := range s {
		seqs[i] = source.Rows(ctx)
	}
	return func(yield func(Line, error) bool) {
		for _, seq := range seqs {
			for line, err := range seq {
				if !yield(line, err) || err != nil {
					return
				}
			}
		}
	}
}
