package curate

import (
	"strings"
)

// leakage drops rows in which the answer was known beforehand, so that the
// response shows no way to it:
//
//	answer-in-prompt  the prompt states the gold answer: "answer: 42", "answer is 42",
//	                  "= 42" does not count, "\boxed{42}" does
//	cites-answer      the response appeals to an answer that it was shown ("the reference
//	                  solution", "the given answer is", "according to the answer key",
//	                  参考答案) where the prompt does not speak of one
//
// The reasons are these names. Without a gold answer only the second is looked for.
type leakage struct{ noParams }

func leakageDef() StepDef {
	return StepDef{Name: "leakage", Doc: "drop rows in which the answer was known beforehand", decode: decodeInto(leakage{})}
}

func (leakage) needs() []string { return []string{"response"} }

func (leakage) apply(r *row) string {
	prompt := strings.ToLower(r.prompt)
	if gold := strings.ToLower(strings.TrimSpace(string(r.gold))); gold != "" && statesAnswer(prompt, gold) {
		return "answer-in-prompt"
	}
	response := strings.ToLower(r.response)
	for _, phrase := range shownAnswers() {
		if strings.Contains(response, phrase) && !strings.Contains(prompt, phrase) {
			return "cites-answer"
		}
	}
	return ""
}

// statesAnswer looks for the gold answer right behind words that announce one.
func statesAnswer(prompt, gold string) bool {
	for _, cue := range []string{"answer:", "answer is", "answer =", "answer is:", "solution:", "answer**:", `\boxed{`, "答案：", "答案是", "答案:"} {
		rest := prompt
		for {
			_, after, found := strings.Cut(rest, cue)
			if !found {
				break
			}
			rest = after
			after = strings.TrimLeft(after, " \t\n:*$\"'“{")
			tail, ok := strings.CutPrefix(after, gold)
			// 42 is not stated by 420, nor by 42.5.
			if ok && (tail == "" || !hasPrefixPart(tail)) {
				return true
			}
		}
	}
	return false
}

// hasPrefixPart says whether text goes on with the word or number before it.
func hasPrefixPart(text string) bool {
	_, class, size := runeAt(text, 0)
	if class == isPart || class == isMark {
		return true
	}
	if strings.HasPrefix(text, ".") || strings.HasPrefix(text, ",") {
		return len(text) > size && text[size] >= '0' && text[size] <= '9'
	}
	return false
}

// shownAnswers are phrases, in lower case, that speak of an answer one was shown.
func shownAnswers() []string {
	return []string{
		"the given answer", "the provided answer", "the reference answer", "the reference solution", "the answer key", "the ground truth",
		"the ground-truth", "the gold answer", "the official answer", "the official solution", "the provided solution says", "the given solution says",
		"the answer provided", "the answer given is", "the solution provided", "the hint says the answer", "we are told the answer is", "i was told the answer",
		"we are told that the answer is", "i know the answer is supposed to be", "the expected answer is", "matches the expected answer", "match the expected answer",
		"参考答案", "标准答案", "给出的答案", "已知答案",
	}
}
