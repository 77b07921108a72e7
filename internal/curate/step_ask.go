package curate

import (
	"context"
	"fmt"
	"slices"

	"github.com/r1ctl/r1ctl/internal/r1"
)

// ask makes each row, a sample, a question to a model, for a stage of kind sample
// that follows; take-response, judged or safety read the answers. The template of
// that stage shows {prompt}, {response} and {gold}, and with show "parts" also
// {thinking} and {reply}.
//
// With rows "unverified" only those are asked about that no rule could judge and
// that have a reference answer, and besides a share (audit) of those that rules did
// judge, to see whether the model agrees with them. With verify "none" no verifier
// looks at the answer, which is about the row and solves nothing.
//
// Reasons: "asked-already"; with rows "unverified": "decided", "no-reference".
type ask struct {
	Rows   string  `json:"rows"`
	Audit  float64 `json:"audit"`
	Verify string  `json:"verify"`
	Show   string  `json:"show"`
}

func askDef() StepDef {
	return StepDef{
		Name: "ask", Doc: "make rows questions to a model, which a stage `sample` answers",
		Params: []Param{
			{Name: "rows", Type: "text", Default: "all", Allowed: []string{"all", "unverified"}},
			{Name: "audit", Type: "number", Default: 0.0},
			{Name: "verify", Type: "text", Default: "keep", Allowed: []string{"keep", "none"}},
			{Name: "show", Type: "text", Default: "response", Allowed: []string{"response", "parts"}},
		},
		decode: decodeInto(ask{Rows: "all", Verify: "keep", Show: "response"}),
	}
}

func (s ask) check() error {
	switch {
	case !slices.Contains([]string{"all", "unverified"}, s.Rows):
		return fmt.Errorf("rows %q is none of [all unverified]", s.Rows)
	case !slices.Contains([]string{"keep", "none"}, s.Verify):
		return fmt.Errorf("verify %q is none of [keep none]", s.Verify)
	case !slices.Contains([]string{"response", "parts"}, s.Show):
		return fmt.Errorf("show %q is none of [response parts]", s.Show)
	}
	return checkShare("audit", s.Audit)
}

func (s ask) needs() []string {
	if s.Rows == "unverified" {
		return []string{"response", "verdict"}
	}
	return []string{"response"}
}

func (s ask) start(_ context.Context, env env) (any, error) { return asker{s, env.random}, nil }

type asker struct {
	ask
	random func(seq int64) uint64
}

func (s asker) apply(r *row) string {
	if r.has("asked") {
		return "asked-already"
	}
	more := map[string]any{}
	if s.Rows == "unverified" {
		switch decided := r.verdict.Label != r1.Unverified; {
		case decided && (r.gold == "" || !luck(s.random(r.seq), s.Audit)):
			return "decided"
		case decided:
			more["audited"] = true
		case r.gold == "":
			return "no-reference"
		}
	}
	if s.Show == "parts" {
		parts := r.split(r.response)
		r.set("thinking", parts.Thinking)
		r.set("reply", parts.Reply)
	}
	if s.Verify == "none" {
		more["verifier"] = r.value("verifier")
		r.put("verifier", encode("none"))
	}
	r.set("asked", more)
	return ""
}

// luck says yes in a share of cases.
func luck(random uint64, share float64) bool { return float64(random>>11)/(1<<53) < share }
