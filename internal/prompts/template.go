package prompts

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// Roles are those that a turn may have.
var Roles = []string{"system", "user", "assistant"}

// Turn is one turn of a conversation.
type Turn struct {
	Role    string `json:"role"`
	Content string `json:"content"`
}

// Template is how a row becomes a prompt: exactly one of Text, Chat and Messages.
type Template struct {
	Text     string `json:"text,omitempty"`     // plain text
	Chat     bool   `json:"chat,omitempty"`     // the prompt alone, as one turn of the user
	Messages []Turn `json:"messages,omitempty"` // a conversation; the last turn is the user's
	Prefill  string `json:"prefill,omitempty"`  // starts the response, and is part of it
}

// Parse reads the parameter `template` of a job.
func Parse(raw json.RawMessage) (Template, error) {
	var t Template
	if len(raw) == 0 {
		return t, errors.New("params.template is missing")
	}
	if err := json.Unmarshal(raw, &t); err != nil {
		return t, fmt.Errorf("params.template: %w", err)
	}
	if why := t.Problem(); why != "" {
		return t, errors.New("params.template: " + why)
	}
	return t, nil
}

// Problem says what is wrong with the form of a template; empty is nothing.
func (t Template) Problem() string {
	forms := 0
	for _, given := range []bool{t.Text != "", t.Chat, len(t.Messages) > 0} {
		if given {
			forms++
		}
	}
	if forms != 1 {
		return "expected exactly one of text, chat: true and messages"
	}
	for i, m := range t.Messages {
		switch {
		case !slices.Contains(Roles, m.Role):
			return fmt.Sprintf("messages[%d] has the role %q, expected one of %s", i, m.Role, strings.Join(Roles, ", "))
		case m.Role == "system" && i > 0:
			return fmt.Sprintf("messages[%d]: only the first turn may be the system's", i)
		case m.Content == "":
			return fmt.Sprintf("messages[%d] has no content", i)
		}
	}
	if n := len(t.Messages); n > 0 && t.Messages[n-1].Role != "user" {
		return "the last of messages must be the user's: the model answers it"
	}
	if len(t.Fields()) == 0 {
		return "it has no place for a field of the row, such as {prompt}"
	}
	return ""
}

// place is a field of the row in braces, perhaps doubled: {{name}} is the text
// {name}. All other braces are text, so JSON and LaTeX stay as they are.
var place = regexp.MustCompile(`\{\{([A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*)\}\}|\{([A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*)\}`)

// Fields lists the fields of a row that the template reads, in order, each once.
func (t Template) Fields() []string {
	if t.Chat {
		return []string{"prompt"}
	}
	var out []string
	for _, text := range t.texts() {
		for _, m := range place.FindAllStringSubmatch(text, -1) {
			if name := m[2]; name != "" && !slices.Contains(out, name) {
				out = append(out, name)
			}
		}
	}
	return out
}

func (t Template) texts() []string {
	if len(t.Messages) == 0 {
		return []string{t.Text}
	}
	out := make([]string, len(t.Messages))
	for i, m := range t.Messages {
		out[i] = m.Content
	}
	return out
}

// Lacking is the error of a row without a field that the template reads.
type Lacking struct{ Field string }

func (e *Lacking) Error() string {
	return fmt.Sprintf("the row has no %q, which the template reads; where {%s} is meant as text, write {{%s}}", e.Field, e.Field, e.Field)
}

// Conversation renders a row as turns; plain text is one turn of the user. The
// error is a *Lacking.
func (t Template) Conversation(row map[string]json.RawMessage) ([]Turn, error) {
	turns := t.Messages
	switch {
	case t.Chat:
		turns = []Turn{{Role: "user", Content: "{prompt}"}}
	case len(turns) == 0:
		turns = []Turn{{Role: "user", Content: t.Text}}
	}
	out := make([]Turn, len(turns))
	for i, turn := range turns {
		content, err := fill(turn.Content, row)
		if err != nil {
			return nil, err
		}
		out[i] = Turn{Role: turn.Role, Content: content}
	}
	return out, nil
}

// fill puts fields of a row into a text. What is put in is not looked at again.
func fill(text string, row map[string]json.RawMessage) (string, error) {
	var out strings.Builder
	end := 0
	for _, at := range place.FindAllStringSubmatchIndex(text, -1) {
		out.WriteString(text[end:at[0]])
		end = at[1]
		if at[2] >= 0 {
			out.WriteString(text[at[0]+1 : at[1]-1])
			continue
		}
		value, err := Value(row, text[at[4]:at[5]])
		if err != nil {
			return "", err
		}
		out.WriteString(value)
	}
	out.WriteString(text[end:])
	return out.String(), nil
}

// Value is a field of a row as text: a string as it is, all else as compact JSON.
// A name with dots goes into fields of fields. The error is a *Lacking.
func Value(row map[string]json.RawMessage, name string) (string, error) {
	lacking := &Lacking{Field: name}
	raw := json.RawMessage(nil)
	for rest, more := name, true; more; {
		var key string
		key, rest, more = strings.Cut(rest, ".")
		raw = row[key]
		if more && json.Unmarshal(raw, &row) != nil {
			return "", lacking
		}
	}
	if len(raw) == 0 || bytes.Equal(raw, []byte("null")) {
		return "", lacking
	}
	var text string
	if json.Unmarshal(raw, &text) == nil {
		return text, nil
	}
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber() // numbers as they are written
	var value any
	if dec.Decode(&value) != nil {
		return "", lacking
	}
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	if enc.Encode(value) != nil {
		return "", lacking
	}
	return strings.TrimSuffix(buf.String(), "\n"), nil
}
