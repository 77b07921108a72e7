package curate

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"unicode/utf8"

	"github.com/r1ctl/r1ctl/internal/r1"
	"github.com/r1ctl/r1ctl/internal/verify"
)

// row is one row on its way through the steps. Fields that no step knows stay
// in fields, byte for byte.
type row struct {
	fields map[string]json.RawMessage
	raw    []byte // the row as JSON; nil once a field has changed
	at     position
	seq    int64 // its number among all rows read, from 0
	known
}

// known are the fields that steps use, decoded.
type known struct {
	id, domain, prompt, response, text string
	chosen, rejected, verifier, finish string
	gold                               verify.Gold
	tokens, sample                     *int
	verdict                            *r1.Verdict
	origin                             map[string]json.RawMessage
}

// position is where a row was read.
type position struct {
	source string // name of the input or source
	file   string
	line   int
}

// parseRow decodes a row. A problem names what is malformed: not-utf8,
// not-json, missing-<field> or bad-<field> (of the wrong type). A row needs a
// prompt (problems, samples, sft, preference, safety) or a text (pre-training),
// and the fields that the steps of the stage need; null counts as missing.
func parseRow(raw []byte, need []string) (r *row, problem string) {
	if !utf8.Valid(raw) {
		return nil, "not-utf8"
	}
	r = &row{raw: raw}
	if json.Unmarshal(raw, &r.fields) != nil || r.fields == nil {
		return nil, "not-json"
	}
	for name, into := range map[string]any{
		"id": &r.id, "domain": &r.domain, "prompt": &r.prompt, "response": &r.response, "text": &r.text,
		"chosen": &r.chosen, "rejected": &r.rejected, "verifier": &r.verifier, "finish": &r.finish,
		"gold": &r.gold, "tokens": &r.tokens, "sample": &r.sample, "verdict": &r.verdict, "origin": &r.origin,
	} {
		value, present := r.fields[name]
		if !present || string(value) == "null" {
			continue
		}
		if json.Unmarshal(value, into) != nil {
			// The least name, so that a row with several gives one reason always.
			if p := "bad-" + name; problem == "" || p < problem {
				problem = p
			}
		}
	}
	if problem != "" {
		return r, problem
	}
	if !r.has("prompt") && !r.has("text") {
		return r, "missing-prompt"
	}
	for _, name := range need {
		if !r.has(name) {
			return r, "missing-" + name
		}
	}
	return r, ""
}

// parse decodes a line into a row that owns its bytes.
func (l Line) parse(need []string) (*row, string) {
	if l.problem != "" {
		return nil, l.problem
	}
	raw := bytes.Clone(l.Raw)
	if bytes.IndexByte(raw, '\n') >= 0 { // generated JSON may be indented; a row is one line
		var compact bytes.Buffer
		if json.Compact(&compact, raw) == nil {
			raw = compact.Bytes()
		}
	}
	return parseRow(raw, need)
}

func (r *row) has(field string) bool {
	value, present := r.fields[field]
	return present && string(value) != "null"
}

// set changes a field of the row.
func (r *row) set(field string, value any) {
	r.fields[field] = encode(value)
	r.raw = nil
}

// trace gives the row an id and an origin where it has none: the origin leads
// from any later row back to a sample's checkpoint (written by the sampler), or
// to the line of the source it was read from.
func (r *row) trace() {
	if r.id == "" && r.has("prompt") {
		// The id of a problem: a digest of its domain and prompt.
		sum := sha256.Sum256([]byte(r.domain + "\n" + r.prompt))
		r.id = hex.EncodeToString(sum[:8])
		r.set("id", r.id)
	}
	switch {
	case r.origin == nil:
		r.origin = map[string]json.RawMessage{"source": encode(r.at.source), "file": encode(r.at.file), "line": encode(r.at.line)}
	case r.sample != nil && r.origin["sample"] == nil:
		r.origin["sample"] = encode(*r.sample)
	default:
		return
	}
	r.set("origin", r.origin)
}

// promptKey is equal for the rows of one prompt.
type promptKey [16]byte

func (r *row) promptKey() promptKey {
	sum := sha256.Sum256([]byte(r.domain + "\n" + r.prompt + r.text))
	return promptKey(sum[:16])
}

// encoded is the row as one line of JSON, without the newline.
func (r *row) encoded() []byte {
	if r.raw == nil {
		r.raw = encode(r.fields)
	}
	return r.raw
}

// encode writes JSON the way datasets are read by people: <think> stays <think>.
// The values it is given (strings, numbers, and JSON that was parsed) have no
// other end than success.
func encode(v any) []byte {
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		panic("curate: encode a row: " + err.Error())
	}
	return bytes.TrimSuffix(buf.Bytes(), []byte("\n"))
}
