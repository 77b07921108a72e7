package curate

import (
	"bytes"
	"encoding/binary"
	"math/bits"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// A row is looked at by its top-level fields, most of them one long text, and
// most rows are written as they were read. So a row is split here in one pass,
// which also checks it as strictly as encoding/json does, instead of being
// decoded as a whole. A fuzz test holds the two against each other.

// jsonField is a field of a row as it stands in the JSON.
type jsonField struct {
	name    string
	value   []byte
	escaped bool // value is a string with escapes
	spaced  bool // value has white space outside its strings
}

// maxDepth is that of encoding/json.
const maxDepth = 10000

type jsonScanner struct {
	data    []byte
	i       int
	escaped bool // the last string had escapes
	spaced  bool // white space was skipped since it was last unset
}

// splitObject gives the fields of the object that raw is, in order, of equal
// names the last one. ok is false when raw is no JSON object.
func splitObject(raw []byte, out []jsonField) (fields []jsonField, ok bool) {
	s := jsonScanner{data: raw}
	s.space()
	if !s.take('{') {
		return out, false
	}
	s.space()
	if !s.take('}') {
		for {
			at := s.i
			if !s.str() {
				return out, false
			}
			name := unquote(raw[at:s.i], s.escaped)
			s.space()
			if !s.take(':') {
				return out, false
			}
			s.space()
			at, s.spaced, s.escaped = s.i, false, false
			if !s.value(2) {
				return out, false
			}
			out = putField(out, jsonField{name, raw[at:s.i], s.escaped, s.spaced})
			s.space()
			if s.take('}') {
				break
			}
			if !s.take(',') {
				return out, false
			}
			s.space()
		}
	}
	s.space()
	return out, s.i == len(raw)
}

func putField(fields []jsonField, f jsonField) []jsonField {
	for i := range fields {
		if fields[i].name == f.name {
			fields[i] = f
			return fields
		}
	}
	return append(fields, f)
}

func (s *jsonScanner) space() {
	for s.i < len(s.data) {
		switch s.data[s.i] {
		case ' ', '\t', '\r', '\n':
			s.i++
			s.spaced = true
		default:
			return
		}
	}
}

func (s *jsonScanner) take(c byte) bool {
	if s.i < len(s.data) && s.data[s.i] == c {
		s.i++
		return true
	}
	return false
}

// value skips a value; depth is that of the objects and arrays it is in, and 1.
func (s *jsonScanner) value(depth int) bool {
	if s.i >= len(s.data) || depth > maxDepth+1 {
		return false
	}
	switch c := s.data[s.i]; {
	case c == '"':
		return s.str()
	case c == '{':
		return s.members(depth, '}', true)
	case c == '[':
		return s.members(depth, ']', false)
	case c == '-' || c >= '0' && c <= '9':
		return s.number()
	}
	for _, word := range []string{"true", "false", "null"} {
		if bytes.HasPrefix(s.data[s.i:], []byte(word)) {
			s.i += len(word)
			return true
		}
	}
	return false
}

func (s *jsonScanner) members(depth int, end byte, named bool) bool {
	if depth > maxDepth {
		return false
	}
	s.i++
	s.space()
	if s.take(end) {
		return true
	}
	for {
		if named {
			if !s.str() {
				return false
			}
			s.space()
			if !s.take(':') {
				return false
			}
			s.space()
		}
		if !s.value(depth + 1) {
			return false
		}
		s.space()
		if s.take(end) {
			return true
		}
		if !s.take(',') {
			return false
		}
		s.space()
	}
}

func (s *jsonScanner) number() bool {
	s.take('-')
	if !s.take('0') && !s.digits() {
		return false
	}
	if s.take('.') && !s.digits() {
		return false
	}
	if s.take('e') || s.take('E') {
		if !s.take('+') {
			s.take('-')
		}
		return s.digits()
	}
	return true
}

func (s *jsonScanner) digits() bool {
	from := s.i
	for s.i < len(s.data) && isDigit(s.data[s.i]) {
		s.i++
	}
	return s.i > from
}

// str skips a string, eight bytes at a time where nothing in them is special.
func (s *jsonScanner) str() bool {
	const ones, highs = 0x0101010101010101, 0x8080808080808080
	if !s.take('"') {
		return false
	}
	s.escaped = false
	data, i := s.data, s.i
	for {
		for i+8 <= len(data) {
			w := binary.LittleEndian.Uint64(data[i:])
			quote, slash := w^ones*'"', w^ones*'\\'
			special := ((quote-ones)&^quote | (slash-ones)&^slash | (w-ones*0x20)&^w) & highs
			if special != 0 {
				i += bits.TrailingZeros64(special) / 8
				break
			}
			i += 8
		}
		if i >= len(data) {
			return false
		}
		switch c := data[i]; {
		case c == '"':
			s.i = i + 1
			return true
		case c < 0x20:
			return false
		case c == '\\':
			s.escaped = true
			n := escapeLength(data[i:])
			if n == 0 {
				return false
			}
			i += n
		default:
			i++
		}
	}
}

// escapeLength is the length of the escape that data begins with, or 0.
func escapeLength(data []byte) int {
	if len(data) < 2 {
		return 0
	}
	switch data[1] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return 2
	case 'u':
		if len(data) >= 6 {
			if _, err := strconv.ParseUint(string(data[2:6]), 16, 16); err == nil && data[2] != '+' && data[2] != '-' && data[2] != '_' {
				return 6
			}
		}
	}
	return 0
}

// unquote is the text of a string that str has checked.
func unquote(quoted []byte, escaped bool) string {
	body := quoted[1 : len(quoted)-1]
	if !escaped {
		return string(body)
	}
	out := make([]byte, 0, len(body))
	for {
		i := bytes.IndexByte(body, '\\')
		if i < 0 {
			return string(append(out, body...))
		}
		out = append(out, body[:i]...)
		body = body[i:]
		if body[1] != 'u' {
			out = append(out, plainEscape(body[1]))
			body = body[2:]
			continue
		}
		c := hexRune(body)
		body = body[6:]
		if utf16.IsSurrogate(c) {
			low := rune(utf8.RuneError)
			if len(body) >= 6 && body[0] == '\\' && body[1] == 'u' {
				low = hexRune(body)
			}
			if c = utf16.DecodeRune(c, low); c != utf8.RuneError {
				body = body[6:]
			}
		}
		out = utf8.AppendRune(out, c)
	}
}

func hexRune(escape []byte) rune {
	n, _ := strconv.ParseUint(string(escape[2:6]), 16, 16) // checked by str
	return rune(n)
}

func plainEscape(c byte) byte {
	switch c {
	case 'b':
		return '\b'
	case 'f':
		return '\f'
	case 'n':
		return '\n'
	case 'r':
		return '\r'
	case 't':
		return '\t'
	}
	return c
}
