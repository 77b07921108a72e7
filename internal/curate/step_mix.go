package curate

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/r1ctl/r1ctl/internal/curate/index"
	"github.com/r1ctl/r1ctl/internal/r1"
)

// mix takes rows of groups (by: domain, or source, the input they came from) in
// given proportions. One of these says how many:
//
//	weights    the groups stand in these proportions, with as many rows as the scarcest
//	           group allows, or rows in all where that is less; 0.5 and 0.25 is as 2 and 1
//	targets    so many rows of each group; where one has less, the step fails, unless
//	           short: allow
//	fractions  this part of a group, rounded down, as open-r1's mixture; groups without one stay whole
//
// With weights and targets, groups that are not named are dropped. Which rows of
// a group are taken is random by seed, every row with the same chance; rows are
// never repeated, and stay in their order (shuffle is a step of its own).
//
// Reasons: "group:<group>" for rows beyond the group's number; "unnamed:<group>".
//
// Index: 32 bytes a row; rows wait in the spill file.
type mix struct {
	By        string             `json:"by"`
	Weights   map[string]float64 `json:"weights"`
	Targets   map[string]int     `json:"targets"`
	Fractions map[string]float64 `json:"fractions"`
	Rows      *int               `json:"rows"`
	Short     string             `json:"short"`
}

func mixDef() StepDef {
	return StepDef{
		Name: "mix", Doc: "take rows of domains in given proportions, at random by seed",
		Params: []Param{
			{Name: "by", Type: "text", Default: "domain", Allowed: []string{"domain", "source"}},
			{Name: "weights", Type: "map"}, {Name: "targets", Type: "map"}, {Name: "fractions", Type: "map"},
			{Name: "rows", Type: "integer"},
			{Name: "short", Type: "text", Default: "fail", Allowed: []string{"fail", "allow"}},
		},
		decode: decodeInto(mix{By: "domain", Short: "fail"}),
	}
}

func (s mix) check() error {
	switch {
	case b2i(s.Weights != nil)+b2i(s.Targets != nil)+b2i(s.Fractions != nil) != 1:
		return errors.New("one of weights, targets and fractions is needed")
	case s.By != "domain" && s.By != "source":
		return fmt.Errorf("by %q is none of [domain source]", s.By)
	case s.Short != "fail" && s.Short != "allow":
		return fmt.Errorf("short %q is none of [fail allow]", s.Short)
	case s.Rows != nil && (s.Weights == nil || *s.Rows < 1):
		return errors.New("rows goes with weights, and must be at least 1")
	}
	for group, w := range s.Weights {
		if !(w > 0) || math.IsInf(w, 0) {
			return fmt.Errorf("weights: %s must be above 0", group)
		}
	}
	for group, n := range s.Targets {
		if n < 0 {
			return fmt.Errorf("targets: %s must not be negative", group)
		}
	}
	for group, f := range s.Fractions {
		if err := checkShare("fractions: "+group, f); err != nil {
			return err
		}
	}
	return nil
}

func (mix) needs() []string { return nil }

func (s mix) start(_ context.Context, env env) (any, error) {
	return &mixture{rule: s, random: env.random, numbers: map[string]int32{}, rows: index.NewList(env.index), ranks: index.NewSorter(env.index)}, nil
}

type mixture struct {
	rule    mix
	random  func(seq int64) uint64
	numbers map[string]int32 // number of a group
	groups  []string
	counts  []int
	missing []r1.FunnelShort
	rows    *index.List   // the group of each
	ranks   *index.Sorter // rank, row, group
}

func (m *mixture) Close() error { return errors.Join(m.rows.Close(), m.ranks.Close()) }

func (m *mixture) note(r *row) []byte {
	if m.rule.By == "source" {
		return []byte(r.at.source)
	}
	return []byte(r.domain)
}

func (m *mixture) see(seq int64, note []byte) error {
	n, ok := m.numbers[string(note)]
	if !ok {
		n = int32(len(m.groups))
		m.numbers[string(note)] = n
		m.groups = append(m.groups, string(note))
		m.counts = append(m.counts, 0)
	}
	m.counts[n]++
	if err := m.rows.Append(uint64(n)); err != nil {
		return err
	}
	return m.ranks.Add(index.Record{m.random(seq), uint64(m.rows.Len() - 1), uint64(n)})
}

