package behaviours

import (
	"encoding/json"
	"errors"
)

// Trace is a row as files hold it, with what a Tally wants to know beside its text.
type Trace struct {
	Row
	Completion *string `json:"completion"` // another name of response
	Sample     *int    `json:"sample"`
	Step       *int    `json:"step"`
	Verdict    *struct {
		Label string `json:"label"`
	} `json:"verdict"`
}

// Errors of ReadTrace.
var (
	ErrNotARow    = errors.New("expected a JSON object")
	ErrNoResponse = errors.New("it has no response")
)

// ReadTrace reads a line of a file of rows.
func ReadTrace(line []byte) (Trace, error) {
	var t Trace
	if err := json.Unmarshal(line, &t); err != nil {
		var mistyped *json.UnmarshalTypeError
		if errors.As(err, &mistyped) && mistyped.Field != "" {
			return t, errors.New(mistyped.Field + " is of the wrong type")
		}
		return t, ErrNotARow
	}
	if t.Response == "" && t.Completion != nil {
		t.Response = *t.Completion
	}
	if t.Response == "" {
		return t, ErrNoResponse
	}
	return t, nil
}

// Entry is the row for a Tally.
func (t Trace) Entry(c Counts) Entry {
	e := Entry{Counts: c, Domain: t.Domain, Step: t.Step}
	if t.Verdict != nil && (t.Verdict.Label == "correct" || t.Verdict.Label == "wrong") {
		right := t.Verdict.Label == "correct"
		e.Correct = &right
	}
	return e
}

// Field is a field of a line; nil where it has none.
func Field(line []byte, name string) json.RawMessage {
	var fields map[string]json.RawMessage
	if json.Unmarshal(line, &fields) != nil {
		return nil
	}
	return fields[name]
}
