package curate

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/r1ctl/r1ctl/internal/r1"
	"github.com/r1ctl/r1ctl/internal/verify"
)

// row is one row on its way through the steps. Fields that no step knows stay
// in fields, byte for byte.
type row struct {
	fields []jsonField
	raw    []byte // the row as JSON; nil once a field has changed
	at     position
	seq    int64 // its number among all rows read, from 0
	tmp    *scratch
	was    map[string]json.RawMessage // what stood in place of a source's fixed values
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
// not-json, missing-<field>, bad-<field> (of the wrong type) or
// column-taken-<field> (see Columns). A row needs a prompt (problems, samples,
// sft, preference, safety) or a text (pre-training), and the fields that the
// steps of the stage need; null counts as missing.
func parseRow(raw []byte, how *shape, need []string, tmp *scratch) (r *row, problem string) {
	if !utf8.Valid(raw) {
		return nil, "not-utf8"
	}
	fields, ok := splitObject(raw, make([]jsonField, 0, 16))
	if !ok {
		return nil, "not-json"
	}
	r = &row{raw: raw, fields: fields, tmp: tmp}
	tmp.forget()
	if how != nil {
		if problem := how.apply(r); problem != "" {
			return r, problem
		}
	}
	for i := range r.fields {
		f := &r.fields[i]
		if string(f.value) != "null" && !r.decode(f) {
			// The least name, so that a row with several gives one reason always.
			if p := "bad-" + f.name; problem == "" || p < problem {
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

// decode takes a field over into known, if steps use it.
func (r *row) decode(f *jsonField) bool {
	var text *string
	switch f.name {
	case "id":
		text = &r.id
	case "domain":
		text = &r.domain
	case "prompt":
		text = &r.prompt
	case "response":
		text = &r.response
	case "text":
		text = &r.text
	case "chosen":
		text = &r.chosen
	case "rejected":
		text = &r.rejected
	case "verifier":
		text = &r.verifier
	case "finish":
		text = &r.finish
	case "gold":
		return json.Unmarshal(f.value, &r.gold) == nil
	case "verdict":
		return json.Unmarshal(f.value, &r.verdict) == nil
	case "origin":
		return json.Unmarshal(f.value, &r.origin) == nil
	case "tokens":
		return number(f.value, &r.tokens)
	case "sample":
		return number(f.value, &r.sample)
	default:
		return true
	}
	if f.value[0] != '"' {
		return false
	}
	*text = unquote(f.value, f.escaped)
	return true
}

func number(value []byte, into **int) bool {
	n, err := strconv.Atoi(string(value))
	*into = &n
	return err == nil
}

// parse decodes a line whose bytes stay as they are.
func (l Line) parse(need []string) (*row, string) { return l.parseWith(need, &scratch{}) }

func (l Line) parseWith(need []string, tmp *scratch) (*row, string) {
	if l.problem != "" {
		return nil, l.problem
	}
	raw := l.Raw
	if bytes.IndexByte(raw, '\n') >= 0 { // generated JSON may be indented; a row is one line
		var compact bytes.Buffer
		if json.Compact(&compact, raw) == nil {
			raw = compact.Bytes()
		}
	}
	return parseRow(raw, l.how, need, tmp)
}

func (r *row) get(field string) ([]byte, bool) {
	for i := range r.fields {
		if r.fields[i].name == field {
			return r.fields[i].value, true
		}
	}
	return nil, false
}

// rawField is a field's JSON; null where the row lacks it.
func (r *row) rawField(field string) json.RawMessage {
	value, _ := r.get(field)
	return value
}

func (r *row) has(field string) bool {
	value, present := r.get(field)
	return present && string(value) != "null"
}

// set changes a field of the row.
func (r *row) set(field string, value any) {
	r.fields = putField(r.fields, jsonField{name: field, value: encode(value)})
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
	case r.was == nil:
		return
	}
	if r.was != nil {
		r.origin["was"] = encode(r.was)
	}
	r.set("origin", r.origin)
}

// promptKey is equal for the rows of one prompt.
type promptKey [16]byte

func (r *row) promptKey() promptKey {
	sum := sha256.Sum256([]byte(r.domain + "\n" + r.prompt + r.text))
	return promptKey(sum[:16])
}

// encoded is the row as one line of JSON, without the newline. A changed row has
// its fields in the order of their names, as encoding/json writes a map.
func (r *row) encoded() []byte {
	if r.raw != nil {
		return r.raw
	}
	slices.SortFunc(r.fields, func(a, b jsonField) int { return strings.Compare(a.name, b.name) })
	size := 2
	for _, f := range r.fields {
		size += len(f.name) + len(f.value) + 4
	}
	out := bytes.NewBuffer(make([]byte, 0, size))
	for i, f := range r.fields {
		out.WriteByte("{,"[min(i, 1)])
		out.Write(encode(f.name))
		out.WriteByte(':')
		if !f.spaced || json.Compact(out, f.value) != nil {
			out.Write(f.value)
		}
	}
	if len(r.fields) == 0 {
		out.WriteByte('{')
	}
	out.WriteByte('}')
	r.raw = out.Bytes()
	return r.raw
}

// encode writes JSON the way datasets are read by people: <think> stays <think>.
// The values it is given (strings, numbers, and JSON that was parsed) have no
// other end than success.
func encode(v any) []byte {
	raw, ok := tryEncode(v)
	if !ok {
		panic(fmt.Sprintf("curate: encode a row: %v is no JSON", v))
	}
	return raw
}

func tryEncode(v any) ([]byte, bool) {
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	err := enc.Encode(v)
	return bytes.TrimSuffix(buf.Bytes(), []byte("\n")), err == nil
}
