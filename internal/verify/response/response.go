package response

import "strings"

// The tags of a response. They are case-sensitive, as models are trained on them.
const (
	ThinkOpen   = "<think>"
	ThinkClose  = "</think>"
	AnswerOpen  = "<answer>"
	AnswerClose = "</answer>"
)

// Parts is a response taken apart. A response includes its prefill, so a
// template that starts the thinking for the model changes nothing here.
type Parts struct {
	// Thinking is the text between the first <think> and the last </think>. A
	// lone </think> ends a thinking that starts with the response; a <think>
	// that is never closed runs to the end.
	Thinking string
	// Reply is what follows the last </think>, or everything when no tag is there.
	Reply string
	// Thinks says that a think tag is there at all.
	Thinks bool
	// Unfinished says that the last <think> is not closed: there is no reply.
	Unfinished bool
}

// Split takes a response apart into thinking and reply.
func Split(response string) Parts {
	open := strings.Index(response, ThinkOpen)
	end := strings.LastIndex(response, ThinkClose)
	if open < 0 && end < 0 {
		return Parts{Reply: response}
	}
	body := 0
	if open >= 0 {
		body = open + len(ThinkOpen)
	}
	if strings.Contains(response[end+1:], ThinkOpen) {
		return Parts{Thinking: response[body:], Thinks: true, Unfinished: true}
	}
	return Parts{Thinking: response[body:end], Reply: response[end+len(ThinkClose):], Thinks: true}
}

// LastBlock returns the content of the last <answer>…</answer> block.
func LastBlock(text string) (string, bool) {
	end := strings.LastIndex(text, AnswerClose)
	if end < 0 {
		return "", false
	}
	open := strings.LastIndex(text[:end], AnswerOpen)
	if open < 0 {
		return "", false
	}
	return text[open+len(AnswerOpen) : end], true
}
