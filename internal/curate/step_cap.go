package curate

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"github.com/r1ctl/r1ctl/internal/r1"
)

// capRows keeps at most so many rows of a domain (by_domain; domains it does not
// name are not bounded), and then at most rows in all. Which ones is random by
// seed: every row has the same chance, whatever its place. Rows stay in order.
//
// Reasons: "domain:<domain>", "rows".
//
// Memory: 16 bytes a row; rows wait in the spill file.
type capRows struct {
	Rows     *int           `json:"rows"`
	ByDomain map[string]int `json:"by_domain"`
}

func capDef() StepDef {
	return StepDef{
		Name: "cap", Doc: "at most so many rows, at random by seed",
		Params: []Param{{Name: "rows", Type: "integer"}, {Name: "by_domain", Type: "map"}},
		decode: decodeInto(capRows{}),
	}
}

func (s capRows) check() error {
	if s.Rows == nil && s.ByDomain == nil {
		return errors.New("rows, by_domain or both are needed")
	}
	if s.Rows != nil && *s.Rows < 1 {
		return errors.New("rows must be at least 1")
	}
	for domain, n := range s.ByDomain {
		if n < 0 {
			return fmt.Errorf("by_domain: %s must not be negative", domain)
		}
	}
	return nil
}

func (capRows) needs() []string { return nil }

func (s capRows) start(_ context.Context, env env) (any, error) {
	return &capped{params: s, random: env.random, numbers: map[string]int32{}}, nil
}

type capped struct {
	params  capRows
	random  func(seq int64) uint64
	numbers map[string]int32 // number of a domain
	domains []string
	missing []r1.FunnelShort
	rows    []struct {
		rank   uint64
		domain int32
	}
}

func (c *capped) note(r *row) []byte { return []byte(r.domain) }

func (c *capped) see(seq int64, note []byte) error {
	n, ok := c.numbers[string(note)]
	if !ok {
		n = int32(len(c.domains))
		c.numbers[string(note)] = n
		c.domains = append(c.domains, string(note))
	}
	c.rows = append(c.rows, struct {
		rank   uint64
		domain int32
	}{c.random(seq), n})
	return nil
}

func (c *capped) decide() (func(i int) string, []int, error) {
	const overDomain, overRows = 1, 2
	dropped := make([]byte, len(c.rows))
	left := make([]int, len(c.domains))
	for i, domain := range c.domains {
		left[i] = len(c.rows)
		if limit, ok := c.params.ByDomain[domain]; ok {
			left[i] = limit
		}
	}
	all := len(c.rows)
	if c.params.Rows != nil {
		all = *c.params.Rows
	}
	c.missing = c.missed()
	for _, i := range firstBy(len(c.rows), func(a, b int) int { return cmp.Compare(c.rows[a].rank, c.rows[b].rank) }) {
		switch domain := c.rows[i].domain; {
		case left[domain] == 0:
			dropped[i] = overDomain
		case all == 0:
			dropped[i] = overRows
		default:
			left[domain]--
			all--
		}
	}
	return func(i int) string {
		switch dropped[i] {
		case overDomain:
			return "domain:" + c.domains[c.rows[i].domain]
		case overRows:
			return "rows"
		}
		return ""
	}, nil, nil
}

func (c *capped) short() []r1.FunnelShort { return c.missing }

// missed are the caps that there are too few rows for: where caps stand for the numbers
// of a recipe, as those of the paper do, these say what falls short.
func (c *capped) missed() []r1.FunnelShort {
	counts := make([]int, len(c.domains))
	for _, row := range c.rows {
		counts[row.domain]++
	}
	total := 0
	for i, domain := range c.domains {
		n := counts[i]
		if limit, ok := c.params.ByDomain[domain]; ok {
			n = min(n, limit)
		}
		total += n
	}
	out := missingOf(c.params.ByDomain, func(domain string) int {
		if i, ok := c.numbers[domain]; ok {
			return counts[i]
		}
		return 0
	})
	if c.params.Rows != nil && total < *c.params.Rows {
		out = append(out, r1.FunnelShort{Name: "rows", Want: *c.params.Rows, Have: total})
	}
	return out
}
