package verify

import "strings"

// The tags of a response. They are case-sensitive, as models are trained on them.
const (
	thinkOpen   = "<think>"
	thinkClose  = "</think>"
	answerOpen  = "<answer>"
	answerClose = "</answer>"
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
	open := strings.Index(response, thinkOpen)
	end := strings.LastIndex(response, thinkClose)
	if open < 0 && end < 0 {
		return Parts{Reply: response}
	}
	body := 0
	if open >= 0 {
		body = open + len(thinkOpen)
	}
	if strings.Contains(response[end+1:], thinkOpen) {
		return Parts{Thinking: response[body:], Thinks: true, Unfinished: true}
	}
	return Parts{Thinking: response[body:end], Reply: response[end+len(thinkClose):], Thinks: true}
}

// lastBlock returns the content of the last <answer>…</answer> block.
func lastBlock(text string) (string, bool) {
	end := strings.LastIndex(text, answerClose)
	if end < 0 {
		return "", false
	}
	open := strings.LastIndex(text[:end], answerOpen)
	if open < 0 {
		return "", false
	}
	return text[open+len(answerOpen) : end], true
}

// boxes is what scanBoxes finds.
type boxes struct {
	last  string // content of the last outermost \boxed{…}
	count int    // outermost \boxed{…} groups
	stray bool   // a \boxed without a group that closes
}

// scanBoxes finds every \boxed{…} whose braces match, in one pass. Braces
// escaped by a backslash do not count, and a group that never closes is not an
// answer; one inside another belongs to the outer one.
func scanBoxes(text string) boxes {
	const command = `\boxed`
	type group struct {
		start int
		boxed bool
		inner int // outermost boxes closed inside this group
	}
	var b boxes
	var open []group
	for i := 0; i < len(text); i++ {
		switch text[i] {
		case '\\':
			if !strings.HasPrefix(text[i:], command) {
				i++ // the next byte is escaped
				continue
			}
			j := i + len(command)
			for j < len(text) && (text[j] == ' ' || text[j] == '\t' || text[j] == '\n') {
				j++
			}
			if j == len(text) || text[j] != '{' {
				b.stray = true
				i += len(command) - 1
				continue
			}
			open = append(open, group{start: j + 1, boxed: true, inner: b.count})
			i = j
		case '{':
			open = append(open, group{start: i + 1})
		case '}':
			if len(open) == 0 {
				continue
			}
			g := open[len(open)-1]
			open = open[:len(open)-1]
			if g.boxed {
				b.last, b.count = text[g.start:i], g.inner+1
			}
		}
	}
	for _, g := range open {
		b.stray = b.stray || g.boxed
	}
	return b
}
