package curate

import (
	"context"
	"errors"
	"fmt"
	"iter"

	"github.com/r1ctl/r1ctl/internal/curate/index"
	"github.com/r1ctl/r1ctl/internal/r1"
)

// capRows keeps at most so many rows of a domain (by_domain; domains it does not
// name are not bounded), and then at most rows in all. Which ones is random by
// seed: every row has the same chance, whatever its place. Rows stay in order.
//
// Reasons: "domain:<domain>", "rows".
//
// Index: 32 bytes a row; rows wait in the spill file.
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
	return &capped{params: s, random: env.random, numbers: map[string]int32{}, rows: index.NewList(env.index), ranks: index.NewSorter(env.index)}, nil
}

type capped struct {
	params  capRows
	random  func(seq int64) uint64
	numbers map[string]int32 // number of a domain
	domains []string
	counts  []int // rows of each
	missing []r1.FunnelShort
	rows    *index.List   // the domain of each
	ranks   *index.Sorter // rank, row, domain
}

func (c *capped) Close() error { return errors.Join(c.rows.Close(), c.ranks.Close()) }

func (c *capped) note(r *row) []byte { return []byte(r.domain) }

func (c *capped) see(seq int64, note []byte) error {
	n, ok := c.numbers[string(note)]
	if !ok {
		n = int32(len(c.domains))
		c.numbers[string(note)] = n
		c.domains = append(c.domains, string(note))
		c.counts = append(c.counts, 0)
	}
	c.counts[n]++
	if err := c.rows.Append(uint64(n)); err != nil {
		return err
	}
	return c.ranks.Add(index.Record{c.random(seq), uint64(c.rows.Len() - 1), uint64(n)})
}

func (c *capped) decide() (func(i int) (string, error), iter.Seq2[int, error], error) {
	kept, overRows := newBits(c.rows.Len()), newBits(c.rows.Len())
	left := make([]int, len(c.domains))
	for i, domain := range c.domains {
		left[i] = c.rows.Len()
		if limit, ok := c.params.ByDomain[domain]; ok {
			left[i] = limit
		}
	}
	all := c.rows.Len()
	if c.params.Rows != nil {
		all = *c.params.Rows
	}
	c.missing = c.missed()
	for r, err := range c.ranks.Sorted() {
		switch row, domain := int(r[1]), r[2]; {
		case err != nil:
			return nil, nil, err
		case left[domain] == 0:
		case all == 0:
			overRows.set(row)
		default:
			left[domain]--
			all--
			kept.set(row)
		}
	}
	return func(i int) (string, error) {
		switch {
		case kept.has(i):
			return "", nil
		case overRows.has(i):
			return "rows", nil
		}
		domain, err := c.rows.At(i)
		if err != nil {
			return "", err
		}
		return "domain:" + c.domains[domain], nil
	}, nil, nil
}

func (c *capped) short() []r1.FunnelShort { return c.missing }

// missed are the caps that there are too few rows for: where caps stand for the numbers
// of a recipe, as those of the paper do, these say what falls short.
func (c *capped) missed() []r1.FunnelShort {
	total := 0
	for i, domain := range c.domains {
		n := c.counts[i]
		if limit, ok := c.params.ByDomain[domain]; ok {
			n = min(n, limit)
		}
		total += n
	}
	out := missingOf(c.params.ByDomain, func(domain string) int {
		if i, ok := c.numbers[domain]; ok {
			return c.counts[i]
		}
		return 0
	})
	if c.params.Rows != nil && total < *c.params.Rows {
		out = append(out, r1.FunnelShort{Name: "rows", Want: *c.params.Rows, Have: total})
	}
	return out
}
