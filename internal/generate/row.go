package generate

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"slices"
)

// row is a row of a dataset with its fields in their order, as they were written.
type row struct {
	names  []string
	values map[string]json.RawMessage
}

func parseRow(line []byte) (*row, error) {
	dec := json.NewDecoder(bytes.NewReader(line))
	if t, err := dec.Token(); err != nil || t != json.Delim('{') {
		return nil, errors.New("a row must be a JSON object")
	}
	r := &row{values: map[string]json.RawMessage{}}
	for dec.More() {
		name, err := dec.Token()
		if err != nil {
			return nil, err
		}
		var value json.RawMessage
		if err := dec.Decode(&value); err != nil {
			return nil, err
		}
		r.put(name.(string), value)
	}
	if _, err := dec.Token(); err != nil {
		return nil, err
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("there is more after the row's end")
	}
	return r, nil
}

func (r *row) put(name string, value json.RawMessage) {
	if _, there := r.values[name]; !there {
		r.names = append(r.names, name)
	}
	r.values[name] = value
}

// set puts a value that can always be encoded.
func (r *row) set(name string, value any) { r.put(name, encode(value)) }

func (r *row) has(name string) bool {
	value, ok := r.values[name]
	return ok && !bytes.Equal(value, []byte("null"))
}

// text is a field as text; empty where it is none.
func (r *row) text(name string) string {
	var s string
	_ = json.Unmarshal(r.values[name], &s)
	return s
}

// encode renders JSON in which tags such as <think> stay readable.
func encode(value any) json.RawMessage {
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(value); err != nil {
		return json.RawMessage("null") // of no type that is used here
	}
	return bytes.TrimSuffix(buf.Bytes(), []byte("\n"))
}

// MarshalJSON implements json.Marshaler. The row has no line break.
func (r *row) MarshalJSON() ([]byte, error) {
	var buf bytes.Buffer
	buf.WriteByte('{')
	for i, name := range r.names {
		if i > 0 {
			buf.WriteByte(',')
		}
		buf.Write(encode(name))
		buf.WriteByte(':')
		if err := json.Compact(&buf, r.values[name]); err != nil {
			return nil, err
		}
	}
	buf.WriteByte('}')
	return buf.Bytes(), nil
}

// sampled are the fields that a row has as a sample, and not as a problem.
var sampled = []string{"sample", "response", "tokens", "thinking_tokens", "finish", "refusal", "verdict", "audit", "rewards", "origin"}

// problem is the row as something to answer: a row that was a sample itself keeps
// what it was as one, under `of`.
func (r *row) problem() *row {
	out, of := &row{values: map[string]json.RawMessage{}}, &row{values: map[string]json.RawMessage{}}
	again := r.has("response")
	for _, name := range r.names {
		if again && (name == "of" || slices.Contains(sampled, name)) {
			of.put(name, r.values[name])
		} else {
			out.put(name, r.values[name])
		}
	}
	if again {
		raw, _ := of.MarshalJSON() // of what was read
		out.put("of", raw)
	}
	return out
}

func (r *row) clone() *row {
	out := &row{names: slices.Clone(r.names), values: make(map[string]json.RawMessage, len(r.values)+8)}
	for name, value := range r.values {
		out.values[name] = value
	}
	return out
}
