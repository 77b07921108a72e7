package curate

import (
	"context"
	"iter"

	"github.com/r1ctl/r1ctl/internal/curate/index"
)

// shuffle puts the rows in an order that is random by seed. It drops nothing.
//
// Index: 24 bytes a row; rows wait in the spill file and are read at random.
type shuffle struct{ noParams }

func shuffleDef() StepDef {
	return StepDef{Name: "shuffle", Doc: "mix the rows, by seed", decode: decodeInto(shuffle{})}
}

func (shuffle) needs() []string { return nil }

func (shuffle) start(_ context.Context, env env) (any, error) {
	return &shuffled{random: env.random, ranks: index.NewSorter(env.index)}, nil
}

type shuffled struct {
	random func(seq int64) uint64
	rows   int
	ranks  *index.Sorter
}

func (s *shuffled) Close() error { return s.ranks.Close() }

func (*shuffled) note(*row) []byte { return nil }

func (s *shuffled) see(seq int64, _ []byte) error {
	s.rows++
	return s.ranks.Add(index.Record{s.random(seq), uint64(s.rows - 1)})
}

func (s *shuffled) decide() (func(i int) (string, error), iter.Seq2[int, error], error) {
	order := func(yield func(int, error) bool) {
		for r, err := range s.ranks.Sorted() {
			if !yield(int(r[1]), err) {
				return
			}
		}
	}
	return func(int) (string, error) { return "", nil }, order, nil
}
