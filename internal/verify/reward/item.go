package reward

import (
	"encoding/json"
	"unicode/utf8"
)

// Item is one response with what is known of the problem it answers.
type Item struct {
	ID         json.RawMessage // as the row has it; nil when it has none
	Prompt     string
	Group      string    // responses of one group are compared with each other; "" is the prompt
	Domain     string    // of the problem, for a Judge
	Verifier   string    // of the problem, for a Judge
	Completion []Message // a plain string is one message
	Gold       *string   // nil when the problem has none
	Tokens     *int      // of the completion; nil when nobody counted them
	Language   string    // of the program asked for, where the row says so
	// Row has every field of the row, for judges and for rewards of users.
	Row map[string]json.RawMessage
}

// Message is one turn of a completion.
type Message struct {
	Role    string `json:"role"`
	Content string `json:"content"`
}

// Text is what the model says in the end: the last message of the assistant, or
// the last of all where none is.
func (it Item) Text() string {
	for i := len(it.Completion) - 1; i >= 0; i-- {
		if it.Completion[i].Role == "assistant" {
			return it.Completion[i].Content
		}
	}
	return it.last()
}

func (it Item) last() string {
	if n := len(it.Completion); n > 0 {
		return it.Completion[n-1].Content
	}
	return ""
}

// first is the message that open-r1's text rewards read.
func (it Item) first() string {
	if len(it.Completion) > 0 {
		return it.Completion[0].Content
	}
	return ""
}

// GroupKey names the responses that a reward of a group compares.
func (it Item) GroupKey() string {
	if it.Group != "" {
		return it.Group
	}
	return it.Prompt
}

// Value is a reward, or the reason why there is none.
type Value struct {
	Reward float64
	Known  bool
	Reason string // why it is unknown
}

// The reasons of an unknown reward, beside those of a Judge.
const (
	ReasonNoTokens   = "tokens-missing" // the row does not say how many tokens the completion has
	ReasonNoThinking = "no-thinking"    // there is no word to measure
	ReasonNoTests    = "no-tests"       // the problem has nothing to run the program against
	ReasonFault      = "reward-fault"   // the computation itself failed
	ReasonUnverified = "unverified"     // the judge gave no verdict and no reason
	ReasonNotFinite  = "not-finite"     // the number is no number
	ReasonNoResult   = "no-result"      // the judge left the item out
)

func known(v float64) Value {
	if v == 0 {
		v = 0 // no negative zero
	}
	return Value{Reward: v, Known: true}
}

func unknown(reason string) Value {
	if reason == "" {
		reason = ReasonUnverified
	}
	return Value{Reason: reason}
}

// characters are Unicode code points.
func characters(s string) int { return utf8.RuneCountInString(s) }
