package curate

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/r1ctl/r1ctl/internal/r1"
	"github.com/r1ctl/r1ctl/internal/review"
)

// reviewed applies what people said of rows. In a recipe it is the first step of
// its stage, which waits until somebody has reviewed its rows (r1ctl review); with
// r1ctl curate the reviewed batch is the dataset named by against.
//
// A rejected row is dropped. An accepted one gets reviewed: true. An edited one
// gets that and its new response; tokens and rewards of the old one go, a verdict
// becomes correct, by verifier "review:<name>", and origin.reviewed holds the
// digest of the response as it was. Rows that nobody reviewed stay, or go
// (unreviewed "drop"). rows is how many have to be reviewed before the stage
// begins; without it all. A higher round asks anew.
//
// Reasons: "rejected:<reason>", "not-reviewed".
//
// Memory: the reviewed rows.
type reviewed struct {
	Rows       *int   `json:"rows"`
	Unreviewed string `json:"unreviewed"`
	Round      int    `json:"round"`
	Against    string `json:"against"`
}

func reviewDef() StepDef {
	return StepDef{
		Name: "review", Doc: "apply what people say of rows; the stage waits for it",
		Params: []Param{
			{Name: "rows", Type: "integer"},
			{Name: "unreviewed", Type: "text", Default: "keep", Allowed: []string{"keep", "drop"}},
			{Name: "round", Type: "integer", Default: 1},
			{Name: "against", Type: "text"},
		},
		decode: decodeInto(reviewed{Unreviewed: "keep", Round: 1}),
	}
}

func (s reviewed) check() error {
	switch {
	case s.Rows != nil && *s.Rows < 1:
		return errors.New("rows must be at least 1")
	case s.Round < 1:
		return errors.New("round must be at least 1")
	case !slices.Contains([]string{"keep", "drop"}, s.Unreviewed):
		return fmt.Errorf("unreviewed %q is none of [keep drop]", s.Unreviewed)
	}
	return nil
}

func (reviewed) needs() []string { return []string{"response"} }

func (s reviewed) compared() string {
	if s.Against == "" {
		return r1.ReviewInput
	}
	return s.Against
}

func (s reviewed) start(ctx context.Context, env env) (any, error) {
	source, err := env.dataset(s.compared())
	if err != nil {
		return nil, err
	}
	opinions := map[review.Key]review.Row{}
	for line, err := range source.Rows(ctx) {
		if err != nil {
			return nil, err
		}
		row, err := review.ParseLine(fmt.Sprintf("%s:%d", line.File, line.Number), line.Raw)
		if err != nil {
			return nil, err
		}
		if row.Review.Decision != "" {
			opinions[row.Key()] = row
		}
	}
	return &applied{drop: s.Unreviewed == "drop", opinions: opinions}, nil
}

type applied struct {
	drop     bool // rows that nobody reviewed
	opinions map[review.Key]review.Row
}

func (a *applied) apply(r *row) string {
	digest := review.Digest(r.response)
	row, ok := a.opinions[review.KeyOf(r.id, r.sample, digest)]
	switch {
	case !ok && a.drop:
		return "not-reviewed"
	case !ok:
		return ""
	case row.Review.Decision == review.Reject:
		return "rejected:" + row.Review.Reason
	}
	r.set("reviewed", true)
	r.origin["reviewed"] = encode(map[string]string{"by": row.Review.By, "decision": string(row.Review.Decision), "digest": digest})
	r.set("origin", r.origin)
	if row.Review.Decision == review.Accept {
		return ""
	}
	had := r.verdict
	for _, name := range []string{"tokens", "thinking_tokens", "rewards", "audit", "verdict"} {
		r.unset(name)
	}
	r.put("response", encode(row.Response))
	if had != nil {
		r.put("verdict", encode(r1.Verdict{Label: r1.Correct, Verifier: "review:" + row.Review.By}))
	}
	return ""
}

// ReviewBatch shows a stage's rows to a batch: those of its inputs, in order of
// name, without those that a step only compares with.
func ReviewBatch(ctx context.Context, params Params, inputs map[string]Source, batch *review.Batch) error {
	data, err := openAll(ctx, Params{steps: params.steps}, Job{Inputs: inputs})
	if err != nil {
		return err
	}
	for _, d := range data.rows {
		for line, err := range d.source.Rows(ctx) {
			if err != nil {
				return err
			}
			r, problem := line.parse([]string{"response"})
			if problem != "" {
				continue // the stage counts it as malformed
			}
			r.at = position{source: d.name, file: line.File, line: line.Number}
			r.trace()
			gold, _ := r.get("gold")
			batch.Show(review.Row{
				ID: r.id, Sample: r.sample, Domain: r.domain, Prompt: r.prompt, Response: r.response,
				Gold: slices.Clone(gold), Verdict: r.verdict,
			})
		}
	}
	return nil
}
