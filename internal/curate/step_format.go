package curate

import (
	"fmt"
	"slices"

	"github.com/r1ctl/r1ctl/internal/verify/reward"
)

// format keeps responses of one shape, by the rules of the format reward: see
// reward.Format.
//
// Reason: the style that the response lacks.
type format struct {
	Style string `json:"style"`
}

func formatDef() StepDef {
	return StepDef{
		Name: "format", Doc: "keep responses of one shape",
		Params: []Param{{Name: "style", Type: "text", Default: reward.StyleAnswer, Allowed: reward.Styles()}},
		decode: decodeInto(format{Style: reward.StyleAnswer}),
	}
}

func (s format) check() error {
	if !slices.Contains(reward.Styles(), s.Style) {
		return fmt.Errorf("style %q is none of %v", s.Style, reward.Styles())
	}
	return nil
}

func (format) needs() []string { return []string{"response"} }

func (s format) apply(r *row) string {
	if reward.Format(s.Style, r.response) {
		return ""
	}
	return "not-" + s.Style
}
