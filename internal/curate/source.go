package curate

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/bmatcuk/doublestar/v4"

	"github.com/r1ctl/r1ctl/internal/r1"
	"github.com/r1ctl/r1ctl/internal/suggest"
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
	how     *shape // of the source's rows; nil: as they are
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
	}
	known := slices.Sorted(maps.Keys(openers))
	detail := fmt.Sprintf("cannot read %s: unknown scheme %s://", address, scheme)
	if near := suggest.Nearest(scheme, known); near != "" && (len(scheme) > 3 || strings.EqualFold(scheme, near)) {
		detail += fmt.Sprintf("; did you mean %s://?", near)
	}
	return nil, &r1.Error{
		Name: "unsupported-source", Detail: detail,
		Remedy: "give a local path, or an address that begins with one of: " + strings.Join(append(known, "file"), "://, ") + "://",
	}
}

// Open finds the dataset of an address or a local path; see Path.
func Open(ctx context.Context, address string, openers map[string]Opener) (Source, error) {
	return openAddress(ctx, address, openers)
}

// Path is a local file in one of the Formats (JSON lines where its ending is
// none), a folder as Dir reads it, or a pattern: *, **, [0-9], {a,b}.
func Path(path string) (Source, error) {
	info, err := os.Stat(path)
	if errors.Is(err, os.ErrNotExist) && IsPattern(path) {
		return pattern(path)
	}
	if err != nil {
		return nil, &r1.Error{
			Name: "source-not-found", Detail: fmt.Sprintf("cannot read the source %s%s", path, nearest(path)),
			Remedy: "check the path; it is seen from the machine the worker runs on", Err: err,
		}
	}
	if info.IsDir() {
		return Dir(path)
	}
	return localFile(path), nil
}

// IsPattern says whether a path may stand for several files.
func IsPattern(path string) bool { return strings.ContainsAny(path, "*?[{") }

// pattern is the files that match, in order of name; what holds no rows is left out.
func pattern(path string) (Source, error) {
	names, err := doublestar.FilepathGlob(path, doublestar.WithFilesOnly())
	if err != nil {
		return nil, &r1.Error{Name: "source-not-found", Detail: fmt.Sprintf("the pattern %s cannot be read", path), Remedy: "write it with *, **, [0-9] or {a,b}", Err: err}
	}
	slices.Sort(names)
	var files sources
	for _, name := range names {
		if HoldsRows(filepath.Base(name)) {
			files = append(files, localFile(name))
		}
	}
	if len(files) == 0 {
		return nil, &r1.Error{
			Name: "source-not-found", Detail: fmt.Sprintf("no file of rows (%s) matches %s", strings.Join(Formats(), ", "), path),
			Remedy: "check the pattern; it is seen from the machine the worker runs on",
		}
	}
	return files, nil
}

// nearest names the file of the same folder that was probably meant.
func nearest(path string) string {
	entries, err := os.ReadDir(filepath.Dir(path))
	if err != nil {
		return ""
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	if near := suggest.Nearest(filepath.Base(path), names); near != "" {
		return fmt.Sprintf("; did you mean %s?", near)
	}
	return ""
}

// HoldsRows says whether a file of a dataset folder is one of rows, by its name
// without the folder.
func HoldsRows(name string) bool {
	return FormatOf(name) != "" && !r1.IsAccount(name) && !strings.HasPrefix(name, ".")
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
		if !e.IsDir() && HoldsRows(name) {
			files = append(files, localFile(filepath.Join(dir, name)))
		}
	}
	if len(files) == 0 {
		return nil, &r1.Error{
			Name: "dataset-empty", Detail: fmt.Sprintf("the folder %s holds no file of rows (%s)", dir, strings.Join(Formats(), ", ")),
			Remedy: "give the folder or the file that holds the rows",
		}
	}
	return files, nil
}

func localFile(path string) Source {
	return Stream(filepath.Base(path), func(context.Context) (io.ReadCloser, error) { return os.Open(path) })
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
