package curate

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"

	"github.com/r1ctl/r1ctl/internal/behaviours"
	"github.com/r1ctl/r1ctl/internal/curate/index"
	"github.com/r1ctl/r1ctl/internal/r1"
)

// showing looks at the behaviours that a response shows, as internal/behaviours counts
// them (the four behaviours, and reflective: the ten words):
//
//	min, max  drops rows that show a behaviour less or more often
//	mark      writes the counts of rows that stay into the field of this name
//	targets   keeps, at random by seed, as many rows as are needed for so many of them
//	          to show each behaviour, and drops the others; rarer behaviours are served
//	          first, and a row serves every behaviour that it shows. Rows stay in order.
//	          With short: allow, all there are where there are not enough.
//
// Reasons: "few:<behaviour>", "many:<behaviour>" (the first in order), "not-needed".
//
// Index: with targets, 24 bytes a row, and rows wait in the spill file; else nothing.
type showing struct {
	Min     map[string]int `json:"min"`
	Max     map[string]int `json:"max"`
	Mark    string         `json:"mark"`
	Targets map[string]int `json:"targets"`
	Short   string         `json:"short"`
}

// reflective is what min, max and targets call the ten words together.
const reflective = "reflective"

func shownNames() []string { return append(behaviours.Names(), reflective) }

func behavioursDef() StepDef {
	return StepDef{
		Name: "behaviours", Doc: "keep rows by the cognitive behaviours that they show",
		Params: []Param{
			{Name: "min", Type: "map"}, {Name: "max", Type: "map"}, {Name: "mark", Type: "text"}, {Name: "targets", Type: "map"},
			{Name: "short", Type: "text", Default: "fail", Allowed: []string{"fail", "allow"}},
		},
		decode: decodeInto(showing{Short: "fail"}),
	}
}

func (s showing) check() error {
	bounds := s.Min != nil || s.Max != nil || s.Mark != ""
	switch {
	case bounds == (s.Targets != nil):
		return errors.New("some of min, max and mark, or targets, is needed")
	case s.Short != "fail" && s.Short != "allow":
		return fmt.Errorf("short %q is none of [fail allow]", s.Short)
	case slices.Contains(append(ColumnFields(), "origin"), s.Mark):
		return fmt.Errorf("mark %q is a field of its own", s.Mark)
	}
	for key, of := range map[string]map[string]int{"min": s.Min, "max": s.Max, "targets": s.Targets} {
		for _, name := range slices.Sorted(maps.Keys(of)) {
			if !slices.Contains(shownNames(), name) {
				return fmt.Errorf("%s: %q is none of %v", key, name, shownNames())
			}
			if of[name] < 0 {
				return fmt.Errorf("%s: %s must not be negative", key, name)
			}
		}
	}
	for name, least := range s.Min {
		if most, ok := s.Max[name]; ok && most < least {
			return fmt.Errorf("min %d and max %d of %s leave nothing between them", least, most, name)
		}
	}
	return nil
}

func (showing) needs() []string { return []string{"response"} }

func (s showing) start(_ context.Context, env env) (any, error) {
	if s.Targets != nil {
		return &targets{showing: s, counter: behaviours.New(), random: env.random, have: make([]int, len(shownNames())), ranks: index.NewSorter(env.index)}, nil
	}
	return &bounds{showing: s, counter: behaviours.New()}, nil
}

// shownBy counts the behaviours of a row, in the order of shownNames.
func shownBy(c *behaviours.Counter, r *row) []int {
	of := behaviours.Row{Domain: r.domain, Verifier: r.verifier, Response: r.response}
	of.Info, _ = r.get("verification_info")
	if of.Info == nil { // as rows of other projects have it
		of.Info = encode(map[string]any{"numbers": r.rawField("numbers"), "nums": r.rawField("nums"), "target": r.rawField("target")})
	}
	counts := c.Row(of)
	return append(counts.Shown[:], counts.Reflective())
}

// bounds is the step with min, max and mark.
type bounds struct {
	showing
	counter *behaviours.Counter
}

func (b *bounds) apply(r *row) string {
	shown := shownBy(b.counter, r)
	for i, name := range shownNames() {
		if shown[i] < b.Min[name] {
			return "few:" + name
		}
		if most, ok := b.Max[name]; ok && shown[i] > most {
			return "many:" + name
		}
	}
	if b.Mark != "" {
		counts := map[string]int{}
		for i, name := range shownNames() {
			counts[name] = shown[i]
		}
		r.set(b.Mark, counts)
	}
	return ""
}

// targets is the step with targets.
type targets struct {
	showing
	counter *behaviours.Counter
	random  func(seq int64) uint64
	rows    int
	have    []int         // how many rows show each of shownNames
	ranks   *index.Sorter // of each row its place when rows are drawn, its number, and a bit for each of shownNames
}

func (t *targets) Close() error { return t.ranks.Close() }

func (t *targets) note(r *row) []byte {
	var bits byte
	for i, n := range shownBy(t.counter, r) {
		if n > 0 {
			bits |= 1 << i
		}
	}
	return []byte{bits}
}

func (t *targets) see(seq int64, note []byte) error {
	for i := range t.have {
		t.have[i] += int(note[0] >> i & 1)
	}
	t.rows++
	return t.ranks.Add(index.Record{t.random(seq), uint64(t.rows - 1), uint64(note[0])})
}

func (t *targets) decide() (func(i int) (string, error), iter.Seq2[int, error], error) {
	names, have := shownNames(), t.have
	var wanted []int
	var short []string
	for i, name := range names {
		want, ok := t.Targets[name]
		if !ok {
			continue
		}
		wanted = append(wanted, i)
		if have[i] < want {
			short = append(short, fmt.Sprintf("%d of %d rows show %s", have[i], want, name))
		}
	}
	if len(short) > 0 && t.Short == "fail" {
		return nil, nil, &r1.Error{
			Name: "behaviours-short", Detail: "there are not enough rows for the targets: " + strings.Join(short, ", "),
			Remedy: "give more rows that show these, ask for fewer, or set short: allow",
		}
	}
	slices.SortStableFunc(wanted, func(a, b int) int { return cmp.Compare(have[a], have[b]) })
	kept := newBits(t.rows)
	taken := make([]int, len(names))
	for _, w := range wanted {
		for r, err := range t.ranks.Sorted() {
			if err != nil {
				return nil, nil, err
			}
			if taken[w] >= t.Targets[names[w]] {
				break
			}
			row, shown := int(r[1]), r[2]
			if kept.has(row) || shown>>w&1 == 0 {
				continue
			}
			kept.set(row)
			for j := range names {
				taken[j] += int(shown >> j & 1)
			}
		}
	}
	return func(i int) (string, error) {
		if kept.has(i) {
			return "", nil
		}
		return "not-needed", nil
	}, nil, nil
}
