package curate

import (
	"encoding/json"
	"strings"
)

const (
	answerBytes = 64 << 10 // an answer's object lies within so many bytes from its end
	answerTries = 512      // places at which one is looked for
)

// lastObject reads the last JSON object of a model's reply, whatever stands
// around it: prose, a code fence, an object before it.
func (r *row) lastObject() (fields map[string]json.RawMessage, ok bool) {
	parts := r.split(r.response)
	if parts.Unfinished {
		return nil, false
	}
	text := parts.Reply
	if len(text) > answerBytes {
		text = text[len(text)-answerBytes:]
	}
	last, at := "", 0
	for range answerTries {
		next := strings.IndexByte(text[at:], '{')
		if next < 0 {
			break
		}
		at += next
		s := jsonScanner{data: []byte(text), i: at}
		if s.value(2) {
			last, at = text[at:s.i], s.i
		} else {
			at++
		}
	}
	if last == "" || json.Unmarshal([]byte(last), &fields) != nil {
		return nil, false
	}
	return fields, true
}

// choice reads a word of an answer's object: the number of the one of choices that
// it is, whatever its case; -1 for anything else.
func choice(fields map[string]json.RawMessage, name string, choices ...string) int8 {
	var word string
	if json.Unmarshal(fields[name], &word) != nil {
		return -1
	}
	for i, c := range choices {
		if strings.EqualFold(strings.TrimSpace(word), c) {
			return int8(i)
		}
	}
	return -1
}
