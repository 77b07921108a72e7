package curate

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"slices"
	"unicode/utf8"

	"github.com/r1ctl/r1ctl/internal/curate/index"
	"github.com/r1ctl/r1ctl/internal/r1"
)

// selectRows keeps at most per_prompt rows of each prompt (equal domain and
// prompt). choose says which: the shortest or longest by the sampler's tokens
// (by characters of the response where those are missing), random ones by seed,
// the first, or the one that was verified most: a verdict that a second opinion (audit)
// confirmed comes before one that nobody asked about, then one by equal text or numbers
// (tier 0) before one by formulas (1) and one by the second opinion alone (2); wrong,
// unverified and disputed ones come last, and the shortest goes first among equals.
// Ties go to the earlier row; rows stay in their order.
//
// Reason: "not-<choose>", such as "not-shortest".
//
// Index: 24 bytes a row, 27 to 54 a prompt; rows wait in the spill file.
type selectRows struct {
	PerPrompt int    `json:"per_prompt"`
	Choose    string `json:"choose"`
}

func choices() []string { return []string{"shortest", "longest", "random", "first", "most-verified"} }

func selectDef() StepDef {
	return StepDef{
		Name: "select", Doc: "keep the best rows of a prompt",
		Params: []Param{
			{Name: "per_prompt", Type: "integer", Default: 1},
			{Name: "choose", Type: "text", Default: "shortest", Allowed: choices()},
		},
		decode: decodeInto(selectRows{PerPrompt: 1, Choose: "shortest"}),
	}
}

func (s selectRows) check() error {
	if s.PerPrompt < 1 {
		return errors.New("per_prompt must be at least 1")
	}
	if !slices.Contains(choices(), s.Choose) {
		return fmt.Errorf("choose %q is none of %v", s.Choose, choices())
	}
	return nil
}

func (selectRows) needs() []string { return nil }

func (s selectRows) start(_ context.Context, env env) (any, error) {
	return &selection{params: s, random: env.random, prompts: index.NewNumbers(env.index), ranks: index.NewSorter(env.index)}, nil
}

type selection struct {
	params  selectRows
	random  func(seq int64) uint64
	prompts *index.Numbers
	ranks   *index.Sorter // prompt, rank (the least go first), row
	rows    int
}

func (s *selection) Close() error { return errors.Join(s.prompts.Close(), s.ranks.Close()) }

// note is the prompt's key and the row's rank.
func (s *selection) note(r *row) []byte {
	key := r.promptKey()
	size := 0
	if r.tokens != nil {
		size = *r.tokens
	} else {
		size = utf8.RuneCountInString(r.response)
	}
	var rank uint64
	switch s.params.Choose {
	case "shortest":
		rank = uint64(max(size, 0))
	case "longest":
		rank = ^uint64(max(size, 0))
	case "random":
		rank = s.random(r.seq)
	case "most-verified":
		rank = doubt(r)<<32 | uint64(min(max(size, 0), 1<<32-1))
	}
	return binary.LittleEndian.AppendUint64(key[:], rank)
}

// doubt is the less, the better a row is verified.
func doubt(r *row) uint64 {
	const notCorrect, disputed = 9, 8
	if r.verdict == nil || r.verdict.Label != r1.Correct {
		return notCorrect
	}
	tier := uint64(min(max(r.verdict.Tier, 0), 3))
	var audit *r1.Verdict
	if json.Unmarshal(r.rawField("audit"), &audit) != nil || audit == nil {
		return 4 + tier
	}
	switch audit.Label {
	case r1.Correct:
		return tier
	case r1.Wrong:
		return disputed
	}
	return 4 + tier // the second opinion could not say
}

func (s *selection) see(_ int64, note []byte) error {
	prompt, _, err := s.prompts.Number(index.Key(note[:16]))
	if err != nil {
		return err
	}
	s.rows++
	return s.ranks.Add(index.Record{uint64(prompt), binary.LittleEndian.Uint64(note[16:]), uint64(s.rows - 1)})
}

func (s *selection) decide() (func(i int) (string, error), iter.Seq2[int, error], error) {
	kept := newBits(s.rows)
	prompt, taken := uint64(0), 0
	for r, err := range s.ranks.Sorted() {
		if err != nil {
			return nil, nil, err
		}
		if r[0] != prompt {
			prompt, taken = r[0], 0
		}
		if taken < s.params.PerPrompt {
			taken++
			kept.set(int(r[2]))
		}
	}
	reason := "not-" + s.params.Choose
	return func(i int) (string, error) {
		if kept.has(i) {
			return "", nil
		}
		return reason, nil
	}, nil, nil
}

// rowBits is a set of rows, a bit each.
type rowBits []uint64

func newBits(n int) rowBits { return make(rowBits, n/64+1) }

func (b rowBits) set(i int) { b[i/64] |= 1 << (i % 64) }

func (b rowBits) has(i int) bool { return b[i/64]>>(i%64)&1 == 1 }
