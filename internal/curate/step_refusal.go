package curate

import (
	"strings"
)

// refusal drops responses that decline instead of answering: the reply, or a
// response without thinking, begins (within its first 200 characters) with one of
// the usual phrases, or says that it is an AI and therefore cannot. What is said
// in the thinking does not count, nor do apologies that go on to answer.
//
// Reason: "refusal".
type refusal struct{ noParams }

func refusalDef() StepDef {
	return StepDef{Name: "refusal", Doc: "drop responses that decline to answer", decode: decodeInto(refusal{})}
}

func (refusal) needs() []string { return []string{"response"} }

func (refusal) apply(r *row) string {
	reply := strings.TrimSpace(r.split(r.response).Reply)
	reply = strings.TrimSpace(strings.TrimPrefix(reply, "<answer>"))
	if len(reply) > 800 {
		reply = reply[:800] // four bytes a character at most
	}
	if head := []rune(reply); len(head) > 200 {
		reply = string(head[:200])
	}
	reply = strings.ToLower(strings.ReplaceAll(reply, "’", "'"))
	for _, phrase := range refusals() {
		if strings.Contains(reply, phrase) {
			return "refusal"
		}
	}
	return ""
}

// refusals are phrases, in lower case, that a declining reply begins with.
func refusals() []string {
	var out []string
	for _, can := range []string{"i can't", "i cannot", "i can not", "i'm unable to", "i am unable to", "i'm not able to", "i am not able to", "i won't", "i will not", "we cannot", "i must decline to"} {
		for _, do := range []string{
			" assist", " help with", " help you with", " comply", " fulfill", " fulfil", " provide that", " provide this", " provide instructions", " provide information on",
			" provide guidance", " provide assistance", " engage in", " answer that", " answer this", " support that", " do that", " share that", " create content", " generate content", " participate",
		} {
			out = append(out, can+do)
		}
	}
	return append(out,
		"as an ai language model, i can", "as an ai language model, i don't", "as an ai, i can't", "as an ai, i cannot", "as a language model, i can't", "as a language model, i cannot",
		"i must decline", "i have to decline", "i respectfully decline", "this request violates", "goes against my guidelines", "against my programming",
		"我无法协助", "我不能协助", "我无法提供", "我不能提供", "我无法帮助", "我不能帮助", "无法满足您的请求", "作为一个人工智能，我不能", "作为人工智能，我无法", "作为ai，我不能",
	)
}
