package chat

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
)

// Finishes of an answer.
const (
	FinishStop    = "stop"
	FinishLength  = "length"  // cut at max_tokens
	FinishRefused = "refused" // by the endpoint
)

// Answer is what a model answered.
type Answer struct {
	Text string `json:"text"`
	// Reasoning is what a reasoning model says apart before it answers.
	Reasoning string `json:"reasoning,omitempty"`
	Finish    string `json:"finish"`
	Model     string `json:"model,omitempty"` // which one answered, in the endpoint's words
	Usage     *Usage `json:"usage,omitempty"` // nil where the endpoint does not say
}

// Usage is what an answer took, in tokens.
type Usage struct {
	Prompt     int `json:"prompt"`
	Completion int `json:"completion"`
	// Reasoning is the part of Completion that is reasoning; nil where the endpoint does not say.
	Reasoning *int `json:"reasoning,omitempty"`
}

// Response is the answer as one text: what was reasoned stands in <think> tags, as
// reasoning models themselves write it. Reasoning that was cut has no end.
func (a Answer) Response() string {
	switch {
	case a.Reasoning == "":
		return a.Text
	case a.Text == "" && a.Finish != FinishStop:
		return "<think>\n" + a.Reasoning
	}
	return "<think>\n" + strings.Trim(a.Reasoning, "\n") + "\n</think>\n\n" + strings.TrimLeft(a.Text, "\n")
}

// completion is the part of a chat completion that is read.
type completion struct {
	Model   string `json:"model"`
	Choices []struct {
		Finish  *string `json:"finish_reason"`
		Message struct {
			Content          json.RawMessage `json:"content"`
			ReasoningContent *string         `json:"reasoning_content"` // DeepSeek, vLLM
			Reasoning        *string         `json:"reasoning"`         // newer vLLM, OpenRouter
			Refusal          *string         `json:"refusal"`
		} `json:"message"`
	} `json:"choices"`
	Usage *struct {
		Prompt     *int `json:"prompt_tokens"`
		Completion *int `json:"completion_tokens"`
		Details    *struct {
			Reasoning *int `json:"reasoning_tokens"`
		} `json:"completion_tokens_details"`
	} `json:"usage"`
}

// parse reads a chat completion, or says why it is none.
func parse(body []byte) (a Answer, problem string) {
	var c completion
	if err := json.Unmarshal(body, &c); err != nil {
		return a, "an answer that is no JSON of a chat completion: " + shorten(string(body))
	}
	if len(c.Choices) == 0 {
		return a, "an answer without choices: " + shorten(string(body))
	}
	choice := c.Choices[0]
	if choice.Finish == nil {
		return a, "an answer without a finish_reason: " + shorten(string(body))
	}
	text, ok := contentOf(choice.Message.Content)
	if !ok {
		return a, "an answer whose content is no text: " + shorten(string(body))
	}
	a = Answer{Text: text, Model: c.Model}
	switch reason := *choice.Finish; reason {
	case "stop", "eos", "eos_token", "end_turn", "stop_sequence":
		a.Finish = FinishStop
	case "length", "max_tokens":
		a.Finish = FinishLength
	case "content_filter", "refusal":
		a.Finish = FinishRefused
	case "error", "abort", "insufficient_system_resource":
		return a, "an answer that the endpoint gave up: finish_reason " + reason
	default:
		a.Finish = reason
	}
	for _, reasoning := range []*string{choice.Message.ReasoningContent, choice.Message.Reasoning} {
		if reasoning != nil && a.Reasoning == "" {
			a.Reasoning = *reasoning
		}
	}
	if refusal := choice.Message.Refusal; a.Text == "" && refusal != nil {
		a.Text = *refusal // the model's own words
	}
	if u := c.Usage; u != nil && u.Prompt != nil && u.Completion != nil {
		a.Usage = &Usage{Prompt: *u.Prompt, Completion: *u.Completion}
		if u.Details != nil {
			a.Usage.Reasoning = u.Details.Reasoning
		}
	}
	return a, ""
}

// contentOf is the text of a message: a string, null, or a list of parts.
func contentOf(raw json.RawMessage) (string, bool) {
	if len(raw) == 0 || bytes.Equal(raw, []byte("null")) {
		return "", true
	}
	var text string
	if json.Unmarshal(raw, &text) == nil {
		return text, true
	}
	var parts []struct {
		Type string `json:"type"`
		Text string `json:"text"`
	}
	if json.Unmarshal(raw, &parts) != nil {
		return "", false
	}
	for _, p := range parts {
		if p.Type == "text" || p.Type == "output_text" {
			text += p.Text
		}
	}
	return text, true
}

// said is what the body of an error says.
func said(body []byte) string {
	var e struct {
		Error   json.RawMessage `json:"error"`
		Message string          `json:"message"`
		Detail  json.RawMessage `json:"detail"`
	}
	if json.Unmarshal(body, &e) == nil {
		var inner struct {
			Message string `json:"message"`
			Code    any    `json:"code"`
		}
		var plain string
		switch {
		case json.Unmarshal(e.Error, &inner) == nil && inner.Message != "":
			if code, ok := inner.Code.(string); ok && code != "" {
				return shorten(fmt.Sprintf("%s (%s)", inner.Message, code))
			}
			return shorten(inner.Message)
		case json.Unmarshal(e.Error, &plain) == nil && plain != "":
			return shorten(plain)
		case e.Message != "":
			return shorten(e.Message)
		case len(e.Detail) > 0:
			return shorten(string(e.Detail))
		}
	}
	if len(bytes.TrimSpace(body)) == 0 {
		return "nothing more"
	}
	return shorten(string(body))
}

// shorten makes a text fit a line.
func shorten(text string) string {
	const most = 300
	text = strings.Join(strings.Fields(text), " ")
	if runes := []rune(text); len(runes) > most {
		text = string(runes[:most]) + "…"
	}
	return text
}
