package curate

import (
	"strings"
)

// codeBlock drops thinking with a code block: a line that starts, after white
// space, with a fence of three backticks or tildes. Code blocks in the reply are
// what a reply is for, and stay.
//
// Reason: "code-block".
type codeBlock struct{ noParams }

func codeBlockDef() StepDef {
	return StepDef{Name: "code-block", Doc: "drop thinking with a code block", decode: decodeInto(codeBlock{})}
}

func (codeBlock) needs() []string { return []string{"response"} }

func (codeBlock) apply(r *row) string {
	for line := range strings.Lines(r.split(r.response).Thinking) {
		line = strings.TrimLeft(line, " \t")
		if strings.HasPrefix(line, "```") || strings.HasPrefix(line, "~~~") {
			return "code-block"
		}
	}
	return ""
}
