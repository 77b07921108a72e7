package prompts_test

import (
	"encoding/json"
	"errors"
	"os"
	"reflect"
	"testing"

	"github.com/r1ctl/r1ctl/internal/prompts"
)

// The trainer's tests read the same cases.
func TestCases(t *testing.T) {
	raw, err := os.ReadFile("testdata/cases.json")
	if err != nil {
		t.Fatal(err)
	}
	var cases []struct {
		About    string                     `json:"about"`
		Template json.RawMessage            `json:"template"`
		Row      map[string]json.RawMessage `json:"row"`
		Fields   []string                   `json:"fields"`
		Turns    []prompts.Turn             `json:"turns"`
		Lacks    string                     `json:"lacks"`
	}
	if err := json.Unmarshal(raw, &cases); err != nil || len(cases) == 0 {
		t.Fatal(err)
	}
	for _, c := range cases {
		t.Run(c.About, func(t *testing.T) {
			template, err := prompts.Parse(c.Template)
			if err != nil {
				t.Fatal(err)
			}
			if got := template.Fields(); !reflect.DeepEqual(got, c.Fields) {
				t.Errorf("reads %v, want %v", got, c.Fields)
			}
			turns, err := template.Conversation(c.Row)
			var lacking *prompts.Lacking
			switch {
			case c.Lacks != "" && (!errors.As(err, &lacking) || lacking.Field != c.Lacks):
				t.Errorf("got %v, want an error about %s", err, c.Lacks)
			case c.Lacks == "" && err != nil:
				t.Error(err)
			case !reflect.DeepEqual(turns, c.Turns):
				t.Errorf("got %q\nwant %q", turns, c.Turns)
			}
		})
	}
}

func TestForms(t *testing.T) {
	const user = `{"role": "user", "content": "{prompt}"}`
	tests := map[string]string{
		``:                                "params.template is missing",
		`{}`:                              "params.template: expected exactly one of text, chat: true and messages",
		`{"text": "{prompt}", "chat": 1}`: "params.template: json: cannot unmarshal number into Go struct field Template.chat of type bool",
		`{"text": "{prompt}", "messages": [` + user + `]}`: "params.template: expected exactly one of text, chat: true and messages",
		`{"text": "none"}`: "params.template: it has no place for a field of the row, such as {prompt}",
		`{"messages": [` + user + `, {"role": "assistant", "content": "hm"}]}`:           "params.template: the last of messages must be the user's: the model answers it",
		`{"messages": [` + user + `, {"role": "system", "content": "x"}, ` + user + `]}`: "params.template: messages[1]: only the first turn may be the system's",
		`{"messages": [{"role": "tool", "content": "{prompt}"}]}`:                        `params.template: messages[0] has the role "tool", expected one of system, user, assistant`,
		`{"messages": [{"role": "user", "content": ""}]}`:                                "params.template: messages[0] has no content",
	}
	for raw, want := range tests {
		if _, err := prompts.Parse(json.RawMessage(raw)); err == nil || err.Error() != want {
			t.Errorf("%s: got %v\nwant %s", raw, err, want)
		}
	}
}