func (m *mixture) decide() (func(i int) (string, error), iter.Seq2[int, error], error) {
	m.missing = missingOf(m.rule.Targets, func(group string) int {
		if i, ok := m.numbers[group]; ok {
			return m.counts[i]
		}
		return 0
	})
	take, named, err := m.numbersOf()
	if err != nil {
		return nil, nil, err
	}
	kept := newBits(m.rows.Len())
	for r, err := range m.ranks.Sorted() {
		if err != nil {
			return nil, nil, err
		}
		if take[r[2]] > 0 {
			take[r[2]]--
			kept.set(int(r[1]))
		}
	}
	return func(i int) (string, error) {
		if kept.has(i) {
			return "", nil
		}
		group, err := m.rows.At(i)
		switch {
		case err != nil:
			return "", err
		case !named[group]:
			return "unnamed:" + m.groups[group], nil
		}
		return "group:" + m.groups[group], nil
	}, nil, nil
}

func (m *mixture) short() []r1.FunnelShort { return m.missing }

// missingOf are the targets above what there is, in the order of their names.
func missingOf(targets map[string]int, have func(group string) int) []r1.FunnelShort {
	var out []r1.FunnelShort
	for _, group := range slices.Sorted(maps.Keys(targets)) {
		if n := have(group); n < targets[group] {
			out = append(out, r1.FunnelShort{Name: group, Want: targets[group], Have: n})
		}
	}
	return out
}

// numbersOf is how many rows of each group are taken, and which groups have a number.
func (m *mixture) numbersOf() (take []int, named []bool, err error) {
	take, named = make([]int, len(m.groups)), make([]bool, len(m.groups))
	var short []string
	switch {
	case m.rule.Fractions != nil:
		for i, group := range m.groups {
			f, ok := m.rule.Fractions[group]
			if take[i], named[i] = m.counts[i], true; ok {
				take[i] = int(float64(m.counts[i]) * f)
			}
		}
		return take, named, nil
	case m.rule.Targets != nil:
		for _, group := range slices.Sorted(maps.Keys(m.rule.Targets)) {
			want, have := m.rule.Targets[group], 0
			if i, ok := m.numbers[group]; ok {
				have = m.counts[i]
				take[i], named[i] = min(want, have), true
			}
			if have < want {
				short = append(short, fmt.Sprintf("%s has %d of %d", group, have, want))
			}
		}
		if m.rule.Short == "allow" {
			short = nil
		}
	default:
		short = m.byWeight(take, named)
	}
	if len(short) > 0 {
		return nil, nil, &r1.Error{
			Name: "mix-short", Detail: fmt.Sprintf("the mix cannot be made (by %s): %s", m.rule.By, strings.Join(short, ", ")),
			Remedy: "give more rows of these, change the numbers, or (targets) set short: allow",
		}
	}
	return take, named, nil
}

// byWeight fills take in proportion to the weights. What rounding leaves goes to
// the largest remainders, where there are rows.
func (m *mixture) byWeight(take []int, named []bool) (short []string) {
	groups := slices.Sorted(maps.Keys(m.rule.Weights))
	sum, scale := 0.0, math.Inf(1)
	for _, group := range groups {
		i, ok := m.numbers[group]
		if !ok {
			short = append(short, group+" has no rows")
			continue
		}
		named[i] = true
		sum += m.rule.Weights[group]
		scale = min(scale, float64(m.counts[i])/m.rule.Weights[group])
	}
	if len(short) > 0 {
		return short
	}
	total := int(scale*sum + 1e-9)
	if m.rule.Rows != nil && *m.rule.Rows < total {
		total = *m.rule.Rows
	}
	type remainder struct {
		group int32
		part  float64
	}
	var left []remainder
	rest := total
	for _, group := range groups {
		i := m.numbers[group]
		exact := float64(total) * m.rule.Weights[group] / sum
		take[i] = min(int(exact+1e-9), m.counts[i])
		rest -= take[i]
		left = append(left, remainder{i, exact - float64(take[i])})
	}
	slices.SortStableFunc(left, func(a, b remainder) int { return cmp.Compare(b.part, a.part) })
	for _, l := range left {
		if rest > 0 && take[l.group] < m.counts[l.group] {
			take[l.group]++
			rest--
		}
	}
	return nil
}
