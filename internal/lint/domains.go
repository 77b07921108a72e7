package lint

import (
	"slices"
	"strconv"
	"strings"

	"github.com/r1ctl/r1ctl/internal/r1"
)

// asked are the domains of the rows that a part answers; ok is false where they are not known.
func (c *checker) asked(p part) (known []string, ok bool) {
	switch {
	case p.is(r1.KindGRPO, r1.KindSample):
		known, ok = c.domains(p.inputs["prompts"])
	case p.is(r1.KindEvaluate):
		known, ok = c.domains(p.inputs["problems"])
	}
	slices.Sort(known)
	return slices.Compact(known), ok
}

// lacking are the domains of a reward, in all and those without rows.
func lacking(reward map[string]any, known []string) (all int, without []string) {
	domains, _ := reward["domains"].([]any)
	for _, d := range domains {
		if name, _ := d.(string); !slices.Contains(known, name) {
			without = append(without, name)
		}
	}
	return len(domains), without
}

func domainWithoutRows(c *checker) {
	for _, p := range c.parts {
		known, ok := c.asked(p)
		for i, reward := range p.maps("rewards") {
			all, without := lacking(reward, known)
			if ok && len(without) > 0 && len(without) < all {
				c.found(p, at("rewards", strconv.Itoa(i)), "no row is of the domain %s; there are %s", strings.Join(without, ", "), strings.Join(known, ", "))
			}
		}
	}
}

func unknownDomain(c *checker) {
	for _, p := range c.parts {
		known, ok := c.asked(p)
		if !ok {
			continue
		}
		tell := func(domain string, keys []string) {
			if !slices.Contains(known, domain) {
				c.found(p, keys, "no row is of the domain %s; there are %s", domain, strings.Join(known, ", "))
			}
		}
		for i, reward := range p.maps("rewards") {
			if all, without := lacking(reward, known); all > 0 && len(without) == all {
				tell(without[0], at("rewards", strconv.Itoa(i)))
			}
		}
		shares, _ := p.params["domains"].(map[string]any)
		for _, d := range sortedKeys(shares) {
			tell(d, at("domains", d))
		}
		for i, entry := range p.maps("domains") {
			inner, _ := entry["shares"].(map[string]any)
			for _, d := range sortedKeys(inner) {
				tell(d, at("domains", strconv.Itoa(i)))
			}
		}
	}
}
