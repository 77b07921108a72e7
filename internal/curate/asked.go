package curate

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"slices"
)

// A stage of kind sample may be given rows that have a response already: its
// template shows it to a model, which judges or rewrites it. The rows that come out
// have the model's answer as response; what they had before as samples lies in
// their field of (docs/job-contract.md). ask adds, in the field asked, what else has
// to be put back.

// carried are the fields that a sampler moves to of.
func carried() []string {
	return []string{"sample", "response", "tokens", "thinking_tokens", "finish", "verdict", "rewards", "audit", "origin"}
}

// asking are the fields that only a question, or an answer to it, has.
func asking() []string {
	return []string{"of", "asked", "thinking", "reply", "first", "second", "pair", "other"}
}

// before is what a row was before a model was asked about it: fields by name.
type before map[string]json.RawMessage

// before reads it; ok is false where the row is no answer about a response, or about a row
// without one (nearest).
func (r *row) before() (b before, ok bool) {
	var more before
	if value, has := r.get("asked"); has && json.Unmarshal(value, &more) != nil {
		return nil, false
	}
	switch value, has := r.get("of"); {
	case has && (json.Unmarshal(value, &b) != nil || b["response"] == nil):
		return nil, false
	case !has && (string(more["alone"]) != "true" || !r.has("sample")):
		return nil, false
	case !has:
		b = before{}
	}
	for name, v := range more {
		b[name] = v
	}
	var probe row // holds no value that a row cannot have
	for _, name := range append(carried(), "verifier") {
		if v, has := b[name]; has && string(v) != "null" && !probe.put(name, v) {
			return nil, false
		}
	}
	return b, true
}

// restore makes the row what it was before it was asked about.
func (r *row) restore(b before) {
	for _, name := range carried() {
		r.unset(name)
	}
	if _, kept := b["verifier"]; kept {
		r.unset("verifier")
	}
	for _, name := range append(carried(), "verifier") {
		if value, ok := b[name]; ok {
			r.put(name, value)
		}
	}
	for _, name := range asking() {
		r.unset(name)
	}
}

// text is a field that holds a string.
func (b before) text(name string) string {
	var s string
	_ = json.Unmarshal(b[name], &s) // no string is as good as none
	return s
}

// question is equal for the answers to one question.
func (r *row) question(b before) [16]byte {
	sum := sha256.Sum256([]byte(r.id + "\n" + r.prompt + "\n" + string(b["sample"]) + "\n" + b.text("response")))
	return [16]byte(sum[:16])
}

// put sets a field to JSON, also where steps know the field. It refuses a value of
// the wrong type.
func (r *row) put(name string, value json.RawMessage) bool {
	f := jsonField{name: name, value: value, escaped: bytes.IndexByte(value, '\\') >= 0}
	if string(value) == "null" || len(value) == 0 || !r.decode(&f) {
		return false
	}
	r.set(name, value)
	return true
}

// unset takes a field out.
func (r *row) unset(name string) {
	r.fields = slices.DeleteFunc(slices.Clone(r.fields), func(f jsonField) bool { return f.name == name })
	r.raw = nil
	switch name {
	case "id":
		r.id = ""
	case "response":
		r.response = ""
	case "verifier":
		r.verifier = ""
	case "finish":
		r.finish = ""
	case "verdict":
		r.verdict = nil
	case "tokens":
		r.tokens = nil
	case "sample":
		r.sample = nil
	case "origin":
		r.origin = map[string]json.RawMessage{}
	}
}

// value is a field as JSON, or null.
func (r *row) value(name string) json.RawMessage {
	if value, ok := r.get(name); ok {
		return bytes.Clone(value)
	}
	return json.RawMessage("null")
}

// answeredBy names the model that gave the row's response: by its name at an
// endpoint, or by the digest of its weights.
func (r *row) answeredBy() string {
	for _, name := range []string{"model", "model_sha256"} {
		var s string
		if json.Unmarshal(r.origin[name], &s) == nil && s != "" {
			if name == "model_sha256" && len(s) > 12 {
				s = s[:12]
			}
			return s
		}
	}
	return "unknown"
}
