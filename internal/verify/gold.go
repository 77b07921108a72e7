package verify

import (
	"bytes"
	"encoding/json"
	"errors"
)

// Gold is a reference answer: a JSON string, or a number as it is written.
type Gold string

// UnmarshalJSON accepts a string or a number.
func (g *Gold) UnmarshalJSON(raw []byte) error {
	raw = bytes.TrimSpace(raw)
	var s string
	if err := json.Unmarshal(raw, &s); err == nil {
		*g = Gold(s)
		return nil
	}
	var n json.Number
	if err := json.Unmarshal(raw, &n); err != nil {
		return errors.New("gold must be a string or a number")
	}
	*g = Gold(n)
	return nil
}
