package curate

import (
	"fmt"
	"slices"

	"github.com/r1ctl/r1ctl/internal/verify/reward"
)

// language drops thinking that mixes languages: the share of its words in the
// target language, as the language reward counts them (see reward.Language), is
// below min. A thinking without words mixes nothing and stays; the format step
// is what drops an empty one.
//
// Reason: "mixed".
type language struct {
	Target string  `json:"target"`
	Min    float64 `json:"min"`
}

func languageDef() StepDef {
	return StepDef{
		Name: "language", Doc: "drop thinking that mixes languages",
		Params: []Param{
			{Name: "target", Type: "text", Default: "en", Allowed: reward.Languages()},
			{Name: "min", Type: "number", Default: 1.0},
		},
		decode: decodeInto(language{Target: "en", Min: 1}),
	}
}

func (s language) check() error {
	if !slices.Contains(reward.Languages(), s.Target) {
		return fmt.Errorf("target %q is none of %v", s.Target, reward.Languages())
	}
	return checkShare("min", s.Min)
}

func (language) needs() []string { return []string{"response"} }

func (s language) apply(r *row) string {
	if share, ok := reward.Language(s.Target, r.response); ok && share < s.Min {
		return "mixed"
	}
	return ""
}

func checkShare(name string, v float64) error {
	if v < 0 || v > 1 {
		return fmt.Errorf("%s (%g) must be from 0 to 1", name, v)
	}
	return nil
}
