package curate

import (
	"context"
	"iter"
)

// Columns says under which names a dataset has the fields of a row: field to
// name, such as response to solution. A row that lacks such a column lacks the
// field. A row that has both is malformed (column-taken-<field>): neither is
// lost without a word.
type Columns map[string]string

// ColumnFields are the fields that Columns can name: those that steps look at.
func ColumnFields() []string {
	return []string{"id", "domain", "prompt", "response", "text", "chosen", "rejected", "gold", "verifier", "verdict", "finish", "tokens", "sample", "split"}
}

// Mapped is a source whose rows have other names for their fields.
func Mapped(s Source, c Columns) Source {
	if len(c) == 0 {
		return s
	}
	return mapped{s, c}
}

type mapped struct {
	Source
	columns Columns
}

func (m mapped) Rows(ctx context.Context) iter.Seq2[Line, error] {
	return func(yield func(Line, error) bool) {
		for line, err := range m.Source.Rows(ctx) {
			line.columns = m.columns
			if !yield(line, err) {
				return
			}
		}
	}
}

// rename gives the fields of a row the names that steps know.
func (c Columns) rename(r *row) (problem string) {
	names := map[string]string{} // name in the rows: field
	for field, from := range c {
		names[from] = field
	}
	have := map[string]bool{}
	for i := range r.fields {
		f := &r.fields[i]
		if to, mapped := names[f.name]; mapped && to != f.name {
			f.name, r.raw = to, nil
		}
		if p := "column-taken-" + f.name; have[f.name] && (problem == "" || p < problem) {
			problem = p
		}
		have[f.name] = true
	}
	return problem
}
