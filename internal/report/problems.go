package report

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/r1ctl/r1ctl/internal/r1"
)

const (
	perDomain  = 2 // problems shown of a domain
	maxDomains = 6
)

// sampleRow is a line of an evaluation's samples.jsonl.
type sampleRow struct {
	ID       string          `json:"id"`
	Domain   string          `json:"domain"`
	Prompt   string          `json:"prompt"`
	Gold     json.RawMessage `json:"gold"`
	Sample   int             `json:"sample"`
	Greedy   bool            `json:"greedy"`
	Response string          `json:"response"`
	Tokens   int             `json:"tokens"`
	Finish   string          `json:"finish"`
	Verdict  r1.Verdict      `json:"verdict"`
	Rewards  struct {
		Preference *float64 `json:"preference"`
	} `json:"rewards"`
}

// problems picks, of each domain, the problems with the smallest ids, which are
// digests: a choice that nobody's results can sway. Of every model it takes the
// first sampled answer.
func (c *collector) problems(ctx context.Context, r *Report) ([]Problem, error) {
	chosen := map[r1.OutputRef]*selection{} // by what was measured on
	var order []*selection
	for i := range r.Models {
		m := &r.Models[i]
		if m.Evaluation == "" {
			continue
		}
		file := samplesOf(r, m.Evaluation)
		if file == nil {
			continue
		}
		sel := chosen[m.problems]
		first := sel == nil
		if first {
			sel = &selection{byDomain: map[string][]*Problem{}}
		}
		err := c.eachSample(ctx, *file, func(row *sampleRow) {
			if first {
				sel.consider(row, m.Name)
			} else {
				sel.answer(row, m.Name)
			}
		})
		if absent(err) {
			c.lack("the responses of "+m.Evaluation, err)
			continue
		}
		if err != nil {
			return nil, err
		}
		if first {
			chosen[m.problems] = sel
			order = append(order, sel)
		}
	}
	var out []Problem
	for _, sel := range order {
		out = append(out, sel.list()...)
	}
	return out, nil
}

func samplesOf(r *Report, evaluation string) *r1.Artifact {
	s := r.stage(evaluation)
	for i := range s.Jobs {
		if s.Jobs[i].commit == nil {
			continue
		}
		for _, a := range s.Jobs[i].commit.Outputs {
			if a.Type == r1.TypeReport {
				return &a
			}
		}
	}
	return nil
}

func (c *collector) eachSample(ctx context.Context, a r1.Artifact, each func(*sampleRow)) error {
	f, err := c.store.OpenFile(ctx, a, "samples.jsonl")
	if err != nil {
		return fmt.Errorf("open samples.jsonl of %s: %w", a.Name, err)
	}
	defer f.Close()
	lines := &lineWriter{each: func(raw []byte) {
		var row sampleRow
		if json.Unmarshal(raw, &row) == nil && row.Sample == 0 && !row.Greedy {
			each(&row)
		}
	}}
	if _, err := io.Copy(lines, f); err != nil {
		return fmt.Errorf("read samples.jsonl of %s: %w", a.Name, err)
	}
	return nil
}

// selection is the problems chosen of one set.
type selection struct{ byDomain map[string][]*Problem }

// consider keeps the row's problem when its id is among the smallest so far.
func (s *selection) consider(row *sampleRow, model string) {
	list, known := s.byDomain[row.Domain]
	if !known && len(s.byDomain) == maxDomains {
		return
	}
	if slices.ContainsFunc(list, func(p *Problem) bool { return p.ID == row.ID }) {
		return
	}
	p := &Problem{ID: row.ID, Domain: row.Domain, Gold: goldText(row.Gold), Answers: []Answer{answerOf(row, model)}}
	p.Prompt, _ = cut(row.Prompt, maxText)
	list = append(list, p)
	slices.SortFunc(list, func(a, b *Problem) int { return strings.Compare(a.ID, b.ID) })
	s.byDomain[row.Domain] = list[:min(perDomain, len(list))]
}

func (s *selection) answer(row *sampleRow, model string) {
	for _, p := range s.byDomain[row.Domain] {
		if p.ID == row.ID && p.Answers[len(p.Answers)-1].Model != model {
			p.Answers = append(p.Answers, answerOf(row, model))
		}
	}
}

func (s *selection) list() []Problem {
	var out []Problem
	for _, d := range sortedKeys(s.byDomain) {
		for _, p := range s.byDomain[d] {
			out = append(out, *p)
		}
	}
	return out
}

func answerOf(row *sampleRow, model string) Answer {
	a := Answer{Model: model, Tokens: row.Tokens, Finish: row.Finish, Verdict: row.Verdict, Preference: row.Rewards.Preference}
	a.Response, a.Cut = cut(row.Response, maxText)
	return a
}

// goldText is the right answer as people write it.
func goldText(raw json.RawMessage) string {
	var s string
	if json.Unmarshal(raw, &s) == nil {
		return s
	}
	if text := string(raw); text != "null" {
		return text
	}
	return ""
}
