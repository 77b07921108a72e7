package curate

import (
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"unicode/utf8"
)

// selectRows keeps at most per_prompt rows of each prompt (equal domain and
// prompt). choose says which: the shortest or longest by the sampler's tokens
// (by characters of the response where those are missing), random ones by seed,
// or the first. Ties go to the earlier row; rows stay in their order.
//
// Reason: "not-<choose>", such as "not-shortest".
//
// Memory: 16 bytes a row, about 60 a prompt; rows wait in the spill file.
type selectRows struct {
	PerPrompt int    `json:"per_prompt"`
	Choose    string `json:"choose"`
}

func choices() []string { return []string{"shortest", "longest", "random", "first"} }

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
	return &selection{params: s, random: env.random, prompts: map[promptKey]int32{}}, nil
}

type selection struct {
	params  selectRows
	random  func(seq int64) uint64
	prompts map[promptKey]int32
	rows    []candidate
}

type candidate struct {
	rank   uint64 // the least go first
	prompt int32
}

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
	}
	return binary.LittleEndian.AppendUint64(key[:], rank)
}

func (s *selection) see(_ int64, note []byte) error {
	key := promptKey(note[:16])
	n, ok := s.prompts[key]
	if !ok {
		n = int32(len(s.prompts))
		s.prompts[key] = n
	}
	s.rows = append(s.rows, candidate{rank: binary.LittleEndian.Uint64(note[len(key):]), prompt: n})
	return nil
}

func (s *selection) decide() (func(i int) string, []int, error) {
	best := firstBy(len(s.rows), func(a, b int) int {
		return cmp.Or(cmp.Compare(s.rows[a].prompt, s.rows[b].prompt), cmp.Compare(s.rows[a].rank, s.rows[b].rank))
	})
	kept := make([]bool, len(s.rows))
	taken := make([]int32, len(s.prompts))
	for _, i := range best {
		if n := s.rows[i].prompt; int(taken[n]) < s.params.PerPrompt {
			taken[n]++
			kept[i] = true
		}
	}
	reason := "not-" + s.params.Choose
	return func(i int) string {
		if kept[i] {
			return ""
		}
		return reason
	}, nil, nil
}

// firstBy lists 0..n-1 in the order of compare, ties by number.
func firstBy(n int, compare func(a, b int) int) []int {
	order := make([]int, n)
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int { return cmp.Or(compare(a, b), cmp.Compare(a, b)) })
	return order
}
