package tally

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"github.com/r1ctl/r1ctl/internal/curate"
	"github.com/r1ctl/r1ctl/internal/r1"
)

// NoVerdict is the label of samples that nobody judged.
const NoVerdict = "none"

type sample struct {
	Domain  string      `json:"domain"`
	Tokens  int64       `json:"tokens"`
	Verdict *r1.Verdict `json:"verdict"`
}

type counts struct {
	rows, unverified int
	tokens           int64
	verdicts         map[[2]string]int
}

func (c *counts) add(s sample) {
	c.rows++
	c.tokens += s.Tokens
	label, reason := NoVerdict, ""
	if s.Verdict != nil {
		label = string(s.Verdict.Label)
		if s.Verdict.Label == r1.Unverified {
			c.unverified++
			reason = s.Verdict.Reason // of wrong ones there are as many reasons as answers
		}
	}
	c.verdicts[[2]string{label, reason}]++
}

func (c *counts) listed() []r1.FunnelCount {
	out := make([]r1.FunnelCount, 0, len(c.verdicts))
	for key, n := range c.verdicts {
		out = append(out, r1.FunnelCount{Name: key[0], Reason: key[1], Rows: n})
	}
	slices.SortFunc(out, func(a, b r1.FunnelCount) int {
		return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.Reason, b.Reason))
	})
	return out
}

// Samples counts the samples in a folder. All of them are kept. Lines that are no
// samples are an error: a sampler writes none.
func Samples(ctx context.Context, dir string) (*r1.Funnel, error) {
	source, err := curate.Dir(dir)
	if err != nil {
		return nil, fmt.Errorf("count the samples: %w", err)
	}
	all, domains := &counts{verdicts: map[[2]string]int{}}, map[string]*counts{}
	for line, err := range source.Rows(ctx) {
		if err != nil {
			return nil, fmt.Errorf("count the samples: %w", err)
		}
		var s sample
		if err := json.Unmarshal(line.Raw, &s); err != nil {
			return nil, fmt.Errorf("count the samples: %s, line %d: %w", line.File, line.Number, err)
		}
		if domains[s.Domain] == nil {
			domains[s.Domain] = &counts{verdicts: map[[2]string]int{}}
		}
		all.add(s)
		domains[s.Domain].add(s)
	}
	f := &r1.Funnel{In: all.rows, Kept: all.rows, TokensIn: all.tokens, TokensKept: all.tokens, Unverified: all.unverified, Verdicts: all.listed()}
	for _, name := range slices.Sorted(maps.Keys(domains)) {
		c := domains[name]
		f.Domains = append(f.Domains, r1.FunnelDomain{
			Name: name, In: c.rows, Kept: c.rows, TokensIn: c.tokens, TokensKept: c.tokens, Unverified: c.unverified, Verdicts: c.listed(),
		})
	}
	return f, nil
}
