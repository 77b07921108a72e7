package reward

import "strings"

func least(v float64) *float64 { return &v }

func compat() Param {
	return Param{Name: Compat, Type: Text, Choices: []string{OpenR1}, Doc: "upstream's rule as it is, defects included"}
}

func prefilled() Param {
	return Param{Name: "prefilled", Type: Flag, Ours: true, Doc: "the prompt ended with `<think>`, so the completion lacks it (default false)"}
}

// The tags of a response. They are case-sensitive, as models are trained on them.
const (
	thinkOpen   = "<think>"
	thinkClose  = "</think>"
	answerOpen  = "<answer>"
	answerClose = "</answer>"
)

// thinking is the text between the first <think> and the last </think>. A lone
// </think> ends a thinking that starts with the response; a <think> that is
// never closed runs to the end.
func thinking(response string) string {
	open, end := strings.Index(response, thinkOpen), strings.LastIndex(response, thinkClose)
	if open < 0 && end < 0 {
		return ""
	}
	body := 0
	if open >= 0 {
		body = open + len(thinkOpen)
	}
	if strings.LastIndex(response, thinkOpen) > end {
		return response[body:]
	}
	return response[body:end]
}

func isBlank(s string) bool { return strings.TrimSpace(s) == "" }

func isASCIILetter(b byte) bool { return b|0x20 >= 'a' && b|0x20 <= 'z' }
