package generate

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"path/filepath"
	"slices"

	"github.com/r1ctl/r1ctl/internal/prompts"
	"github.com/r1ctl/r1ctl/internal/r1"
)

// place is where a row stands.
type place struct {
	file string
	line int
}

func (p place) String() string { return fmt.Sprintf("%s:%d", p.file, p.line) }

// rows reads a dataset row by row: its *.jsonl files, in the order of their names.
func rows(dir string) iter.Seq2[place, *row] {
	return func(yield func(place, *row) bool) {
		files, _ := filepath.Glob(filepath.Join(dir, "*.jsonl")) // the pattern is a good one
		slices.Sort(files)
		for _, file := range files {
			if !rowsOf(file, yield) {
				return
			}
		}
	}
}

// rowsOf gives a nil row where one cannot be read, and nothing after it.
func rowsOf(file string, yield func(place, *row) bool) bool {
	at := place{file: filepath.Base(file)}
	f, err := os.Open(file)
	if err != nil {
		yield(at, nil)
		return false
	}
	defer f.Close()
	r := bufio.NewReaderSize(f, 1<<20)
	for {
		line, err := r.ReadBytes('\n')
		at.line++
		if len(bytes.TrimSpace(line)) > 0 {
			one, problem := parseRow(line)
			if problem != nil {
				one = nil
			}
			if !yield(at, one) || one == nil {
				return false
			}
		}
		if errors.Is(err, io.EOF) {
			return true
		}
		if err != nil {
			yield(at, nil)
			return false
		}
	}
}

// count looks at all prompts before the first one is asked: a row that cannot be
// rendered must not be found after a day of paid answers.
func (j *job) count() (int, error) {
	n := 0
	dir := j.path(j.Inputs["prompts"].Path)
	for at, r := range rows(dir) {
		if r == nil {
			return 0, rowError("prompts %s: the row cannot be read, or is no JSON object", at)
		}
		name := at.String()
		if id := r.text("id"); id != "" {
			name += " (row " + id + ")"
		}
		if !r.has("prompt") {
			return 0, rowError("prompts %s: the row has no \"prompt\"", name)
		}
		if _, err := j.template.Conversation(r.values); err != nil {
			var lacking *prompts.Lacking
			if errors.As(err, &lacking) {
				return 0, rowError("prompts %s: %v", name, lacking)
			}
			return 0, err
		}
		n++
	}
	if n == 0 {
		return 0, rowError("the input prompts has no rows")
	}
	if s := j.params.Shard; s != nil && s.Of > n {
		return 0, rowError("there are %d prompts for %d shards: lower shards", n, s.Of)
	}
	return n, nil
}

func rowError(format string, args ...any) error {
	return &Failure{Class: r1.ClassConfig, Err: &r1.Error{Name: "prompt-rows", Detail: fmt.Sprintf(format, args...),
		Remedy: "correct the template, or give the stage rows that have what it reads: r1ctl curate can drop or map them"}}
}
