package curate

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/r1ctl/r1ctl/internal/verify/response"
)

// takeResponse makes sft rows of what a model made of earlier responses: the rows
// of a stage of kind sample whose template shows {response}. The model's text (from:
// all of its response, or its reply without its own thinking) becomes the row's
// response, or its thinking or reply with the rest as it was (into).
//
// The verdict stays the one that belongs to the text: where the thinking alone is
// rewritten, that of the response before; else that of the new text, which the
// sampler had judged. correct drops what went wrong on the way. Everything else of
// the row, its origin too, is as it was before the model was asked; origin.refined
// says "model:NAME", and origin.refiner is the origin of the model's text.
//
// Reasons: "not-asked" (the row has no response that was shown), "cut" (at
// max_tokens), "refused", "unfinished", "empty", "no-thinking" (there is none to
// rewrite or keep), "tags" (a part that holds think tags), "too-short" (under least
// of the characters of what it replaces).
type takeResponse struct {
	From  string  `json:"from"`
	Into  string  `json:"into"`
	Least float64 `json:"least"`
}

func takeResponseDef() StepDef {
	return StepDef{
		Name: "take-response", Doc: "make rows of what a model made of their responses",
		Params: []Param{
			{Name: "from", Type: "text", Default: "reply", Allowed: []string{"reply", "response"}},
			{Name: "into", Type: "text", Default: "response", Allowed: []string{"response", "thinking", "reply"}},
			{Name: "least", Type: "number", Default: 0.0},
		},
		decode: decodeInto(takeResponse{From: "reply", Into: "response"}),
	}
}

func (s takeResponse) check() error {
	if !slices.Contains([]string{"reply", "response"}, s.From) {
		return fmt.Errorf("from %q is none of [reply response]", s.From)
	}
	if !slices.Contains([]string{"response", "thinking", "reply"}, s.Into) {
		return fmt.Errorf("into %q is none of [response thinking reply]", s.Into)
	}
	return checkShare("least", s.Least)
}

func (takeResponse) needs() []string { return []string{"response"} }

func (s takeResponse) apply(r *row) string {
	b, ok := r.before()
	switch {
	case !ok:
		return "not-asked"
	case r.finish == "length":
		return "cut"
	case r.finish == "refused":
		return "refused"
	}
	text := r.response
	if s.From == "reply" {
		parts := r.split(r.response)
		if parts.Unfinished {
			return "unfinished"
		}
		text = parts.Reply
	}
	if text = strings.TrimSpace(text); text == "" {
		return "empty"
	}
	old := b.text("response")
	text, replaced, reason := s.compose(text, old)
	if reason != "" {
		return reason
	}
	if s.Least > 0 && float64(utf8.RuneCountInString(text)) < s.Least*float64(utf8.RuneCountInString(replaced)) {
		return "too-short"
	}
	s.take(r, b, text)
	return ""
}

// compose puts a text into the place of a part of a response: the new response, and
// what of the old one it stands for.
func (s takeResponse) compose(text, old string) (composed, replaced, reason string) {
	if s.Into == "response" {
		return text, old, ""
	}
	parts := response.Split(old)
	switch {
	case strings.Contains(text, response.ThinkOpen) || strings.Contains(text, response.ThinkClose):
		return "", "", "tags"
	case !parts.Thinks || parts.Unfinished:
		return "", "", "no-thinking"
	case s.Into == "thinking":
		return response.ThinkOpen + "\n" + text + "\n" + response.ThinkClose + parts.Reply, response.ThinkOpen + parts.Thinking + response.ThinkClose + parts.Reply, ""
	}
	before := old[:len(old)-len(parts.Reply)]
	return before + "\n\n" + text, before + parts.Reply, ""
}

func (s takeResponse) take(r *row, b before, text string) {
	fresh := map[string]json.RawMessage{}
	names := []string{"verdict", "rewards", "audit"}
	if s.From == "response" && s.Into == "response" {
		names = append(names, "tokens", "thinking_tokens")
	}
	for _, name := range names {
		fresh[name] = r.value(name)
	}
	by, refiner := "model:"+r.answeredBy(), r.value("origin")
	r.restore(b)
	for _, name := range []string{"tokens", "thinking_tokens"} {
		r.unset(name) // those of another text
	}
	if s.Into != "thinking" {
		for _, name := range []string{"verdict", "rewards", "audit"} {
			r.unset(name)
		}
		for name, value := range fresh {
			r.put(name, value)
		}
	}
	r.put("finish", encode("stop"))
	r.put("response", encode(text))
	if r.sample != nil && r.origin["sample"] == nil {
		r.origin["sample"] = encode(*r.sample)
	}
	r.origin["refined"], r.origin["refiner"] = encode(by), refiner
	r.set("origin", r.origin)
}
