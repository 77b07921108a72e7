package curate

import (
	"fmt"
	"slices"

	"github.com/r1ctl/r1ctl/internal/verify"
)

// format keeps responses of one shape, by the rules of the format reward: see
// verify.Format.
//
// Reason: the style that the response lacks.
type format struct {
	Style string `json:"style"`
}

func formatDef() StepDef {
	return StepDef{
		Name: "format", Doc: "keep responses of one shape",
		Params: []Param{{Name: "style", Type: "text", Default: verify.StyleAnswer, Allowed: verify.Styles()}},
		decode: decodeInto(format{Style: verify.StyleAnswer}),
	}
}

func (s format) check() error {
	if !slices.Contains(verify.Styles(), s.Style) {
		return fmt.Errorf("style %q is none of %v", s.Style, verify.Styles())
	}
	return nil
}

func (format) needs() []string { return []string{"response"} }

func (s format) apply(r *row) string {
	if verify.Format(s.Style, r.response) {
		return ""
	}
	return "not-" + s.Style
}
