package verify

import (
	"strings"
	"unicode/utf8"

	"github.com/r1ctl/r1ctl/internal/r1"
)

// The reasons of a verdict. They are stable: funnels and dashboards group by them.
const (
	ReasonNoVerifier      = "no-verifier"      // unverified: nothing can judge this row
	ReasonUnknownVerifier = "unknown-verifier" // unverified: a name this version does not know
	ReasonGoldMissing     = "gold-missing"     // unverified
	ReasonGoldUnparsable  = "gold-unparsable"  // unverified
	ReasonFault           = "verifier-fault"   // unverified: the judge itself failed
	ReasonMalformed       = "malformed-item"   // unverified: the item is not what the contract says

	ReasonUnfinished = "unfinished-thinking" // wrong: the thinking never ended
	ReasonNoAnswer   = "no-answer"           // wrong
	ReasonUnparsable = "answer-unparsable"   // wrong
	ReasonAmbiguous  = "answer-ambiguous"    // wrong: more than one option given
)

const (
	maxReportedAnswer = 200  // bytes of an answer that a verdict repeats
	maxAnswer         = 4096 // bytes; longer answers are unparsable, which bounds the work
)

// verifier decides by a canonical form: two answers are equal when their
// canonical forms are.
type verifier struct {
	name  string                                       // name/version, as in Verdict.Verifier
	parse func(text string) (canonical, reason string) // nil judges nothing
	plain func(reply string) string                    // the answer of a reply without mark-up, or ""
}

// verifierFor is the table of verifiers by the name rows carry.
func verifierFor(name string) (verifier, bool) {
	switch name {
	case "integer":
		return verifier{name: "integer/1", parse: parseNumber, plain: lastToken}, true
	case "choice":
		return verifier{name: "choice/1", parse: parseChoice, plain: lastLine}, true
	case "none", "":
		return verifier{name: "none/1"}, true
	}
	return verifier{}, false
}

// Verifiers lists the names a row may carry.
func Verifiers() []string { return []string{"integer", "choice", "none"} }

// Judge decides the verdict of an item. It never panics.
func Judge(it Item) r1.Verdict {
	v, ok := verifierFor(it.Verifier)
	if !ok {
		return r1.Verdict{Label: r1.Unverified, Reason: ReasonUnknownVerifier, Verifier: clip(it.Verifier)}
	}
	return v.judge(it)
}

func (v verifier) judge(it Item) (verdict r1.Verdict) {
	defer func() {
		if recover() != nil {
			verdict = r1.Verdict{Label: r1.Unverified, Reason: ReasonFault, Verifier: v.name}
		}
	}()
	say := func(label r1.Label, reason, answer string) r1.Verdict {
		return r1.Verdict{Label: label, Reason: reason, Answer: clip(answer), Verifier: v.name}
	}
	if v.parse == nil {
		return say(r1.Unverified, ReasonNoVerifier, "")
	}
	if it.Gold == nil || strings.TrimSpace(string(*it.Gold)) == "" {
		return say(r1.Unverified, ReasonGoldMissing, "")
	}
	gold, reason := v.read(string(*it.Gold))
	if reason != "" {
		return say(r1.Unverified, ReasonGoldUnparsable, "")
	}
	answer, reason := v.extract(it.Response)
	if reason != "" {
		return say(r1.Wrong, reason, "")
	}
	got, reason := v.read(answer)
	if reason != "" {
		return say(r1.Wrong, reason, answer)
	}
	if got != gold {
		return say(r1.Wrong, "", answer)
	}
	return say(r1.Correct, "", answer)
}

func (v verifier) read(text string) (canonical, reason string) {
	if len(text) > maxAnswer {
		return "", ReasonUnparsable
	}
	return v.parse(text)
}

// Answer extracts the final answer of a response for a verifier by name; ok is
// false when there is none or the verifier reads no answers.
func Answer(verifierName, response string) (answer string, ok bool) {
	v, known := verifierFor(verifierName)
	if !known || v.parse == nil {
		return "", false
	}
	answer, reason := v.extract(response)
	return answer, reason == ""
}

// extract finds the final answer in the reply; what is said in the thinking is
// not an answer. In order: the last <answer> block (its last \boxed{}, if it
// has one), the last \boxed{}, and what the verifier takes from plain text.
func (v verifier) extract(response string) (answer, reason string) {
	parts := Split(response)
	if parts.Unfinished {
		return "", ReasonUnfinished
	}
	text := parts.Reply
	if block, ok := lastBlock(text); ok {
		text = block
		if scanBoxes(text).count == 0 {
			return nonEmpty(text)
		}
	}
	if b := scanBoxes(text); b.count > 0 {
		return nonEmpty(b.last)
	}
	return nonEmpty(v.plain(text))
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

// clip bounds what a verdict repeats of its input.
func clip(s string) string {
	if len(s) <= maxReportedAnswer {
		return s
	}
	cut := maxReportedAnswer
	for cut > 0 && !utf8.RuneStart(s[cut]) {
		cut--
	}
	return s[:cut] + "…"
}
