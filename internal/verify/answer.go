package verify

import (
	"strings"

	"github.com/r1ctl/r1ctl/internal/verify/response"
)

// Answer extracts the final answer of a response for a verifier by name; ok is
// false when there is none, or the verifier reads no answers.
func Answer(verifier, text string) (answer string, ok bool) {
	plain := lastLine
	switch verifier {
	case Integer:
		plain = lastToken
	case Math:
		parts := response.Split(text)
		if parts.Unfinished {
			return "", false
		}
		return mathsAnswer(parts.Reply)
	case Choice, Countdown, ReasoningGym, Text:
	default:
		return "", false
	}
	answer, reason := extract(text, plain)
	return answer, reason == ""
}

// extract finds the final answer in the reply; what is said in the thinking is
// not an answer. In order: the last <answer> block (its last \boxed{}, if it
// has one), the last \boxed{}, and what plain takes from a reply without mark-up.
func extract(whole string, plain func(string) string) (answer, reason string) {
	parts := response.Split(whole)
	if parts.Unfinished {
		return "", ReasonUnfinished
	}
	text := parts.Reply
	if block, ok := response.LastBlock(text); ok {
		text = block
		if response.ScanBoxes(text).Count == 0 {
			return nonEmpty(text)
		}
	}
	if b := response.ScanBoxes(text); b.Count > 0 {
		return nonEmpty(b.Last)
	}
	return nonEmpty(plain(text))
}

func nonEmpty(text string) (answer, reason string) {
	text = strings.TrimSpace(text)
	if text == "" {
		return "", ReasonNoAnswer
	}
	return text, ""
}

// lastLine is the last line that is not blank.
func lastLine(text string) string {
	text = strings.TrimSpace(text)
	return strings.TrimSpace(text[strings.LastIndexByte(text, '\n')+1:])
}

// lastToken is the last word of the text that is a number once its
// punctuation is gone, or nothing: "The answer is 7." gives 7.
func lastToken(text string) string {
	fields := strings.Fields(lastLine(text))
	if len(fields) == 0 {
		return ""
	}
	token := strings.TrimRight(fields[len(fields)-1], ".,;:!")
	if len(token) > maxAnswer {
		return ""
	}
	if _, reason := parseNumber(token); reason != "" {
		return ""
	}
	return token
}
