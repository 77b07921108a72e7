package reward

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
)

// ParseRow reads a row, a JSON object:
//
//	id               any value; given back as it is
//	prompt           a string or chat messages
//	completion       a string or chat messages; also called response
//	gold             a string or a number; also called solution
//	group            a string or a number: responses with the same one are compared; default the prompt
//	tokens           how many the completion has; or completion_ids, a list of them
//	language, domain, verifier   strings
//
// Everything else is kept in Row.
func ParseRow(raw []byte) (Item, error) {
	var row map[string]json.RawMessage
	if err := json.Unmarshal(raw, &row); err != nil || row == nil {
		return Item{}, errors.New("expected a JSON object")
	}
	it := Item{Row: row, ID: row["id"]}
	for _, read := range []func(*Item) error{readPrompt, readCompletion, readGold, readGroup, readTokens, readWords} {
		if err := read(&it); err != nil {
			return it, err
		}
	}
	return it, nil
}

// field is the first of the named fields that is there and not null.
func (it *Item) field(names ...string) (name string, raw json.RawMessage) {
	for _, name := range names {
		if raw, ok := it.Row[name]; ok && !bytes.Equal(raw, []byte("null")) {
			return name, raw
		}
	}
	return names[0], nil
}

func readPrompt(it *Item) error {
	name, raw := it.field("prompt")
	if raw == nil || json.Unmarshal(raw, &it.Prompt) == nil {
		return nil
	}
	messages, err := readMessages(name, raw)
	if err != nil {
		return err
	}
	it.Prompt = messages[len(messages)-1].Content
	var compact bytes.Buffer
	if err := json.Compact(&compact, raw); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	it.Group = compact.String() // the whole conversation tells prompts apart
	return nil
}

func readCompletion(it *Item) error {
	name, raw := it.field("completion", "response")
	if raw == nil {
		return errors.New("completion is missing")
	}
	var plain string
	if json.Unmarshal(raw, &plain) == nil {
		it.Completion = []Message{{Role: "assistant", Content: plain}}
		return nil
	}
	messages, err := readMessages(name, raw)
	it.Completion = messages
	return err
}

func readMessages(name string, raw json.RawMessage) ([]Message, error) {
	var messages []struct {
		Role    string  `json:"role"`
		Content *string `json:"content"`
	}
	if err := json.Unmarshal(raw, &messages); err != nil || len(messages) == 0 {
		return nil, fmt.Errorf("%s: expected a string or chat messages", name)
	}
	out := make([]Message, len(messages))
	for i, m := range messages {
		if m.Role == "" {
			return nil, fmt.Errorf("%s: message %d has no role", name, i)
		}
		if out[i].Role = m.Role; m.Content != nil { // null beside a tool call
			out[i].Content = *m.Content
		}
	}
	return out, nil
}

func readGold(it *Item) error {
	name, raw := it.field("gold", "solution")
	if raw == nil {
		return nil
	}
	s, err := stringOrNumber(raw)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	it.Gold = &s
	return nil
}

func readGroup(it *Item) error {
	name, raw := it.field("group")
	if raw == nil {
		return nil
	}
	s, err := stringOrNumber(raw)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	it.Group = s
	return nil
}

func stringOrNumber(raw json.RawMessage) (string, error) {
	var s string
	if json.Unmarshal(raw, &s) == nil {
		return s, nil
	}
	var n json.Number
	if json.Unmarshal(raw, &n) != nil {
		return "", errors.New("expected a string or a number")
	}
	return n.String(), nil
}

func readTokens(it *Item) error {
	if name, raw := it.field("tokens"); raw != nil {
		var n int
		if json.Unmarshal(raw, &n) != nil || n < 0 {
			return fmt.Errorf("%s: expected how many there are", name)
		}
		it.Tokens = &n
		return nil
	}
	if name, raw := it.field("completion_ids"); raw != nil {
		var ids []json.Number
		if json.Unmarshal(raw, &ids) != nil {
			return fmt.Errorf("%s: expected a list of numbers", name)
		}
		n := len(ids)
		it.Tokens = &n
	}
	return nil
}

func readWords(it *Item) error {
	for name, to := range map[string]*string{"language": &it.Language, "domain": &it.Domain, "verifier": &it.Verifier} {
		if _, raw := it.field(name); raw != nil && json.Unmarshal(raw, to) != nil {
			return fmt.Errorf("%s: expected a string", name)
		}
	}
	return nil
}
