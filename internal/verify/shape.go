package verify

import "github.com/r1ctl/r1ctl/internal/verify/reward"

// The styles of the format reward.
const (
	StyleAnswer = reward.StyleAnswer
	StyleBoxed  = reward.StyleBoxed
	StyleThink  = reward.StyleThink
)

// Styles lists the styles of the format reward.
func Styles() []string { return reward.Styles() }

// Format says whether a whole response has the shape of a style.
func Format(style, response string) bool { return reward.Format(style, response) }

// Languages lists the target languages of the language reward.
func Languages() []string { return reward.Languages() }

// Language is the share of the thinking's words that are in the target language;
// ok is false when the thinking has no words.
func Language(target, response string) (share float64, ok bool) {
	return reward.Language(target, response)
}
