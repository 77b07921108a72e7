package curate

import (
	"bytes"
	"context"
	"encoding/json"
	"iter"
	"strconv"
	"strings"
)

// Columns says under which names a dataset has the fields of a row: field to
// name, such as response to solution. A name may lead into an object or a list:
// reward_model.ground_truth, messages.0.content. A row that lacks such a column
// lacks the field. A row that has both is malformed (column-taken-<field>):
// neither is lost without a word.
type Columns map[string]string

// ColumnFields are the fields that Columns can name: those that steps look at.
func ColumnFields() []string {
	return []string{"id", "domain", "prompt", "response", "text", "chosen", "rejected", "gold", "verifier", "verdict", "finish", "tokens", "sample", "split"}
}

// shape is what a source says of its rows.
type shape struct {
	columns Columns
	fixed   map[string]string // field: the value that all rows have
}

// Mapped is a source whose rows have other names for their fields.
func Mapped(s Source, c Columns) Source { return shaped(s, shape{columns: c}) }

// shaped is a source whose rows have other names for their fields, and the same
// value in some. What a row has in place of such a value goes to its origin, as was.
func shaped(s Source, how shape) Source {
	if len(how.columns) == 0 && len(how.fixed) == 0 {
		return s
	}
	return mapped{s, &how}
}

type mapped struct {
	Source
	how *shape
}

func (m mapped) Rows(ctx context.Context) iter.Seq2[Line, error] {
	return func(yield func(Line, error) bool) {
		for line, err := range m.Source.Rows(ctx) {
			line.how = m.how
			if !yield(line, err) {
				return
			}
		}
	}
}

// apply gives the fields of a row the names that steps know, and adds fixed values.
func (s *shape) apply(r *row) (problem string) {
	if problem := s.columns.rename(r); problem != "" {
		return problem
	}
	for field, value := range s.fixed {
		text := encode(value)
		if was, ok := r.get(field); ok && string(was) != "null" && string(was) != string(text) {
			if r.was == nil {
				r.was = map[string]json.RawMessage{}
			}
			r.was[field] = was
		}
		r.fields, r.raw = putField(r.fields, made(field, text)), nil
	}
	return ""
}

// rename gives the fields of a row the names that steps know.
func (c Columns) rename(r *row) (problem string) {
	names := map[string]string{} // name in the rows: field
	for field, from := range c {
		names[from] = field
		if _, there := r.get(from); !there && strings.Contains(from, ".") {
			r.lift(from)
		}
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

// lift makes a field of a value inside another; the other stays.
func (r *row) lift(name string) {
	first, rest, _ := strings.Cut(name, ".")
	value, ok := r.get(first)
	for ok && rest != "" {
		var part string
		part, rest, _ = strings.Cut(rest, ".")
		value, ok = inside(value, part)
	}
	if ok {
		r.fields = append(r.fields, made(name, encode(json.RawMessage(value))))
	}
}

// made is a field that was not read.
func made(name string, value []byte) jsonField {
	return jsonField{name: name, value: value, escaped: bytes.IndexByte(value, '\\') >= 0}
}

// inside is a value of an object, by its name, or of a list, by its place from 0.
func inside(raw json.RawMessage, part string) (json.RawMessage, bool) {
	if n, err := strconv.Atoi(part); err == nil && n >= 0 {
		var list []json.RawMessage
		if json.Unmarshal(raw, &list) == nil {
			if n < len(list) {
				return list[n], true
			}
			return nil, false
		}
	}
	var object map[string]json.RawMessage
	if json.Unmarshal(raw, &object) != nil {
		return nil, false
	}
	v, ok := object[part]
	return v, ok
}
