package curate

import (
	"cmp"
	"maps"
	"slices"

	"github.com/r1ctl/r1ctl/internal/r1"
)

// domainCounts are the accounts by domain. What is kept of one is what came in and was
// not dropped; that this is all that was written is checked at the end.
type domainCounts map[string]*domainCount

type domainCount struct {
	in, unverified        int
	tokens, tokensDropped int64
	dropped               map[[2]string]int
}

// read counts a row that is one.
func (d domainCounts) read(m meta) {
	c := d[m.domain]
	if c == nil {
		c = &domainCount{dropped: map[[2]string]int{}}
		d[m.domain] = c
	}
	c.in++
	c.tokens += int64(m.tokens)
	if m.unverified {
		c.unverified++
	}
}

func (d domainCounts) drop(m meta, step, reason string) {
	c := d[m.domain]
	c.dropped[[2]string{step, reason}]++
	c.tokensDropped += int64(m.tokens)
}

// into fills the accounts of a funnel that are by domain, or sums of these.
func (d domainCounts) into(f *r1.Funnel, place map[string]int) {
	for _, name := range slices.Sorted(maps.Keys(d)) {
		c := d[name]
		one := r1.FunnelDomain{
			Name: name, In: c.in, Kept: c.in, TokensIn: c.tokens, TokensKept: c.tokens - c.tokensDropped,
			Unverified: c.unverified, Dropped: listed(c.dropped, place),
		}
		for _, n := range c.dropped {
			one.Kept -= n
		}
		f.TokensIn, f.TokensKept, f.Unverified = f.TokensIn+one.TokensIn, f.TokensKept+one.TokensKept, f.Unverified+one.Unverified
		f.Domains = append(f.Domains, one)
	}
}

// listed are counts in the order of the steps, and of the reasons' names.
func listed(counts map[[2]string]int, place map[string]int) []r1.FunnelCount {
	var out []r1.FunnelCount
	for key, n := range counts {
		out = append(out, r1.FunnelCount{Name: key[0], Reason: key[1], Rows: n})
	}
	slices.SortFunc(out, func(a, b r1.FunnelCount) int {
		return cmp.Or(cmp.Compare(place[a.Name], place[b.Name]), cmp.Compare(a.Reason, b.Reason))
	})
	return out
}
